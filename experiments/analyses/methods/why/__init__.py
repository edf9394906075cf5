"""The study of why replay by exact regret compares otherwise than published. Read next: `__main__.py`."""
