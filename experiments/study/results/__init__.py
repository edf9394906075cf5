"""Results of a study's finished runs: tables, figures, comparison, page."""
