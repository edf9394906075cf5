"""An agent's network as text for a live page: weights as whole numbers of two bytes or one, with a scale for each unit.

Reads the policy, never a run folder. Read next: `experiments/runs/recorded_network.py`, which packs arrays;
`experiments/report/live/network.js`, which computes with it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from stable_baselines3.common.policies import ActorCriticPolicy
from torch import nn

from ...agents.policy.networks import PlanesExtractor
from ...agents.policy.policy_agent import PolicyAgent, RecurrentAgent
from ..runs.recorded_network import NotLiveError, packed_arrays


def packed_network(agent: PolicyAgent, name: str, in_bytes: bool = False) -> dict[str, Any]:
    """Layers of the trunk, of the policy and of the value, weights as [input][output]. Raises NotLiveError.

    in_bytes: one byte for each weight instead of two, for a page with several agents.
    """
    check_plain(agent, name)
    policy = agent.policy
    heads = policy.mlp_extractor
    parts = [
        linear_layers(policy.features_extractor.layers.modules()),
        [*linear_layers(heads.policy_net.modules()), policy.action_net],
        [*linear_layers(heads.value_net.modules()), policy.value_net],
    ]
    trunk, pi, vf = ([packed_layer(layer, in_bytes) for layer in part] for part in parts)
    return {"trunk": trunk, "pi": pi, "vf": vf, "bf16": agent.card.precision == "bf16"}


def check_plain(agent: Any, name: str) -> None:
    """Raise NotLiveError unless an agent sees planes and has plain layers with ReLU between them."""
    allowed = "a live page takes agents that see planes (observation view or full) and have plain ReLU layers"
    if isinstance(agent, RecurrentAgent):
        raise NotLiveError(f"{name} remembers what it saw (a recurrent network); {allowed}")
    if type(agent) is not PolicyAgent or type(agent.policy) is not ActorCriticPolicy:
        raise NotLiveError(f"{name} acts by another kind of policy than PPO's plain one; {allowed}")
    if agent.card.observation == "rgb":
        raise NotLiveError(f"{name} sees pixels; {allowed}")
    extractor, heads = agent.policy.features_extractor, agent.policy.mlp_extractor
    modules = {type(m) for part in (extractor, heads) for m in part.modules() if not list(m.children())}
    plain = {nn.Flatten, nn.Linear, nn.ReLU, nn.Identity, nn.Sequential}
    if not isinstance(extractor, PlanesExtractor) or modules - plain:
        raise NotLiveError(f"{name} has layers of another kind; {allowed}")


def linear_layers(modules: Iterable[nn.Module]) -> list[nn.Linear]:
    """The layers with weights, in their order."""
    return [m for m in modules if isinstance(m, nn.Linear)]


def packed_layer(layer: nn.Linear, in_bytes: bool) -> dict[str, Any]:
    """One layer as base64 text."""
    with torch.no_grad():
        return packed_arrays(layer.weight.double().numpy(), layer.bias.double().numpy(), in_bytes)
