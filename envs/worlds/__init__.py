"""One world a file; `registry.py` lists them. Read next: `coinrun.py`, the first."""
