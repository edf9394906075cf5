"""The worlds, one a file; `registry.py` lists them."""
