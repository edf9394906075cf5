"""People and agents in a window: who plays, and what is kept of it. Leaves pygame to `envs/window`."""
