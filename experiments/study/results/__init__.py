"""What a study's finished runs amount to: tables, figures, comparison, page."""
