"""Algorithms other than PPO, by stable-baselines3 and sb3-contrib, on the native vector environment. Knows no run folders."""
