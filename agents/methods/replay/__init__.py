"""Methods that choose the next training levels by a score: prioritized replay, sampling for learnability, evolving levels."""
