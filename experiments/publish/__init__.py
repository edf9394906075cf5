"""From run folders to the data of a report and to films. Writes no HTML."""
