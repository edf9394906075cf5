"""Experiments: configs, runs, evaluation, measurement, reports and the command line. Read next: `config.py`."""
