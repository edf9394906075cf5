"""PPO by stable-baselines3, and its fast path on binary planes. Knows no run folders."""
