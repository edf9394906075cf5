"""Study design: the config of a study, its plan of runs, and the measures of each run. Runs and stores nothing."""
