"""Convert the `train` section of a config to the settings of a learner. Read next: `train.py`."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from ...agents.algorithms.training import LearnerSettings
from ...agents.ppo.training import PPOSettings
from ..config.fields import Section
from ..config.schema import ExperimentConfig
from ..config.train_section import NetConfig, OptimizerConfig, TrainConfig

NOT_ARGUMENTS = {
    *("algorithm", "total_steps", "num_envs", "learning_rate", "anneal", "net", "optimizer", "n_quantiles"),
    *("checkpoint_every", "probe_every", "probe_levels"),
}
"""Keys of `train` that are not arguments of SB3's class."""


def learner_settings(train: Any) -> PPOSettings | LearnerSettings:
    """Make the learner's settings from `train`, a section of `experiments/config/learners.py` or PPO's."""
    net = train.net
    if isinstance(train, TrainConfig):
        names = {field.name for field in fields(PPOSettings)} & set(TrainConfig.model_fields) - {"optimizer"}
        same = train.optimizer == OptimizerConfig()
        return PPOSettings(
            **{name: getattr(train, name) for name in names},
            **_widths(net),
            options=policy_options_of(train),
            optimizer=None if same else train.optimizer.model_dump(),
        )
    names = [name for name in type(train).model_fields if name not in NOT_ARGUMENTS]
    return LearnerSettings(
        train.algorithm,
        train.total_steps,
        train.num_envs,
        train.learning_rate,
        train.anneal,
        train.rollout,
        {name: getattr(train, name) for name in names},
        options=policy_options_of(train),
        optimizer=train.optimizer.model_dump(),
        **_widths(net),
    )


def env_options(config: ExperimentConfig) -> dict[str, Any]:
    """The options of `GoalpostsVecEnv` that a config describes."""
    env = config.env
    return {
        "world": config.world,
        "condition": env.condition,
        "observation": env.observation,
        "split": "train",
        "level_seed": env.level_seed,
        "num_levels": env.levels,
        "max_steps": env.max_steps,
        "reward": env.reward,
        "slip": env.slip,
    }


def _widths(net: NetConfig) -> dict[str, Any]:
    return {"trunk": tuple(net.trunk), "pi": tuple(net.pi), "vf": tuple(net.vf)}


def policy_options_of(train: Any) -> dict[str, Any]:
    """Policy arguments that a checkpoint's card records: those that differ from PPO's defaults."""
    net = train.net
    options = {
        name: getattr(net, name)
        for name in NetConfig.LATER - {"source"}
        if getattr(net, name) != _default(net, name)
    }
    for name in ("lstm_hidden_size", "n_lstm_layers", "shared_lstm", "enable_critic_lstm"):
        if hasattr(net, name):
            options[name] = getattr(net, name)
    if hasattr(train, "n_quantiles"):
        options["n_quantiles"] = train.n_quantiles
    if hasattr(train, "exploration_final_eps"):
        options["epsilon"] = train.exploration_final_eps
    return dict(sorted(options.items()))


def _default(section: Section, name: str) -> Any:
    return type(section).model_fields[name].get_default(call_default_factory=True)
