"""Process-level concerns: reading budgets, cache folders, standard streams, isolation from the working directory."""
