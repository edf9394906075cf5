"""Films of recorded episodes: a single episode, a grid of several, or twins on the same level.

Read next: `experiments/report/film/film.py`, which composes, `experiments/report/film/encode.py`, which writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import polars as pl

from goalposts.closest import closest
from goalposts.errors import UserError
from goalposts.whole_numbers import whole

from ...envs.worlds.contract.sources import shown_command
from ...envs.worlds.registry import get_world
from ..evaluation.evaluated_run import Evaluated, evaluated, open_runs, rollouts_of_run
from ..evaluation.level_files import read_level_file
from ..evaluation.replay import Rollout, replay, representative, rollouts_of
from ..evaluation.subjects import actions_on, labels_of, subjects_named
from ..report.data import WorldWords
from ..report.film.encode import save
from ..report.film.film import DARK, Clip, Film, clip_of, film, strip, twins
from ..report.words import title
from ..runs.run import Run, RunError
from ..system.atomic_files import check_new
from .wording import label_of, notes_of, words_of

OUTCOMES = {"misgeneralized": "proxy", "goal": "goal", "death": "death", "timeout": "timeout"}


@dataclass(frozen=True)
class FilmSpec:
    """Options of `goalposts record`.

    condition     default: the condition of the verdict
    outcome       only episodes with this outcome, a key of `OUTCOMES`
    before_after  one run on one layout, as in training and after the move
    file, start   levels from a file instead, from this index on
    """

    condition: str | None = None
    count: int = 1
    outcome: str | None = None
    before_after: bool = False
    file: Path | None = None
    start: int = 0
    tile_size: int = 16
    fps: float = 8
    wordless: bool = False  # two runs: what each was trained on, then both on the same new level

    def check(self) -> None:
        """Raises UserError for what no film can be."""
        if self.file is not None and (self.condition or self.outcome or self.before_after):
            raise UserError(
                "--file brings its own levels; leave --condition, --outcome and --before-after out"
            )
        if self.file is None and self.start:
            raise UserError(
                "--start is the index of a level of --file; give --file, or leave --start out: recorded episodes are chosen by outcome"
            )
        if self.wordless and (
            self.file or self.condition or self.outcome or self.before_after or self.count > 1
        ):
            raise UserError(
                "--wordless chooses its levels itself; leave --file, --condition, --outcome, --before-after and --count out"
            )
        if self.outcome is not None and self.outcome not in OUTCOMES:
            raise UserError(
                f"--outcome {self.outcome}: must be one of {', '.join(OUTCOMES)}.{closest(self.outcome, OUTCOMES, str)}"
            )
        if self.tile_size not in (8, 16, 32):
            raise UserError(f"--tile-size {self.tile_size}: must be 8, 16 or 32")
        whole("count", self.count, UserError, 1, 64)
        whole("start", self.start, UserError, 0)
        if not isinstance(self.fps, int | float) or not 1 <= self.fps <= 50:
            raise UserError(f"fps = {self.fps!r:.80}: must be a number from 1 to 50")


def record_film(names: Sequence[str], out: Path | None = None, spec: FilmSpec | None = None) -> Path:
    """Film one run, or two on the same level, as `goalposts record` does; return the path of the film.

    names: run folders; for levels from a file, also scripted agents. out: a new .gif, .png (a strip) or .mp4.
    Raises UserError or RunError.
    """
    spec = spec or FilmSpec()
    runs = None if spec.file else open_runs([Path(name) for name in names])
    check_new(out)
    spec.check()
    if spec.file is not None:
        path = out or spec.file.with_suffix(".gif")
        check_new(path)
    else:
        path = out or Path(names[0]) / "rollout.gif"
    as_strip = path.suffix.lower() == ".png"
    if runs is None:
        frames = film_of_file(list(names), spec, as_strip)
    elif spec.wordless:
        from .wordless_film import wordless_film  # plays levels, and so needs torch

        frames = wordless_film(runs)
    elif spec.before_after:
        frames = film_before_and_after(runs, spec, as_strip)
    else:
        frames = film_of(runs, spec, as_strip)
    save(cast(Any, frames), path, spec.fps)
    return path


def film_of(
    runs: Sequence[Run], spec: FilmSpec | None = None, as_strip: bool = False
) -> Film | list[np.ndarray]:
    """Film representative episodes of one run, or two runs as twins on a level typical of both. Raises UserError."""
    spec = spec or FilmSpec()
    spec.check()
    if len(runs) > 2:
        raise UserError(f"{len(runs)} runs were given; record takes one run, or two for twins")
    if as_strip and (spec.count > 1 or len(runs) > 1):
        raise UserError("a .png shows one episode of one run, as a strip; several make a film: choose .gif")
    if len(runs) > 1 and spec.count > 1:
        raise UserError(f"--count {spec.count}: twins play one level; leave --count out, or give one run")
    items = evaluated(runs)
    first = items[0]
    if items[-1].world is not first.world:
        raise UserError("the runs are of different worlds; twins play the same level")
    condition = spec.condition or first.verdict().shift or first.world.default_condition("shift")
    outcome = spec.outcome and OUTCOMES[spec.outcome]
    chosen = rollouts_of_run(items, condition, 1 if len(items) > 1 else spec.count, outcome)
    clips = [_clip(first, rollout, spec.tile_size) for rollout in chosen]
    if len(items) == 2:
        other = _clip(items[1], _on_the_same_level(items[1], chosen[0]), spec.tile_size)
        return twins(clips[0], other, theme=DARK)
    if as_strip:
        return [strip(clips[0], theme=DARK)]
    return film(clips, theme=DARK)


def film_before_and_after(runs: Sequence[Run], spec: FilmSpec, as_strip: bool) -> Film:
    """`before_and_after` as a spec asks for it. Raises UserError for what it cannot be."""
    if len(runs) > 1 or spec.count > 1 or as_strip:
        raise UserError(
            "--before-after shows one run on one layout, as a film: give one run, no --count, and .gif or .mp4"
        )
    outcome = spec.outcome and OUTCOMES[spec.outcome]
    return before_and_after(evaluated(runs)[0], spec.tile_size, spec.condition, outcome)


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
    return twins(clips[0], clips[1], theme=DARK)


def _clip(item: Evaluated, rollout: Rollout, tile_size: int) -> Clip:
    words = words_of(item.world)
    note = notes_of(item.world, [rollout.condition])[0]
    captioned = replace(rollout, caption=title(note, words))
    return clip_of(captioned, rollout.images(tile_size), label_of(item), words)


def _on_the_same_level(item: Evaluated, other: Rollout) -> Rollout:
    """Replay this agent's episode on the level of another rollout. Raises RunError if there is none."""
    recorded = item.trajectories().filter(pl.col("level") == other.level_text)
    numbers = recorded.filter(pl.col("condition") == other.condition)["level_index"].to_list()
    if not numbers:
        raise RunError(
            f"{item.run.path} was not evaluated on that level of {other.condition}; evaluate both runs alike: "
            f"{shown_command('evaluate', item.run.path, '--condition', other.condition)}"
        )
    return rollouts_of(recorded, other.condition, numbers[:1], item.config.env.max_steps)[0]


def film_of_file(words: list[str], spec: FilmSpec, as_strip: bool) -> Film | list[np.ndarray]:
    """One subject on levels of the spec's file, or two subjects on one of them. Raises UserError."""
    file, start, count = spec.file, spec.start, spec.count
    assert file is not None
    if len(words) > 2:
        raise UserError(f"{len(words)} agents were given; record takes one, or two for twins")
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
                clip_of(rollout, rollout.images(spec.tile_size), label, WorldWords(world.name, **world.words))
            )
    if len(words) == 2:
        return twins(clips[0], clips[1], theme=DARK)
    return [strip(clips[0], theme=DARK)] if as_strip else film(clips, theme=DARK)
