"""A study's folder: what is finished, whether its results are up to date, how long the rest will take."""
