"""Evaluation on custom levels from a file.

Such levels belong to no condition of the world, so they form a probe named after the file, and the results are not stored in
a run's folder. Read next: `experiments/interactive/players.py`, which reads the file; `evaluate.py`.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from goalposts.errors import UserError
from goalposts.text import plain

from ...agents.rollout import play
from ...envs.levels.level import LevelSet
from ...envs.levels.level_file import load_levels, world_of
from ...envs.planner.planner import survey_levels
from ..measurement.episodes import validate
from .evaluate import Evaluation, Subject, Tell, table_of
from .subjects import level_seed_of


def evaluate_file(subject: Subject, file: Path, greedy: bool = True, tell: Tell | None = None) -> Evaluation:
    """Play every level of a file once with sampled actions and, if `greedy`, once with the likeliest. Raises UserError."""
    levels = read_level_file(file, subject.world)
    levels = replace(levels, index=np.arange(len(levels)))
    name, survey = plain(levels.condition or file.stem, 200), survey_levels(levels)
    layouts, hashes = levels.layout_hashes(), levels.level_hashes()
    tables, played_by = [], {}
    for sampled in [True, False] if greedy else [True]:
        if tell:
            tell(name, len(tables), 1 + greedy)
        played = play(
            subject.agent,
            levels,
            subject.observation,
            sampled,
            level_seed_of([subject]),
            subject.max_steps,
            subject.slip,
        )
        tables.append(table_of(subject, name, levels, layouts, hashes, survey, played, sampled))
        if sampled:
            played_by[name] = played
    return Evaluation(validate(pl.concat(tables)), {name: levels}, played_by)


def read_level_file(file: Path, world: str | None = None) -> LevelSet:
    """Read a level file. A file that names no world is taken to be of `world`, else of CoinRun. Raises UserError."""
    levels = load_levels(file, world_of(file) or world or "CoinRun")
    if world is not None and levels.world != world:
        raise UserError(
            f"{file} holds levels of {levels.world}, but the rest are of {world}; give levels of one world"
        )
    return levels
