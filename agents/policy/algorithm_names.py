"""Names of the algorithms by kind. Loads no torch, so that a config can check them. Read next: `architectures.py`."""

ACTOR_CRITIC = ("PPO", "A2C", "TRPO")  # with an actor that has no memory
Q_LEARNING = ("DQN", "QR-DQN")
ON_POLICY = (*ACTOR_CRITIC, "RecurrentPPO")  # learn from rollouts
