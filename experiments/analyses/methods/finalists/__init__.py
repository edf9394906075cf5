"""Three finalists of the studies of methods on new seeds, in three worlds. Read next: `choice.py`, then `__main__.py`."""
