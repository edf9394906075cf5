"""Replays: the level, the actions and the moving objects at every step, computed by replaying recorded actions.

The rules are deterministic, so a level and its actions determine the episode. Draws nothing; `report/` draws from this.
Read next: `experiments/report/film/film.py`, `experiments/report/page/page.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from goalposts.errors import UserError
from goalposts.process.budget import reading_budget

from ...envs.engine.engine import Engine
from ...envs.engine.outcome import END, ENDED_BY_DEATH, FIRST, O_END, O_FIRST, O_STEPS
from ...envs.engine.proxy_cells import proxy_cells
from ...envs.levels.level import Level, LevelSet
from ...envs.render.render import draw
from ...envs.render.scene import Scene, Sprite
from ...envs.worlds.registry import get_world
from ..system.atomic_files import RunError


@dataclass(frozen=True)
class Rollout:
    """One replayed episode.

    frames[0] is the start, frames[t] the state after action t − 1. camera likewise holds (top, left, rows, columns) per
    frame. tiles[row][col] are sprite names.
    """

    run: str
    agent: str
    condition: str
    level_hash: str
    level_text: str
    tiles: tuple[tuple[str, ...], ...]
    frames: tuple[tuple[Sprite, ...], ...]
    camera: tuple[tuple[int, int, int, int], ...]
    actions: tuple[int, ...]
    outcome_first: str
    outcome_end: str
    steps: int
    caption: str
    world: str
    outside: str = "wall"

    def images(self, px: int = 16, camera: bool = False, trail: bool = True) -> list[np.ndarray]:
        """Draw an image uint8[H·px, W·px, 3] of every frame, with the proxy marked."""
        world = get_world(self.world)
        proxy = proxy_cells(world, Level.from_text(self.level_text, world.name))
        walked: list[tuple[int, int]] = []
        out = []
        for things, view in zip(self.frames, self.camera, strict=True):
            agent = next(s for s in things if s.name.startswith("agent"))
            walked.append((agent.row, agent.col))
            scene = Scene(self.world, self.tiles, things, view, tuple(walked[:-1]), self.outside, proxy)
            out.append(draw(scene, px, camera, trail))
        return out


def replay(
    level: Level,
    actions: np.ndarray | list[int],
    observation: str = "view",
    max_steps: int | None = None,
    run: str = "",
    agent: str = "",
    condition: str = "",
    caption: str = "",
) -> Rollout:
    """Play actions on a level and record the frames; stops at the end of the episode."""
    world = get_world(level.world)
    engine = Engine(world, 1, LevelSet.of([level]), observation, max_steps, direct=True)
    engine.load(0, 0)
    active = np.ones(1, np.bool_)
    frames, cameras, done = [], [], []
    last = 0
    for action in reading_budget().each([None, *map(int, actions)], "a recorded episode"):
        if action is not None:
            last = action
            engine.step_active(np.array([action]), active)
            done.append(action)
        state = engine.state[0]
        scene = world.scene(level, engine.facts[0], state, last)
        things = scene.sprites
        if engine.outcome[0, O_END] == ENDED_BY_DEATH:
            things = (Sprite("agent_dead", int(state[0]), int(state[1])), *things[1:])
        frames.append(tuple(reversed(things)))  # draw order: the agent last, on top
        cameras.append(engine.window.camera(int(state[0]), int(state[1])))
        if engine.outcome[0, O_END]:
            break
    tiles = world.scene(level, engine.facts[0], engine.state[0], last).tiles
    first, end = FIRST[engine.outcome[0, O_FIRST]], END[engine.outcome[0, O_END]]
    return Rollout(
        run,
        agent,
        condition,
        level.level_hash,
        level.to_text(),
        tiles,
        tuple(frames),
        tuple(cameras),
        tuple(done),
        first,
        end,
        int(engine.outcome[0, O_STEPS]),
        caption,
        world.name,
        world.outside_sprite,
    )


def rollouts_of(
    trajectories: pl.DataFrame, condition: str, level_index: list[int], max_steps: int | None = None
) -> list[Rollout]:
    """Replay the recorded episodes of a condition with these level numbers, in this order. Raises RunError."""
    rows = {
        row["level_index"]: row
        for row in trajectories.filter(pl.col("condition") == condition).iter_rows(named=True)
    }
    missing = [k for k in level_index if k not in rows]
    if missing:
        raise RunError(
            f"no episode is recorded on level {missing[0]} of {condition}; evaluate the run on that condition"
        )
    return [_as_recorded(rows[k], max_steps) for k in level_index]


def _as_recorded(row: dict[str, Any], max_steps: int | None) -> Rollout:
    """Replay a recorded episode. Raises RunError if it does not end at the recorded step."""
    try:
        rollout = replay(
            Level.from_text(row["level"], row["world"]),
            list(row["actions"]),
            max_steps=max_steps,
            run=row["run"],
            agent=row["agent"],
            condition=row["condition"],
        )
        if rollout.outcome_end != "running" and rollout.steps == len(row["actions"]):
            return rollout
        trouble = "it ends at a different step, or not at all"
    except UserError as error:
        trouble = str(error).rstrip(".")
    raise RunError(
        f"the recorded episode on level {row['level_index']} of {row['condition']} cannot be replayed: {trouble}. It may "
        f"be damaged, or recorded under other rules. Evaluate the run {row['run']} again"
    )


def representative(
    agents: Sequence[pl.DataFrame], condition: str, count: int, outcome: str | None = None
) -> list[int]:
    """Choose `count` representative levels: outcomes occur in the tables' own proportions, the most frequent first.

    Returns level numbers. `agents` holds one episodes table per agent; with several, an outcome is the combination of theirs
    on one level. Each outcome gets places in proportion (largest remainder method), filled by the lowest level numbers, never
    by hand. Only distinguishing levels are chosen if there are any. `outcome`: a value of `outcome_first` or `outcome_end`;
    restricts the choice to episodes of the first agent with it.
    """
    first, *others = [
        episodes.filter((pl.col("condition") == condition) & pl.col("sampled")) for episodes in agents
    ]
    if outcome is not None:
        first = first.filter((pl.col("outcome_first") == outcome) | (pl.col("outcome_end") == outcome))
    if first["distinguishing"].any():
        first = first.filter(pl.col("distinguishing"))
    table = first.select("level_index", did="outcome_first")
    for other in others:
        table = table.join(other.select("level_index", also="outcome_first"), on="level_index").select(
            "level_index", did=pl.col("did") + " " + pl.col("also")
        )
    sizes = table.group_by("did").len().sort("len", "did", descending=[True, False])
    quotas = [(name, n * count / table.height) for name, n in sizes.iter_rows()]
    seats = {name: int(share) for name, share in quotas}
    for name, _ in sorted(quotas, key=lambda q: (int(q[1]) - q[1], q[0])):
        if sum(seats.values()) < min(count, table.height):
            seats[name] += 1
    chosen: list[int] = []
    for name, _ in quotas:
        chosen += table.filter(pl.col("did") == name)["level_index"].sort().to_list()[: seats[name]]
    return chosen
