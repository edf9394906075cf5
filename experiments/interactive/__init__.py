"""Players for the windows: trained agents, scripted agents and people. The pygame code is in `envs/window`."""
