"""A study as a value: its config, its plan of runs, what is measured of each. Runs nothing, keeps nothing."""
