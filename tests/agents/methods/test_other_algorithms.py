"""Methods that need an actor without memory, or rollouts: with another algorithm the config is refused, and so is a task made by hand."""

from pathlib import Path

import pytest

from goalposts.agents.methods import registry
from goalposts.errors import UserError
from goalposts.experiments import load_config
from goalposts.experiments.config.train_section import ALGORITHMS
from goalposts.experiments.config.yaml_document import ConfigError
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

ON_POLICY, WITH_ACTOR = {"PPO", "A2C", "TRPO", "RecurrentPPO"}, {"PPO", "A2C", "TRPO"}
FITTING = {
    **dict.fromkeys(("plr", "sfl", "accel"), ON_POLICY),
    **dict.fromkeys(("ensemble", "ensemble_vote", "behaviour_cloning"), WITH_ACTOR),
    **dict.fromkeys(("labelled_cloning", "dagger", "diverse_heads"), WITH_ACTOR),
    "dropout": {"PPO"},
}


@pytest.mark.parametrize("method", list(registry.METHODS))
def test_a_config_is_refused_if_its_method_does_not_work_with_its_algorithm(method: str) -> None:
    for algorithm in ALGORITHMS:
        changes = [f"train.algorithm={algorithm}", f"method={method}"]
        if algorithm in FITTING.get(method, set(ALGORITHMS)):
            load_config("coinrun/edge", changes)
            continue
        with pytest.raises(
            ConfigError, match=f"{method} does not work with train.algorithm={algorithm}; it must be .*PPO"
        ):
            load_config("coinrun/edge", changes)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["plr", "accel", "sfl"])
def test_level_replay_trains_an_agent_with_memory(method: str, tmp_path: Path) -> None:
    changes = [*TINY["RecurrentPPO"], f"method={method}", "env.levels=50", "env.condition=mixture(0.3)"]
    config = load_config("coinrun/edge", [*changes, "train.probe_every=null", "train.checkpoint_every=null"])
    run = train(config, tmp_path / "run", evaluate=False, tensorboard=False)
    assert run.status().step == 2048  # in whole rollouts
    assert run.latest_checkpoint() is not None


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
    method: str, algorithm: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "check_algorithm", lambda name, algorithm: None)
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
