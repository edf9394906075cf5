"""Studies: a grid of runs from plan to results; and the demo, the smallest grid. For single runs, see `experiments/training`."""
