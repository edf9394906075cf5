"""The contract of a world: its declarations, how it marks observations, and the syntax of condition names."""
