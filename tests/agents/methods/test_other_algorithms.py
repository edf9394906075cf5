"""Methods that need an actor without memory, or rollouts, say so in one sentence with other algorithms."""

from pathlib import Path

import pytest

from goalposts.errors import UserError
from goalposts.experiments import load_config
from goalposts.experiments.training.train import train

TINY = {
    "DQN": (
        "train.algorithm=DQN",
        "train.total_steps=2048",
        "train.num_envs=16",
        "train.learning_starts=500",
    ),
    "RecurrentPPO": (
        "train.algorithm=RecurrentPPO",
        "train.total_steps=1024",
        "train.num_envs=16",
        "train.n_steps=16",
        "train.batch_size=64",
    ),
}


@pytest.mark.parametrize(
    ("method", "algorithm", "message"),
    [
        ("behaviour_cloning", "DQN", "imitation fits an actor without memory, and DQN has none"),
        (
            "behaviour_cloning",
            "RecurrentPPO",
            "imitation fits an actor without memory, and RecurrentPPO has none",
        ),
        (
            "ensemble",
            "DQN",
            "an ensemble averages the action probabilities of agents, each with an actor without memory, and DQN has none",
        ),
        (
            "ensemble_vote",
            "RecurrentPPO",
            "an actor without memory, and RecurrentPPO has none; set train.algorithm to one of PPO, A2C, TRPO",
        ),
        (
            "plr",
            "DQN",
            "level replay scores rollouts, and DQN learns from single steps; set train.algorithm=PPO or A2C",
        ),
        ("sfl", "DQN", "level replay scores rollouts, and DQN learns from single steps"),
        ("accel", "DQN", "level replay scores rollouts, and DQN learns from single steps"),
    ],
)
def test_a_method_that_does_not_fit_an_algorithm_ends_in_one_sentence(
    method: str, algorithm: str, message: str, tmp_path: Path
) -> None:
    overrides = [
        *TINY[algorithm],
        f"method={method}",
        "env.levels=50",
        "train.probe_every=null",
        "train.checkpoint_every=null",
    ]
    with pytest.raises(UserError, match=message) as told:
        train(load_config("coinrun/edge", overrides), tmp_path / "run", evaluate=False, tensorboard=False)
    assert "\n" not in str(told.value)
