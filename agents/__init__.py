"""Agents: who acts on levels, trained or scripted, and how episodes are played. Knows no run folders.

The names below are imported when first used, so that scripted agents do not wait for torch. Read next: `rollout.py`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .policy.checkpoint import AgentCard, CheckpointError, PolicyAgent, load_policy
    from .policy.loading import load_agent
    from .ppo.training import PPOSettings, Progress, Training, TrainingDiverged
    from .rollout import Agent, Played, play
    from .sb3_vec_env import GoalpostsVecEnv
    from .scripted import GoToGoal, GoToProxy, Mixture, Noisy, Random, Scripted, scripted_agents

_HOME = {
    "policy.checkpoint": ("AgentCard", "CheckpointError", "PolicyAgent", "load_policy"),
    "rollout": ("Agent", "Played", "play"),
    "policy.loading": ("load_agent",),
    "ppo.training": ("PPOSettings", "Progress", "Training", "TrainingDiverged"),
    "scripted": ("GoToGoal", "GoToProxy", "Mixture", "Noisy", "Random", "Scripted", "scripted_agents"),
    "sb3_vec_env": ("GoalpostsVecEnv",),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = [
    "Agent", "AgentCard", "CheckpointError", "GoToGoal", "GoToProxy", "GoalpostsVecEnv", "Mixture", "Noisy",
    "PPOSettings", "Played", "PolicyAgent", "Progress", "Random", "Scripted", "Training", "TrainingDiverged", "load_agent",
    "load_policy", "play",
    "scripted_agents",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'goalposts.agents' has no attribute {name!r}")
    value = getattr(import_module(f".{_MODULE_OF[name]}", __name__), name)
    globals()[name] = value
    return value
