"""Films of recorded episodes: a single episode, a grid of several, or twins on the same level.

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

OUTCOMES = {"misgeneralized": "proxy", "goal": "goal", "death": "death", "timeout": "timeout"}


def film_of(
    runs: Sequence[Run],
    condition: str | None,
    count: int,
    outcome: str | None,
    tile_size: int,
    as_strip: bool = False,
) -> Film | list[np.ndarray]:
    """Film `count` representative episodes of one run, or two runs as twins on a level typical of both. Raises UserError."""
    if len(runs) > 2:
        raise UserError(f"{len(runs)} runs were given; record takes one run, or two for twins")
    if outcome is not None and outcome not in OUTCOMES:
        raise UserError(
            f"--outcome {outcome}: must be one of {', '.join(OUTCOMES)}.{closest(outcome, OUTCOMES, str)}"
        )
    check_tile_size(tile_size)
    if as_strip and (count > 1 or len(runs) > 1):
        raise UserError("a .png shows one episode of one run, as a strip; several make a film: choose .gif")
    if len(runs) > 1 and count > 1:
        raise UserError(f"--count {count}: twins play one level; leave --count out, or give one run")
    items = evaluated(runs)
    first = items[0]
    if items[-1].world is not first.world:
        raise UserError("the runs are of different worlds; twins play the same level")
    condition = condition or first.verdict().shift or first.world.default_condition("shift")
    chosen = rollouts_of_run(items, condition, 1 if len(items) > 1 else count, outcome and OUTCOMES[outcome])
    clips = [_clip(first, rollout, tile_size) for rollout in chosen]
    if len(items) == 2:
        return twins(clips[0], _clip(items[1], _on_the_same_level(items[1], chosen[0]), tile_size))
    if as_strip:
        return [strip(clips[0])]
    return film(clips)


def check_tile_size(tile_size: int) -> None:
    """Raise UserError for an unsupported tile size."""
    if tile_size not in (8, 16, 32):
        raise UserError(f"--tile-size {tile_size}: must be 8, 16 or 32")


def film_before_and_after(
    runs: Sequence[Run],
    condition: str | None,
    count: int,
    outcome: str | None,
    tile_size: int,
    as_strip: bool,
) -> Film:
    """Check the options of --before-after and make the film. Raises UserError for options that do not fit."""
    if len(runs) > 1 or count > 1 or as_strip:
        raise UserError(
            "--before-after shows one run on one layout, as a film: give one run, no --count, and .gif or .mp4"
        )
    check_tile_size(tile_size)
    if outcome is not None and outcome not in OUTCOMES:
        raise UserError(f"--outcome {outcome}: must be one of {', '.join(OUTCOMES)}")
    return before_and_after(evaluated(runs)[0], tile_size, condition, outcome and OUTCOMES[outcome])


def before_and_after(
    item: Evaluated, tile_size: int = 16, condition: str | None = None, outcome: str | None = None
) -> Film:
    """Film one agent on one layout: with the goal as in training, and after the goal is moved.

    The level is the first with the most frequent outcome, or with `outcome` if given. Raises RunError if there is none.
    """
    shift = condition or item.verdict().shift or item.world.default_condition("shift")
    number = representative([item.episodes], shift, 1, outcome)
    if not number:
        raise RunError(
            f"{item.run.path}: no episode of {shift} to show; it was evaluated on {', '.join(item.conditions())}. "
            "Choose another --condition or --outcome"
        )
    recorded, limit = item.trajectories(), item.config.env.max_steps
    clips = [
        _clip(item, rollout, tile_size)
        for condition in (item.world.default_condition("control"), shift)
        for rollout in rollouts_of(recorded, condition, number, limit)
    ]
    return twins(clips[0], clips[1])


def _clip(item: Evaluated, rollout: Rollout, tile_size: int) -> Clip:
    words = words_of(item.world)
    note = notes_of(item.world, [rollout.condition])[0]
    captioned = replace(rollout, caption=title(note, words))
    return clip_of(captioned, rollout.pictures(tile_size), label_of(item), words)


def _on_the_same_level(item: Evaluated, other: Rollout) -> Rollout:
    """Replay this agent's episode on the level of another rollout. Raises RunError if there is none."""
    recorded = item.trajectories().filter(pl.col("level") == other.level_text)
    numbers = recorded.filter(pl.col("condition") == other.condition)["level_index"].to_list()
    if not numbers:
        raise RunError(
            f"{item.run.path} was not evaluated on that level of {other.condition}; evaluate both runs alike: "
            f"goalposts evaluate {item.run.path} --condition '{other.condition}'"
        )
    return rollouts_of(recorded, other.condition, numbers[:1], item.config.env.max_steps)[0]


def film_of_file(
    words: list[str], file: Path, start: int, count: int, tile_size: int, as_strip: bool = False
) -> Film | list[np.ndarray]:
    """Film one subject on `count` levels of a file from number `start`, or two subjects on one of them. Raises UserError."""
    if len(words) > 2:
        raise UserError(f"{len(words)} agents were given; record takes one, or two for twins")
    check_tile_size(tile_size)
    if (len(words) > 1 or as_strip) and count > 1:
        raise UserError(f"--count {count}: twins and strips (.png) show one level; leave --count out")
    levels = read_level_file(file)
    if start + count > len(levels):
        raise UserError(
            f"{file} holds {len(levels)} levels, numbered from 0; --start {start} --count {count} is beyond them"
        )
    subjects = subjects_named(words, levels.world)
    world = get_world(levels.world)
    clips: list[Clip] = []
    for subject, label in zip(subjects, labels_of(words, subjects), strict=True):
        for number in range(start, start + count):
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
            clips.append(
                clip_of(rollout, rollout.pictures(tile_size), label, WorldWords(world.name, **world.words))
            )
    if len(words) == 2:
        return twins(clips[0], clips[1])
    return [strip(clips[0])] if as_strip else film(clips)
