"""Predictors from the training: A, its pool of levels; B, its log; C, its weights. Read next: `behaviour.py`."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch

from ...agents.input_support import SUPPORT
from ...agents.policy.checkpoint import read_tensors
from ...agents.policy.loading import load_input_support
from ...envs.generation.generate import generate
from ...envs.planner.planner import survey_levels
from ...envs.worlds.contract.condition_names import parse_condition
from ..measurement.progress_columns import LENGTH, RETURN
from .evidence import NotAvailable, PredictorInputs

POOL = 5_000  # levels of the pool that are surveyed
LAST = 0.1  # fraction of the log that a last value is averaged over


def alpha(inputs: PredictorInputs) -> float:
    """The parameter of the training condition: α of mixture(α), f of right_fraction(f); 0 without a parameter."""
    condition = inputs.config.env.condition
    parameter = parse_condition(condition, None, None)[1]
    if parameter is not None:
        return float(parameter)
    return 0.0 if inputs.world.condition(condition).role == "train" else 1.0


def distinguishing(inputs: PredictorInputs) -> float:
    """Levels of the training pool on which goal and proxy come apart, extrapolated from its first 5,000 levels."""
    env = inputs.config.env
    share = _distinguishing_share(
        inputs.config.world, env.condition, env.level_seed, min(env.levels or POOL, POOL)
    )
    return share * (env.levels or inputs.config.train.total_steps)


@lru_cache(maxsize=32)
def _distinguishing_share(world: str, condition: str, seed: int, count: int) -> float:
    return float(survey_levels(generate(world, condition, seed, count)).distinguishing.mean())


def train_return(inputs: PredictorInputs) -> float:
    """Mean return of training episodes over the last tenth of the log."""
    values = _log(inputs, RETURN)[1]
    return float(values[-_last(values) :].mean())


def train_entropy(inputs: PredictorInputs) -> float:
    """Mean policy entropy over the last tenth of the log."""
    values = _log(inputs, "entropy")[1]
    return float(values[-_last(values) :].mean())


def length_slope(inputs: PredictorInputs) -> float:
    """Slope of the episode length over the second half of the log, in steps per million environment steps."""
    step, values = _log(inputs, LENGTH)
    half = len(values) // 2
    if len(values) - half < 2:
        raise NotAvailable("needs a training log of at least three rows")
    return float(np.polyfit(step[half:] / 1e6, values[half:], 1)[0])


def _log(inputs: PredictorInputs, name: str) -> tuple[np.ndarray, np.ndarray]:
    if inputs.run is None:
        raise NotAvailable("needs the run folder of the training, with its progress.csv")
    rows = [(row["step"], row[name]) for row in inputs.run.progress() if row.get(name) is not None]
    if not rows:
        raise NotAvailable(f"needs a training log with {name}; progress.csv has none")
    step, values = np.array(rows, np.float64).T
    return step, values


def _last(values: np.ndarray) -> int:
    return max(1, round(LAST * len(values)))


def goal_weights(inputs: PredictorInputs) -> float:
    """Change of the first layer's weights on the goal's plane since checkpoint 0, as a fraction of its whole change."""
    planes = inputs.goal_planes
    if not planes:
        return 0.0
    change = _first_layer_change(inputs)
    return float(np.linalg.norm(change[:, planes]) / np.linalg.norm(change))


def goal_support(inputs: PredictorInputs) -> float:
    """Fraction of the goal plane's cells whose bit was ever 1 in training."""
    last = None if inputs.run is None else inputs.run.latest_checkpoint()
    if last is None or not (last.path / SUPPORT).exists():
        raise NotAvailable(f"needs {SUPPORT} next to the weights; train with record.support=true")
    planes = inputs.goal_planes
    return float((load_input_support(last.path).ones[planes[0]] > 0).mean()) if planes else 0.0


def _first_layer_change(inputs: PredictorInputs) -> np.ndarray:
    """float32[units, C, H, W]: last weights minus first weights of the layer that the policy reads observations with."""
    paths = (
        {}
        if inputs.run is None
        else {checkpoint.step: checkpoint.path for checkpoint in inputs.run.checkpoints()}
    )
    if 0 not in paths or len(paths) < 2:
        raise NotAvailable("needs the weights of checkpoint 0; train with record.initial=true")
    before, after = (read_tensors(paths[step] / "model.safetensors") for step in (0, max(paths)))
    shape = inputs.agent.card.shape
    names = [
        name
        for name, tensor in after.items()
        if tensor.dim() == 2
        and tensor.shape[1] == int(np.prod(shape))
        and "value" not in name
        and not name.startswith("vf_")
    ]
    if not names or names[0] not in before:
        raise NotAvailable("needs a first layer that reads all bits of the observation")
    change = (after[names[0]].to(torch.float32) - before[names[0]].to(torch.float32)).numpy()
    return change.reshape(len(change), *shape)
