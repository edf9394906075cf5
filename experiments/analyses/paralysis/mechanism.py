"""Two tests at deadlocks: do two actions balance, and do goal and proxy push in opposite directions?

Replays an agent's greedy episodes on the shifted levels and looks at one state per episode: in the cycle of an episode that
goes round in circles, or halfway through one that reached goal or proxy. Read next: `numbers.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ....agents.goal_visibility import goal_planes
from ....agents.recorded import walk
from ....agents.rollout import LOOPS, play
from ....envs.engine.observe import observation_layout
from ....envs.engine.outcome import O_FIRST, O_STEPS
from ....envs.generation.generate import generate
from ....envs.levels.level import LevelSet
from ....envs.worlds.registry import get_world
from ...evaluation.evaluate import subject_of
from ...measurement.study_curves import parameter
from ...runs.run import Run
from ...study.design.plan import MAIN, plan_study

LEFT, RIGHT = "left", "right"
BALANCED = 0.5


def mechanism_of(runs: Path, alphas: Iterable[float], study: str = "paralysis") -> pl.DataFrame:
    """One row per agent of the unchanged recipe at these α whose run folder is in `runs`. Raises RunError."""
    rows, wanted = [], set(alphas)
    for point in plan_study(study).points:
        alpha = parameter(point.values["env.condition"])
        if point.arm == MAIN and alpha in wanted:
            rows += [
                {"alpha": alpha, "seed": seed, **_of_run(Run.open(runs / name))}
                for seed, name in point.runs
                if (runs / name / "checkpoints").exists()  # not one that came from recorded rows
            ]
    return pl.DataFrame(rows, infer_schema_length=None)


def _of_run(run: Run) -> dict[str, Any]:
    config, subject = run.config, subject_of(run)
    world = get_world(config.world)
    levels = generate(
        world, world.default_condition("shift"), config.evaluate.level_seed, config.evaluate.levels
    )
    played = play(
        subject.agent, levels, config.env.observation, sampled=False, max_steps=config.env.max_steps
    )
    steps = played.outcome[:, O_STEPS]
    stuck = np.flatnonzero(played.looped == LOOPS) if played.looped is not None else np.empty(0, np.int64)
    arrived = np.flatnonzero(played.outcome[:, O_FIRST] != 0)[: max(len(stuck), 1)]
    at = {int(i): int(steps[i]) - 1 for i in stuck} | {int(i): int(steps[i]) // 2 for i in arrived}
    seen, windows, states = _observed(
        config.env.observation, config.env.max_steps, levels, played.actions, at
    )
    deadlocks = np.isin(list(at), stuck)
    probabilities = np.asarray(subject.agent.action_probabilities(seen))
    ratios = _balance(probabilities)
    facts: dict[str, Any] = {
        "episodes": len(levels),
        "deadlocks": int(deadlocks.sum()),
        "balance_deadlocks": _median(ratios[deadlocks]),
        "balance_others": _median(ratios[~deadlocks]),
        "balanced_share": float((ratios[deadlocks] > BALANCED).mean()) if deadlocks.any() else None,
    }
    if world.name == "CoinRun":
        facts |= _pushes(subject.agent, levels, list(at), seen, windows, states, probabilities, deadlocks)
    return facts


def _balance(probabilities: np.ndarray) -> np.ndarray:
    """The second largest action probability over the largest, float[n]."""
    ranked = np.sort(probabilities, axis=1)
    return ranked[:, -2] / ranked[:, -1]


def _observed(
    observation: str, max_steps: int | None, levels: LevelSet, actions: np.ndarray, at: dict[int, int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Replay, and look at level i before step at[i]: (observations, top left corners of the windows int64[n, 2], states)."""
    order = np.array(list(at), np.int64)
    chosen, lengths = levels[order], np.array(list(at.values()), np.int64) + 1
    layout = observation_layout(get_world(levels.world), observation, levels.tiles.shape[1:])
    seen, states = [np.empty(0)] * len(at), [np.empty(0)] * len(at)
    for which, step, observations, now in walk(chosen, actions[order], lengths, max_steps, observation):
        for k in np.flatnonzero(lengths[which] == step + 1):
            seen[which[k]], states[which[k]] = observations[k].copy(), now[k]
    windows = np.array([layout.camera(int(s[0]), int(s[1]))[:2] for s in states])
    return np.stack(seen), windows, np.stack(states)


def _pushes(
    agent: Any,
    levels: LevelSet,
    chosen: list[int],
    seen: np.ndarray,
    windows: np.ndarray,
    states: np.ndarray,
    before: np.ndarray,
    deadlocks: np.ndarray,
) -> dict[str, Any]:
    """How p(right) − p(left) changes if the coin is erased, and if the wall at the level's end is; where the coin is to the left."""
    world = get_world(levels.world)
    names = [action.name for action in world.actions]
    coin = [number for numbers in goal_planes(levels, "view").values() for number in numbers]
    wall = [world.planes.index("wall")]
    without_coin, without_wall = seen.copy(), seen.copy()
    without_coin[:, coin] = 0
    codes = world.legend.goal_codes()
    left = np.zeros(len(chosen), np.bool_)
    for k, i in enumerate(chosen):
        end = int(levels.sizes[i, 1]) - 1 - int(windows[k, 1])
        if end < seen.shape[3]:
            without_wall[k, wall, :, max(end, 0) :] = 0
        columns = np.flatnonzero(codes[levels.tiles[i]].any(axis=0))
        left[k] = len(columns) > 0 and bool(columns[0] < states[k, 1])

    def lean(probabilities: np.ndarray) -> np.ndarray:
        return probabilities[:, names.index(RIGHT)] - probabilities[:, names.index(LEFT)]

    of_coin, of_wall = (
        lean(before) - lean(np.asarray(agent.action_probabilities(edited)))
        for edited in (without_coin, without_wall)
    )
    here = deadlocks & left
    in_view = np.flatnonzero(seen[:, coin].reshape(len(seen), -1).any(axis=1))
    return {
        "coin_left": int(here.sum()),
        "coin_in_view": float(np.isin(np.flatnonzero(here), in_view).mean()) if here.any() else None,
        "push_coin_in_view": _median(of_coin[np.intersect1d(np.flatnonzero(here), in_view)]),
        "push_coin": _median(of_coin[here]),
        "push_wall": _median(of_wall[here]),
        "opposite_share": float((of_coin[here] * of_wall[here] < 0).mean()) if here.any() else None,
    }


def _median(values: np.ndarray) -> float | None:
    return float(np.median(values)) if len(values) else None
