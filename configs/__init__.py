"""Experiments as YAML: one file is one complete experiment; `studies/` holds grids of them.

A package only so that the files travel with the wheel. `goalposts config schema` prints every key that they may hold.
"""
