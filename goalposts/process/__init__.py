"""What a process of Goalposts owes its surroundings: budgets, caches, streams, and no settings from the working directory."""
