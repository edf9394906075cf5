"""The study of what nets use over α: its numbers and its page. docs/results/explain.md is the page."""
