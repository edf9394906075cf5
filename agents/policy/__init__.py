"""Networks, checkpoints and loading: what a trained agent is on disk and in memory. No training."""
