"""People and agents in a window: who plays, and which episodes are kept. Leaves pygame to `envs/window`."""
