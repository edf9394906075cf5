"""Counts per training seed and level, and the checks that an episodes table must pass.

All estimates are computed from these arrays. Refuses tables that would bias an estimate: several agents under one name, the
same training twice, seeds measured on different levels, levels with unequal numbers of episodes (which usually means that
timeouts were dropped). Estimates nothing. Read next: `rates.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import numpy as np
import polars as pl

from goalposts.closest import closest

from .episodes import EpisodesError

LEVEL = ("level_index", "layout_hash")  # one draw of a level; the same draw in every condition
SAME_LEVELS = "a mean over training seeds needs that. Evaluate all runs with the same level seed, conditions and number of levels."


@dataclass(frozen=True)
class Counts:
    """Sums per training seed and level: float64[S, L] each, over the same levels for every seed."""

    events: np.ndarray
    trials: np.ndarray
    seeds: tuple[str, ...]  # S display names: "seed 3", or the run of an untrained agent
    trained: bool
    episodes: int  # all in the table, including those that are not trials
    levels: pl.DataFrame  # L rows: level_index, layout_hash
    counted: int | None = None  # episodes that count, where trials are amounts and not episodes

    @property
    def kept(self) -> float:
        """Fraction of episodes that count as trials."""
        return float(self.trials.sum() if self.counted is None else self.counted) / self.episodes

    def of_seed(self, k: int) -> Counts:
        """Return the counts of one training seed."""
        return self.of_seeds([k])

    def of_seeds(self, rows: Sequence[int]) -> Counts:
        """Return the counts of some training seeds, by position."""
        chosen = list(rows)
        return Counts(
            self.events[chosen],
            self.trials[chosen],
            tuple(self.seeds[k] for k in chosen),
            self.trained,
            self.episodes // len(self.seeds) * len(chosen),
            self.levels,
            None if self.counted is None else self.counted // len(self.seeds),
        )


def select(
    episodes: pl.DataFrame, *, sampled: bool = True, condition: str | None = None, role: str | None = None
) -> pl.DataFrame:
    """Select the episodes of one condition or role, sampled or greedy, never both. Raises EpisodesError if there are none."""
    if not episodes.height:
        raise EpisodesError("the table holds no episodes; evaluate an agent first.")
    kind, other = ("sampled", "greedy") if sampled else ("greedy", "sampled")
    selection = episodes.filter(pl.col("sampled") == sampled)
    if not selection.height:
        raise EpisodesError(
            f"the table holds {other} episodes only, not {kind} ones; pass sampled={not sampled}."
        )
    if role is not None:
        selection = selection.filter(pl.col("role") == role)
        if not selection.height:
            raise EpisodesError(
                f"the table holds no {kind} episodes of a {role} condition, only of {_conditions(episodes)}. "
                f"Evaluate a condition with the role {role} as well."
            )
    if condition is not None:
        selection = selection.filter(pl.col("condition") == condition)
        if not selection.height:
            names = episodes["condition"].unique(maintain_order=True).to_list()
            hint = closest(condition, names)
            raise EpisodesError(
                f"the table holds no {kind} episodes of condition {condition!r}, only of {_conditions(episodes)}.{hint}"
            )
    return selection


def check_one_procedure(episodes: pl.DataFrame) -> None:
    """Check for one world, one agent label, one checkpoint per run and one run per training seed. Raises EpisodesError."""
    for column, word in (("world", "worlds"), ("agent", "agents")):
        names = episodes[column].unique(maintain_order=True).to_list()
        if len(names) > 1:
            raise EpisodesError(
                f"the table holds {len(names)} {word} ({_listed(names)}) and this is a number of one. "
                f'Keep one, as in episodes.filter(pl.col("{column}") == {names[0]!r}), or judge each by diagnose_each().'
            )
    runs = episodes.select("run", "train_seed", "train_step").unique(maintain_order=True)
    twice = runs.filter(pl.col("run").is_duplicated())
    if twice.height:
        steps = twice.filter(pl.col("run") == twice["run"][0])["train_step"].to_list()
        raise EpisodesError(
            f"run {twice['run'][0]!r} appears with several checkpoints or seeds (train_step {_listed(steps)}); "
            "a number belongs to one. Keep one train_step."
        )
    again = runs.filter(pl.col("train_seed").is_duplicated() & pl.col("train_seed").is_not_null())
    if again.height:
        seed = again["train_seed"][0]
        same = again.filter(pl.col("train_seed") == seed)["run"].to_list()
        raise EpisodesError(
            f"the runs {_listed(same)} have the same training seed {seed}: that is one draw of the training procedure, "
            "not several. Keep one of them."
        )
    unseeded = runs.filter(pl.col("train_seed").is_null())["run"].to_list()
    if unseeded and runs.height > 1:
        raise EpisodesError(
            f"the runs {_listed(unseeded)} carry no training seed, so they may not be independent trainings. "
            "Keep one run, or give each its train_seed."
        )


def count(episodes: pl.DataFrame, event: pl.Expr, trial: pl.Expr | None = None) -> Counts:
    """Count events among trials (default: all episodes). An event outside a trial does not count.

    `episodes` comes from `select`. Raises EpisodesError if the table is not a crossed design.
    """
    return count_each(episodes, {"event": event}, trial)["event"]


def count_each(
    episodes: pl.DataFrame, events: Mapping[str, pl.Expr], trial: pl.Expr | None = None
) -> dict[str, Counts]:
    """Count several kinds of event among the same trials, by name; checks and groups the table only once."""
    check_one_procedure(episodes)
    _check_levels_agree(episodes)
    counted = pl.col("run").is_not_null() if trial is None else trial.fill_null(False)
    cells = episodes.group_by("run", "condition", *LEVEL).agg(
        pl.len().alias("episodes"),
        counted.sum().cast(pl.Float64).alias("_trials"),
        *((event.fill_null(False) & counted).sum().cast(pl.Float64).alias(n) for n, event in events.items()),
    )
    check_equal_episodes(cells)
    runs, names, trained = seed_names(episodes)
    trials, *counts = grid(cells, runs, ["_trials", *events])
    levels = _levels(cells)
    return {
        name: Counts(matrix, trials, names, trained, episodes.height, levels)
        for name, matrix in zip(events, counts, strict=True)
    }


def amounts(episodes: pl.DataFrame, part: pl.Expr, whole: pl.Expr, trial: pl.Expr) -> Counts:
    """Sum an amount and the whole that it is a part of, over the episodes that `trial` selects; their ratio is a fraction.

    A part below 0 counts as 0, and one above its whole counts as the whole. `episodes` comes from `select`. Raises EpisodesError.
    """
    check_one_procedure(episodes)
    _check_levels_agree(episodes)
    counted = trial.fill_null(False)
    most = pl.when(counted).then(whole).otherwise(0.0).clip(lower_bound=0.0)
    cells = episodes.group_by("run", "condition", *LEVEL).agg(
        pl.len().alias("episodes"),
        counted.sum().alias("_counted"),
        most.sum().alias("_trials"),
        pl.min_horizontal(part.clip(lower_bound=0.0), most).sum().alias("_events"),
    )
    check_equal_episodes(cells)
    runs, names, trained = seed_names(episodes)
    trials, events = grid(cells, runs, ["_trials", "_events"])
    return Counts(
        events, trials, names, trained, episodes.height, _levels(cells), int(cells["_counted"].sum())
    )


def grid(cells: pl.DataFrame, runs: Sequence[str], columns: Sequence[str]) -> list[np.ndarray]:
    """Sum each column per run (rows, in the order given) and level: one float64[S, L] per column. Raises EpisodesError."""
    levels = _levels(cells)
    rows = pl.DataFrame({"run": runs}).with_row_index("_row")
    placed = cells.join(levels.with_row_index("_level"), on=list(LEVEL)).join(rows, on="run")
    at = placed["_row"].to_numpy().astype(np.int64) * levels.height + placed["_level"].to_numpy().astype(
        np.int64
    )
    shape, size = (len(runs), levels.height), len(runs) * levels.height
    filled = np.bincount(at, minlength=size).reshape(shape)
    if (filled != filled[:1]).any():
        odd = int(np.flatnonzero((filled != filled[:1]).any(axis=1))[0])
        raise EpisodesError(
            f"the runs {runs[0]!r} and {runs[odd]!r} were not evaluated on the same levels; {SAME_LEVELS}"
        )
    return [
        np.bincount(at, weights=placed[name].to_numpy(), minlength=size).reshape(shape) for name in columns
    ]


def seed_names(episodes: pl.DataFrame) -> tuple[list[str], tuple[str, ...], bool]:
    """Return the runs in order of training seed, their display names, and whether they are trained agents."""
    runs = episodes.select("run", "train_seed").unique().sort("train_seed", "run")
    names = tuple(run if seed is None else f"seed {seed}" for run, seed in runs.rows())
    return runs["run"].to_list(), names, runs["train_seed"].null_count() == 0


_repeats = ContextVar("repeats", default=False)


@contextmanager
def repeated_levels(on_purpose: bool = True) -> Iterator[None]:
    """Within it, several episodes per run, condition and level are repetitions; elsewhere they are an error.

    Without that error two agents under one name would pass for one.
    """
    token = _repeats.set(on_purpose or _repeats.get())
    try:
        yield
    finally:
        _repeats.reset(token)


def check_no_repeats(episodes: pl.DataFrame) -> None:
    """Check for one episode per run, condition, level and mode, unless `repeated_levels` says otherwise. Raises EpisodesError."""
    _refuse_repeats(episodes.group_by("run", "condition", "sampled", "level_index").agg(episodes=pl.len()))


def _refuse_repeats(cells: pl.DataFrame) -> None:
    if _repeats.get():
        return
    twice = cells.filter(pl.col("episodes") > 1).sort("run", "condition", "level_index")
    if twice.height:
        run, condition, level, times = twice.select("run", "condition", "level_index", "episodes").row(0)
        raise EpisodesError(
            f"the run {run!r} has {times} episodes on level {level} of {condition!r}. Were two agents, or two evaluations of one, "
            "joined under one name? Name each agent, evaluate(agent, name='…'), and judge them with diagnose_each; or keep one "
            "evaluation. Where each level was played several times on purpose, pass repeats=True to diagnose, or measure within "
            "measurement.repeated_levels()"
        )


def check_equal_episodes(cells: pl.DataFrame) -> None:
    """Check for equally many episodes on every level of a run and condition, and one unless `repeated_levels` says otherwise.

    Raises EpisodesError.
    """
    sizes = cells.group_by("run", "condition").agg(
        low=pl.col("episodes").min(), high=pl.col("episodes").max()
    )
    uneven = sizes.filter(pl.col("low") != pl.col("high")).sort("run", "condition")
    if uneven.height:
        run, condition, low, high = uneven.row(0)
        raise EpisodesError(
            f"run {run!r} has between {low} and {high} episodes per level in condition {condition!r}; every level needs the "
            "same number, or long episodes are under-counted. Evaluate again with a fixed number of episodes per level."
        )
    _refuse_repeats(cells)


def _check_levels_agree(episodes: pl.DataFrame) -> None:
    """Check that in each condition a level index names the same level for every run. Raises EpisodesError."""
    kinds = episodes.select("condition", "level_index", "level_hash").unique()
    if kinds.height > kinds.select("condition", "level_index").unique().height:
        twice = kinds.filter(pl.struct("condition", "level_index").is_duplicated()).sort(
            "condition", "level_index"
        )
        raise EpisodesError(
            f"level {twice['level_index'][0]} of condition {twice['condition'][0]!r} is not the same level in every run; "
            f"{SAME_LEVELS}"
        )


def _levels(cells: pl.DataFrame) -> pl.DataFrame:
    return cells.select(LEVEL).unique().sort(LEVEL)


def _conditions(episodes: pl.DataFrame) -> str:
    pairs = episodes.select("condition", "role").unique(maintain_order=True).rows()
    return ", ".join(f"{condition} ({role})" for condition, role in pairs)


def _listed(names: Sequence[object], most: int = 4) -> str:
    shown = ", ".join(str(name) for name in names[:most])
    return shown + (f" and {len(names) - most} more" if len(names) > most else "")
