"""The study plan: all points of the grid and all seeds as runs, each identified by the hash of its resolved config.

A run shared by several points is planned once. Runs are ordered by seed over all points, so that an interrupted study covers
every point. Read next: `experiments/study/driver.py`, which does the runs.
"""

from __future__ import annotations

import itertools
import json
import math
import os
import re
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from goalposts.process.budget import reading_budget

from ....envs.engine.observation_spec import parse_observation
from ...config.initial_section import weights_known
from ...config.schema import ExperimentConfig
from ...config.yaml_document import ConfigError, Document, Problem, shorten
from .config import Arm, StudyConfig, read_study

MAX_RUNS, MAX_POINTS = 100_000, 10_000
ID_DIGITS = 16  # hex digits of a run's id; 10⁵ runs collide with a probability of about 10⁻¹⁰
MAIN = "main"


@dataclass(frozen=True)
class Point:
    """One point of the grid: its settings, and the run of each seed."""

    arm: str
    name: str  # short and unique within the study; can name a folder
    values: Mapping[str, str]  # by key of the grid, as text
    runs: tuple[tuple[int, str], ...]  # (seed, run id)


@dataclass(frozen=True)
class StudyPlan:
    """A study, its points, and all its runs by id, in the order in which they start."""

    study: StudyConfig
    points: tuple[Point, ...]
    runs: Mapping[str, ExperimentConfig]

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys in which the points differ."""
        return tuple(dict.fromkeys(key for point in self.points for key in point.values))


def plan_study(source: str | os.PathLike[str], overrides: Iterable[str] = ()) -> StudyPlan:
    """Read a study and expand it. Raises ConfigError with every mistake in the study, its base or its points."""
    study, document, base = read_study(source, overrides)
    with weights_known(study.weights if os.path.isdir(source) else None):
        plan = expand(study, document, base)
    starts = [config.init_from for config in plan.runs.values() if config.init_from is not None]
    weights = {start.run: str(start.weights) for start in starts}
    return replace(plan, study=study.model_copy(update={"weights": dict(sorted(weights.items()))}))


def refuse_changes(source: str | os.PathLike[str], overrides: Iterable[str], out: object) -> None:
    """Raise ConfigError if overrides would turn a study folder into a different study, which needs a separate folder.

    More seeds do not make it a different study: finished runs stay, and missing ones are done.
    """
    folder, changes = (
        Path(source),
        [override for override in overrides if override.partition("=")[0].strip() != "seeds"],
    )
    if out is not None or not changes or not (folder / "study.yaml").is_file():
        return
    before, after = read_study(folder)[0].to_dict(), read_study(folder, changes)[0].to_dict()
    changed = [
        f"{key} {shorten(before[key])} and {shorten(after[key])}"
        for key in after
        if before[key] != after[key]
    ]
    if changed:
        text = f"{folder} holds another study: {'; '.join(changed)} (before and after). Nothing was changed. "
        raise ConfigError([Problem("", "", text + "Give the changed study a separate folder with --out.")])


def expand(study: StudyConfig, document: Document, base: Document) -> StudyPlan:
    """Expand a study to points and runs. Raises ConfigError with every mistake and its place in the study file."""
    arms = (Arm(name=MAIN), *study.arms)
    sizes = [_size(study, arm) for arm in arms]
    if sum(sizes) > MAX_RUNS:
        text = (
            f"the study has {sum(sizes):,} runs; at most {MAX_RUNS:,} are allowed. Leave out values or seeds."
        )
        raise ConfigError([Problem(document.source, "grid", text)], document.source)
    points = sum(_points(study, arm) for arm in arms)
    if points > MAX_POINTS:
        text = f"the grid has {points:,} points; at most {MAX_POINTS:,} are allowed. Leave out values."
        raise ConfigError([Problem(document.source, "grid", text)], document.source)
    problems: dict[tuple[str, str, str], Problem] = {}
    grid_points: list[tuple[Arm, dict[str, str], ExperimentConfig]] = []
    for number, arm in enumerate(arms):
        section = ("arms", number - 1) if number else ()
        grid, at = (study.grid, ("grid",)) if arm.grid is None else (arm.grid, (*section, "grid"))
        choices = itertools.product(*(range(len(values)) for values in grid.values()))
        for choice in reading_budget().each(choices, document.source):
            point = _base_of(study, document, base)
            for changes, key in ((study.set, ("set",)), (arm.set, (*section, "set"))):
                for name, value in sorted(changes.items(), key=_algorithm_first):
                    _set(point, name, value, _place(document, key, name))
            chosen = list(zip(grid, choice, strict=True))
            for name, k in sorted(chosen, key=_algorithm_first):
                _set(point, name, grid[name][k], _place(document, at, name, k))
            try:
                config = ExperimentConfig.parse(point, document.source)
                _check_planes(config)
            except ConfigError as error:
                problems |= {
                    (problem.place, problem.key, problem.text): problem for problem in error.problems
                }
                continue
            words = {name: spell(values[k]) for (name, values), k in zip(grid.items(), choice, strict=True)}
            grid_points.append((arm, words, config))
    if problems:
        raise ConfigError(list(problems.values())[:50], document.source)
    return _numbered(study, grid_points)


def run_id(config: ExperimentConfig) -> str:
    """Id of a run, from its resolved config: equal in every study and on every machine."""
    return config.hash()[:ID_DIGITS]


def spell(value: Any) -> str:
    """Spell a grid value as text."""
    return value if isinstance(value, str) else json.dumps(value)


def _numbered(study: StudyConfig, settings: list[tuple[Arm, dict[str, str], ExperimentConfig]]) -> StudyPlan:
    names: dict[str, int] = {}
    points, by_seed = [], []
    for arm, words, config in settings:
        name = _name(study.name, arm.name, words, names)
        seeds = study.seeds if arm.seeds is None else arm.seeds
        configs = [config.model_copy(update={"name": name, "seed": seed}) for seed in seeds]
        ids = [run_id(seed_config) for seed_config in configs]
        points.append(Point(arm.name, name, words, tuple(zip(seeds, ids, strict=True))))
        by_seed += [
            (k, seed_run, other) for k, (seed_run, other) in enumerate(zip(ids, configs, strict=True))
        ]
    runs: dict[str, ExperimentConfig] = {}
    for _, run, config in sorted(by_seed, key=lambda entry: entry[0]):
        runs.setdefault(run, config)
    return StudyPlan(study, tuple(points), runs)


def _size(study: StudyConfig, arm: Arm) -> int:
    return _points(study, arm) * len(study.seeds if arm.seeds is None else arm.seeds)


def _points(study: StudyConfig, arm: Arm) -> int:
    grid = study.grid if arm.grid is None else arm.grid
    return math.prod(len(values) for values in grid.values())


def _base_of(study: StudyConfig, document: Document, base: Document) -> Document:
    point = Document(base.source, deepcopy(base.data), dict(base.places), list(base.problems))
    point.data.setdefault("name", study.name)
    for key in ("conditions", "levels", "level_seed", "greedy"):
        value = getattr(study, key)
        point.set(
            ("evaluate", key), list(value) if isinstance(value, tuple) else value, document.place((key,))
        )
    return point


def _algorithm_first(change: tuple[str, Any]) -> bool:
    """Sort key: puts the choice of an algorithm, which drops the previous one's keys, before the new one's keys."""
    return change[0] != "train.algorithm"


def _set(point: Document, name: str, value: Any, place: str) -> None:
    """Apply one change to a point's config; refuses settings that a study has other keys for."""
    hint = {
        "seed": "set the seeds of a study under `seeds`.",
        "base": "set the base at the top of the study.",
        "name": "runs are named after their point.",
    }.get(name)
    if name.partition(".")[0] == "evaluate":
        hint = "set the evaluation at the top of the study: conditions, levels, level_seed, greedy."
    if hint or not re.fullmatch(r"\w+(\.\w+)*", name):
        text = hint or "this is not a config key; write it with dots, as in train.total_steps."
        point.problems.append(Problem(place, name, text))
        return
    point.set(tuple(name.split(".")), value, place)


def _place(document: Document, section: tuple[str | int, ...], name: str, *rest: int) -> str:
    """Find the place of a section's key, written with dots or as nested sections."""
    nested = (*section, *name.split("."))  # the form that overrides use, which take precedence
    for key in ((*nested, *rest), nested, (*section, name, *rest)):
        if key in document.places:
            return document.places[key]
    return document.place((*section, name))


def _check_planes(config: ExperimentConfig) -> None:
    """Check that an observation's planes exist in the world, before every run of the study fails. Raises ConfigError."""
    asked = parse_observation(config.env.observation)
    if asked.shown:
        from ....envs.engine.observation_spec import ObservationError
        from ....envs.worlds.registry import get_world

        try:
            parse_observation(config.env.observation, get_world(config.world).planes)
        except ObservationError as error:
            raise ConfigError([Problem("", "env.observation", str(error))]) from error


def _name(study: str, arm: str, words: Mapping[str, str], taken: dict[str, int]) -> str:
    """Make a unique point name. taken: names already used, with the last number appended to each."""
    parts = [
        study,
        *([] if arm == MAIN else [arm]),
        *(re.sub(r"[^\w.]+", "-", word).strip("-.") for word in words.values()),
    ]
    name = re.sub(r"[^A-Za-z0-9._-]", "", "-".join(part for part in parts if part))[:72].rstrip(".-")
    unique, number = name, taken.get(name.lower(), 1)
    while unique.lower() in taken:
        number += 1
        unique = f"{name}-{number}"
    taken[name.lower()] = number
    taken.setdefault(unique.lower(), 1)
    return unique
