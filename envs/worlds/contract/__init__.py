"""The contract of a world: what it declares, how it marks observations, how its conditions are written."""
