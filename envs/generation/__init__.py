"""Generated levels: layouts and goal placements, verified solvable. Plays no episodes."""
