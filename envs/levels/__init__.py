"""A level as a value, its text form and its files. Knows no rules."""
