"""Levels of one's own, from a file: an agent is measured on them, and filmed.

They belong to no condition that the world knows, so they are a probe of the file's name, and nothing here is kept in a
run's folder. Read next: `experiments/interactive/players.py`, which reads the file; `evaluate.py`.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from goalposts.errors import UserError

from ...agents.rollout import play
from ...envs.planner.planner import survey_levels
from ...envs.worlds.registry import get_world
from ..interactive.players import labels_of, level_seed_of, player_of, read_level_file
from ..measurement.episodes import validate
from ..publish.films import check_px
from ..report.data import WorldWords
from ..report.film.film import Clip, Film, clip_of, film, strip, twins
from .evaluate import Evaluation, Subject, Tell, table_of
from .replay import replay
from .subjects import subjects_named


def evaluate_file(subject: Subject, file: Path, greedy: bool = True, tell: Tell | None = None) -> Evaluation:
    """Play every level of a file once, with sampled actions and, if `greedy`, with the likeliest. Raises UserError."""
    levels = read_level_file(file, subject.world)
    levels = replace(levels, index=np.arange(len(levels)))
    name, survey = levels.condition or file.stem, survey_levels(levels)
    layouts, hashes = levels.layout_hashes(), levels.level_hashes()
    role = get_world(subject.world).condition_or_own(name).role
    tables, played_by = [], {}
    for sampled in [True, False] if greedy else [True]:
        if tell:
            tell(name, len(tables), 1 + greedy)
        played = play(
            subject.agent, levels, subject.observation, sampled, level_seed_of([subject]), subject.max_steps, subject.slip
        )  # fmt: skip
        tables.append(table_of(subject, name, role, levels, layouts, hashes, survey, played, sampled))
        if sampled:
            played_by[name] = played
    return Evaluation(validate(pl.concat(tables)), {name: levels}, played_by)


def film_of_file(
    words: list[str], file: Path, first: int, count: int, px: int, as_strip: bool = False
) -> Film | list[np.ndarray]:
    """One subject on `count` levels of a file from number `first`, or two subjects on one of them. Raises UserError."""
    if len(words) > 2:
        raise UserError(f"{len(words)} agents were given; record takes one, or two for twins")
    check_px(px)
    if (len(words) > 1 or as_strip) and count > 1:
        raise UserError(f"--count {count}: twins and strips (.png) show one level; leave --count out")
    levels = read_level_file(file)
    if first + count > len(levels):
        raise UserError(
            f"{file} holds {len(levels)} levels, numbered from 0; --first {first} --count {count} is beyond them"
        )
    subjects = subjects_named(words, levels.world)
    world = get_world(levels.world)
    clips: list[Clip] = []
    for subject, label in zip(subjects, labels_of(words, subjects), strict=True):
        player = player_of(subject, label)
        for number in range(first, first + count):
            actions = player.decide(levels[number], number, True).actions
            rollout = replay(
                levels[number], actions, subject.observation, subject.max_steps,
                agent=label, condition=file.stem, caption=f"{file.name}, level {number}",
            )  # fmt: skip
            clips.append(clip_of(rollout, rollout.pictures(px), label, WorldWords(world.name, **world.words)))
    if len(words) == 2:
        return twins(clips[0], clips[1])
    return [strip(clips[0])] if as_strip else film(clips)
