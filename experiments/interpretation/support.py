"""Which input bits training ever showed, and how far the first layer's weights moved from checkpoint 0, bit by bit.

A bit that was never 1 has no gradient, so its weights are those of checkpoint 0: what the net does with it was not learned. Needs
weights, and planes. A run without checkpoint 0 (`record.initial`) gets the same weights from its config, because they are a function
of the seed; nets of other seeds are untrained nets of the same architecture.
Read next: `agents/input_support.py`, which counts bits while a net is trained (`record.support`).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import polars as pl
import torch

from goalposts.errors import UserError

from ...agents.input_support import SUPPORT
from ...agents.policy.loading import load_input_support
from ...agents.policy.policy_agent import PolicyAgent
from ...envs.engine.observe import observation_layout
from ...envs.worlds.registry import get_world
from ..runs.agent_card import load_agent_of
from ..runs.run import Run
from ..training.train import new_training

NETS = 5
FEW = 16  # training levels: the initial weights do not depend on them
SCHEMA = {
    "plane": pl.String(),
    "row": pl.Int64(),  # of the observation, from the top
    "col": pl.Int64(),
    "ones": pl.Int64(),  # how often the bit was 1 in training; null where it was not counted
    "change": pl.Float64(),  # Euclidean norm of the change of the bit's weights since checkpoint 0
}


def support_table(agent: Any, untrained: Any, ones: np.ndarray | None = None) -> pl.DataFrame:
    """One row per input bit; ones int64[C, H, W] as `load_input_support` gives them. Raises UserError for an agent without weights."""
    after, before = first_layer(agent), first_layer(untrained)
    shape, world = agent.card.shape, get_world(agent.card.world)
    change = torch.linalg.vector_norm(after - before, dim=0).double().numpy().reshape(shape)
    layout = observation_layout(world, agent.card.observation, (3, 3))
    plane, row, col = (axis.reshape(-1) for axis in np.indices(shape))
    names = np.array([world.planes[int(bit).bit_length() - 1] for bit in layout.bits])
    return pl.DataFrame(
        {
            "plane": names[plane],
            "row": row,
            "col": col,
            "ones": [None] * change.size if ones is None else ones.reshape(-1),
            "change": change.reshape(-1),
        },
        schema=SCHEMA,
    )


def support_of(run: Run, agent: Any, untrained: Any) -> pl.DataFrame:
    """The table of a run, with counts where it kept them."""
    last = run.latest_checkpoint()
    counted = last is not None and (last.path / SUPPORT).exists()
    ones = load_input_support(last.path).ones if counted and last is not None else None
    return support_table(agent, untrained, ones)


def by_plane(table: pl.DataFrame) -> pl.DataFrame:
    """One row per plane: its bits, how many were ever 1 (null: not counted), how many have other weights than at the start,
    the mean change of all its bits and of those whose weights changed."""
    moved = pl.col("change") > 0
    return table.group_by("plane", maintain_order=True).agg(
        pl.len().alias("bits"),
        pl.when(pl.col("ones").is_null().any())
        .then(None)
        .otherwise((pl.col("ones") > 0).sum())
        .alias("ever_1"),
        moved.sum().alias("changed"),
        pl.col("change").mean().alias("mean_change"),
        pl.col("change").filter(moved).mean().alias("mean_change_of_changed"),
    )


def first_layer(agent: Any) -> torch.Tensor:
    """The weights float32[width, C · H · W] of the layer that reads the planes. Raises UserError where there is none."""
    if isinstance(agent, PolicyAgent) and hasattr(agent.policy, "named_modules"):
        inputs = math.prod(agent.card.shape)
        for module in agent.policy.modules():
            if isinstance(module, torch.nn.Linear) and module.in_features == inputs:
                return module.weight.detach()
    raise UserError(
        "support and weight changes need the weights of a layer that reads planes, and this agent has none"
    )


def untrained_agent(run: Run, seed: int | None = None) -> PolicyAgent:
    """The agent at step 0 of a run, or with another seed. Raises CheckpointError if a checkpoint is damaged."""
    first = next(iter(run.checkpoints()), None)
    if seed is None and first is not None and first.step == 0:
        return load_agent_of(run.config, first)
    return _fresh(run, run.config.seed if seed is None else seed)


def untrained_agents(run: Run, count: int = NETS) -> list[PolicyAgent]:
    """The run's own untrained net and, in order of their seeds, others of the same architecture."""
    own = run.config.seed
    return [untrained_agent(run), *(untrained_agent(run, own + 1 + k) for k in range(count - 1))]


def _fresh(run: Run, seed: int) -> PolicyAgent:
    env = run.config.env.model_copy(update={"levels": FEW})
    changes: dict[str, Any] = {"seed": seed, "env": env}
    return new_training(run.config.model_copy(update=changes)).agent()
