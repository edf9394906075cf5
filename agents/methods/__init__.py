"""Methods of training: one readable file each, and the task that gives them levels and counts their steps. Knows no run folders."""
