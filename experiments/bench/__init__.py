"""Benchmarks of `goalposts bench`: speed and memory on this machine."""
