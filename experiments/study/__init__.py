"""A grid of runs: config, plan, folder, driver. Single runs are made by `experiments/training`."""
