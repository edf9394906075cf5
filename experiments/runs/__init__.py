"""One run folder and its files: config, status, progress, checkpoints, provenance. Plays nothing."""
