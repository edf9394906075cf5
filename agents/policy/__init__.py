"""Networks, checkpoints and loading: trained agents on disk and in memory. No training."""
