"""A grid of runs, driven from its plan to its results. Single runs are made by `experiments/training`."""
