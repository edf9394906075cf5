"""Gather the data of reports and films from run folders. Writes no HTML."""
