"""The study of equal entropy bonuses: which differences between methods remain? Read next: `__main__.py`."""
