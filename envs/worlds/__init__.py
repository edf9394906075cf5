"""One world a file; `registry.py` lists them. Read next: `envs/worlds/coinrun/rules.py`, the first."""
