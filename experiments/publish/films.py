"""Films of recorded episodes: one, a grid of several, twins on the same level.

Read next: `experiments/report/film/film.py`, which composes, `experiments/report/film/encode.py`, which writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from goalposts.closest import closest
from goalposts.errors import UserError

from ...envs.worlds.registry import get_world
from ..evaluation.evaluated_run import Evaluated, evaluated, rollouts_of_run
from ..evaluation.level_files import read_level_file
from ..evaluation.replay import Rollout, replay, representative, rollouts_of
from ..evaluation.subjects import actions_on, labels_of, subjects_named
from ..report.data import WorldWords
from ..report.film.film import Clip, Film, clip_of, film, strip, twins
from ..report.words import title
from ..runs.run import Run, RunError
from .wording import label_of, notes_of, words_of

PICKS = {"misgeneralized": "proxy", "goal": "goal", "death": "death", "timeout": "timeout"}


def film_of(
    runs: Sequence[Run], condition: str | None, count: int, pick: str | None, px: int, as_strip: bool = False
) -> Film | list[np.ndarray]:
    """One run: `count` representative episodes. Two runs: twins on a level where both do what they do most often. Raises UserError."""
    if len(runs) > 2:
        raise UserError(f"{len(runs)} runs were given; record takes one, or two for twins")
    if pick is not None and pick not in PICKS:
        raise UserError(f"--pick {pick}: allowed are {', '.join(PICKS)}.{closest(pick, PICKS, str)}")
    check_px(px)
    if as_strip and (count > 1 or len(runs) > 1):
        raise UserError("a .png shows one episode of one run, as a strip; several make a film: choose .gif")
    if len(runs) > 1 and count > 1:
        raise UserError(f"--count {count}: twins play one level; leave --count out, or give one run")
    items = evaluated(runs)
    first = items[0]
    if items[-1].world is not first.world:
        raise UserError("the runs are of different worlds; twins play the same level")
    condition = condition or first.verdict().shift or first.world.default_condition("shift")
    chosen = rollouts_of_run(items, condition, 1 if len(items) > 1 else count, pick and PICKS[pick])
    clips = [_clip(first, rollout, px) for rollout in chosen]
    if len(items) == 2:
        return twins(clips[0], _clip(items[1], _on_the_same_level(items[1], chosen[0]), px))
    if as_strip:
        return [strip(clips[0])]
    return film(clips)


def check_px(px: int) -> None:
    """Raise UserError for a size of tiles that films do not have."""
    if px not in (8, 16, 32):
        raise UserError(f"--px {px}: allowed are 8, 16 and 32")


def film_before_and_after(
    runs: Sequence[Run], condition: str | None, count: int, pick: str | None, px: int, as_strip: bool
) -> Film:
    """`before_and_after` as asked for on the command line. Raises UserError for what it cannot be."""
    if len(runs) > 1 or count > 1 or as_strip:
        raise UserError(
            "--before-after shows one run on one layout, as a film: give one run, no --count, and .gif or .mp4"
        )
    check_px(px)
    if pick is not None and pick not in PICKS:
        raise UserError(f"--pick {pick}: allowed are {', '.join(PICKS)}")
    return before_and_after(evaluated(runs)[0], px, condition, pick and PICKS[pick])


def before_and_after(
    item: Evaluated, px: int = 16, condition: str | None = None, outcome: str | None = None
) -> Film:
    """One agent on one layout: as in training, and after the move. The level is the first of the commonest outcome,
    or of the `outcome` that is asked for. Raises RunError where there is none."""
    shift = condition or item.verdict().shift or item.world.default_condition("shift")
    number = representative([item.episodes], shift, 1, outcome)
    if not number:
        raise RunError(
            f"{item.run.path}: no episode of {shift} to show; it was evaluated on {', '.join(item.conditions())}. "
            "Choose another --condition or --pick"
        )
    recorded, limit = item.trajectories(), item.config.env.max_steps
    clips = [
        _clip(item, rollout, px)
        for condition in (item.world.default_condition("control"), shift)
        for rollout in rollouts_of(recorded, condition, number, limit)
    ]
    return twins(clips[0], clips[1])


def _clip(item: Evaluated, rollout: Rollout, px: int) -> Clip:
    words = words_of(item.world)
    note = notes_of(item.world, [rollout.condition])[0]
    captioned = replace(rollout, caption=title(note, words))
    return clip_of(captioned, rollout.pictures(px), label_of(item), words)


def _on_the_same_level(item: Evaluated, other: Rollout) -> Rollout:
    """What this agent did where the other one played. Raises RunError if it never played there."""
    recorded = item.trajectories().filter(pl.col("level") == other.level_text)
    numbers = recorded.filter(pl.col("condition") == other.condition)["level_index"].to_list()
    if not numbers:
        raise RunError(
            f"{item.run.path} was not evaluated on that level of {other.condition}; evaluate both runs alike: "
            f"goalposts evaluate {item.run.path} --condition '{other.condition}'"
        )
    return rollouts_of(recorded, other.condition, numbers[:1], item.config.env.max_steps)[0]


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
        for number in range(first, first + count):
            actions = actions_on(subject, levels[number], number)
            rollout = replay(
                levels[number],
                actions,
                subject.observation,
                subject.max_steps,
                agent=label,
                condition=file.stem,
                caption=f"{file.name}, level {number}",
            )
            clips.append(clip_of(rollout, rollout.pictures(px), label, WorldWords(world.name, **world.words)))
    if len(words) == 2:
        return twins(clips[0], clips[1])
    return [strip(clips[0])] if as_strip else film(clips)
