"""Training methods, one readable file each, and the task that provides their levels and counts their steps. Knows no run folders."""
