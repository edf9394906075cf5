"""Evaluated runs: their tables, verdicts and diagnoses, grouped by training procedure.

Needs neither torch nor an agent, because the evaluation recorded everything. Read next: `diagnosis.py`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import polars as pl

from goalposts.text import plain

from ...envs.worlds.contract.sources import shown_command
from ...envs.worlds.registry import get_world
from ..measurement import Verdict, diagnose
from ..measurement.episodes import read_episodes
from ..runs.finetune_csv import read_finetuned
from ..runs.run import Run, differences
from ..system.atomic_files import RunError
from .diagnosis import ATTRIBUTED, Diagnosis, Recorded, diagnose_runs, name_runs, relocated
from .evaluate import Evaluation
from .replay import Rollout, representative, rollouts_of
from .trajectories import FILE as TRAJECTORIES
from .trajectories import check_together, read_leakage, read_trajectories, trajectories_of

UNNAMED = "not named"
SHOWN = 8  # levels in a report's player


class Evaluated:
    """An evaluated run with its tables and verdict. Raises RunError if the run has not been evaluated.

    name: short name for pages and tables. fresh: an evaluation to use in place of the recorded one.
    """

    def __init__(self, run: Run, name: str = "", fresh: Evaluation | None = None) -> None:
        if fresh is None and not run.episodes_path.exists():
            raise RunError(
                f"{run.path} has not been evaluated yet. Do that with: {shown_command('evaluate', run.path)}"
            )
        self.run, self.config, self._fresh = run, run.config, fresh
        self.name = name or plain(run.path.resolve().name)
        self.world = get_world(run.config.world)
        self.episodes = read_episodes(run.episodes_path, follow=False) if fresh is None else fresh.episodes
        self.leaked = read_leakage(run) if fresh is None else fresh.leaked

    def verdict(self) -> Verdict:
        """Judge this agent by the thresholds of its config and its world's usual shift."""
        return verdict_of([self])

    def usual_shift(self) -> str | None:
        """Name the world's usual shift, by which agents are judged; None if the run was not evaluated there."""
        name = self.world.default_condition("shift")
        return name if name in self.conditions() else None

    def judged_leakage(self) -> int | None:
        """Count the levels of control and shift conditions whose layout was trained on."""
        if not self.leaked:
            return None
        roles = dict(self.episodes.select("condition", "role").unique().iter_rows())
        return sum(n for name, n in self.leaked.items() if roles.get(name) in ("control", "shift"))

    def trajectories(self) -> pl.DataFrame:
        """Read the recorded sampled episodes. Raises RunError."""
        if self._fresh is not None:
            return trajectories_of(self._fresh)
        path = self.run.path / TRAJECTORIES
        if not path.exists():
            raise RunError(
                f"{path} is missing. Record the episodes with: {shown_command('evaluate', self.run.path)}"
            )
        table = read_trajectories(path)
        check_together(self.run, self.episodes, table)
        return table

    def recorded(self) -> Recorded:
        """Collect the run's tables for a diagnosis. Raises RunError."""
        has_trajectories = self._fresh is not None or (self.run.path / TRAJECTORIES).exists()
        env = self.config.env
        return Recorded(
            self.name,
            self.episodes,
            self.trajectories() if has_trajectories else None,
            env.max_steps,
            env.slip,
            read_finetuned(self.run),
        )

    def diagnosis(self, attributed: int = ATTRIBUTED) -> Diagnosis:
        """Diagnose this agent alone."""
        return diagnose_runs(self.world, self.verdict(), [self.recorded()], attributed)

    def behaviour(self) -> str:
        """What it does, by the probes, completing "it …"; "not named" if they support no name."""
        runs = [self.recorded()]
        naming = name_runs(
            self.world, runs, relocation=lambda: relocated(self.verdict(), runs, self.episodes)
        )
        return (naming and naming.name) or UNNAMED

    def untrained(self) -> bool:
        """Whether the player was not trained: a person, for example; an adopted agent was, elsewhere, whether or not its seed is known."""
        method = self.run.config.method
        if method is not None and method.name == "adopted":
            return False
        return self.episodes["train_seed"].null_count() == self.episodes.height > 0

    def conditions(self) -> list[str]:
        """List the conditions in the order of the evaluation."""
        return self.episodes["condition"].unique(maintain_order=True).to_list()


def open_runs(paths: Sequence[str | os.PathLike[str]]) -> list[Run]:
    """Open several run folders, each given once. Raises RunError."""
    runs = [Run.open(path) for path in paths]
    places = [run.path.resolve() for run in runs]
    for k, place in enumerate(places):
        if place in places[:k]:
            raise RunError(f"{runs[k].path} is given twice; name each run once")
    return runs


def evaluated(runs: Sequence[Run], fresh: Mapping[int, Evaluation] | None = None) -> list[Evaluated]:
    """Wrap evaluated runs with unique names: the folder's name, preceded by its parent's where two are equal.

    fresh: by position, evaluations to use in place of the recorded ones.
    """
    paths = [run.path.resolve() for run in runs]
    names = [plain(path.name) for path in paths]
    if len(set(names)) < len(names):
        names = [plain("/".join(path.parts[-2:])) for path in paths]
    if len(set(names)) < len(names):
        names = [f"{name} ({k})" for k, name in enumerate(names, 1)]
    fresh = fresh or {}
    return [Evaluated(run, name, fresh.get(k)) for k, (run, name) in enumerate(zip(runs, names, strict=True))]


def grouped(items: Sequence[Evaluated]) -> list[list[Evaluated]]:
    """Group runs that differ only in the seed; each group is a training procedure.

    Raises RunError if runs with the same name have different configs.
    """
    groups: dict[str, list[Evaluated]] = {}
    for item in items:
        groups.setdefault(item.config.name, []).append(item)
    for name, (first, *others) in groups.items():
        for other in others:
            changes = differences(first.config, other.config, ("seed",))
            if changes:
                raise RunError(
                    f"{first.run.path} and {other.run.path} are both called {name!r} but differ in {changes} (in the first, in "
                    "the second). Runs are judged together if only their seeds differ: diagnose these one by one"
                )
    return list(groups.values())


def verdict_of(group: Sequence[Evaluated]) -> Verdict:
    """Give the verdict on one group of `grouped`. Raises EpisodesError."""
    known = [n for item in group if (n := item.judged_leakage()) is not None]
    table = pl.concat([item.episodes for item in group])
    shift = group[0].usual_shift()
    return diagnose(table, group[0].config.verdict, shift=shift, leakage=sum(known) if known else None)


def verdicts_of(items: Sequence[Evaluated]) -> list[Verdict]:
    """Give a verdict for each training procedure, see `grouped`."""
    return [verdict_of(group) for group in grouped(items)]


def unaffected(verdict: Verdict) -> bool:
    """Whether no effect of seeing the goal was found."""
    effect = verdict.numbers["goal_effect"]
    return effect is not None and effect.low <= 0 <= effect.high


def diagnoses_of(items: Sequence[Evaluated]) -> list[Diagnosis]:
    """Give a full diagnosis for each training procedure, see `grouped`."""
    return [
        diagnose_runs(group[0].world, verdict_of(group), [item.recorded() for item in group])
        for group in grouped(items)
    ]


def rollouts_of_run(
    items: Sequence[Evaluated], condition: str, count: int, outcome: str | None = None
) -> list[Rollout]:
    """Replay recorded episodes of the first run on representative levels, or those with an outcome. Raises RunError."""
    item = items[0]
    if condition not in item.conditions():
        raise RunError(
            f"{item.run.path} was not evaluated on {condition!r}; it was on {', '.join(item.conditions())}. "
            f"Evaluate it there: {shown_command('evaluate', item.run.path, '--condition', condition)}"
        )
    tables = [run.episodes for run in items if condition in run.conditions()]
    numbers = representative(tables, condition, count, outcome)
    if not numbers:
        raise RunError(
            f"no sampled episode of {item.name} on {condition} ended that way ({outcome}); choose another --outcome or "
            "--condition"
        )
    return rollouts_of(item.trajectories(), condition, numbers, item.config.env.max_steps)
