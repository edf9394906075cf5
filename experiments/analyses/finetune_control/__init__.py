"""The fine-tuning test with its positive control: the page, computed from fine-tuned runs."""
