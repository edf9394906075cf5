"""Evaluation: agents play levels, giving tables of episodes, trajectories, attribution, goal sweeps and diagnoses."""
