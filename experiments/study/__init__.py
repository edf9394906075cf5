"""A grid of runs, driven from its plan to its results, and the demo, the smallest grid. Single runs: `experiments/training`."""
