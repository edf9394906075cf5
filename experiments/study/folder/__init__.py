"""A study's folder: finished runs, up-to-date results, and the estimate of the remaining time."""
