"""stable-baselines3's PPO and a fast path for binary planes. Knows no run folders."""
