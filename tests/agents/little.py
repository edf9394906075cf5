"""A training of a few thousand steps of a tiny net, for the tests in this folder. Not a test."""

from typing import Any

import torch

from goalposts.agents import Training


def training(observation: str = "view", env: dict[str, Any] | None = None, **changed: Any) -> Training:
    """Seconds on one core. `changed` replaces arguments of `Training`, `env` adds to its environments' options."""
    arguments: dict[str, Any] = {
        "name": "little", "env": {"condition": "edge", "observation": observation, **(env or {})}, "seed": 3,
        "total_steps": 2048, "num_envs": 16, "n_steps": 32, "batch_size": 128, "n_epochs": 2, "learning_rate": 1e-3,
        "anneal": True, "gamma": 0.99, "gae_lambda": 0.95, "ent_coef": 0.01, "clip_range": 0.2, "vf_coef": 0.5,
        "max_grad_norm": 0.5, "trunk": (32,), "pi": (16,), "vf": (16,),
    }  # fmt: skip
    return Training(**(arguments | changed))


def weights(training: Training) -> dict[str, bytes]:
    """The policy's tensors as bytes, by name."""
    state = training.model.policy.state_dict()
    return {
        name: tensor.numpy().tobytes() for name, tensor in state.items() if isinstance(tensor, torch.Tensor)
    }


def ignore(_: object) -> None:
    """A callback that looks at nothing."""
