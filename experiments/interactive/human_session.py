"""Human sessions: a person's episodes, stored in a folder that diagnose, report and record read like a run.

The first attempt at each level counts. Levels alternate between all conditions, so the conditions are nearly balanced
whenever the person stops. Saves after every step, so closing or killing the window loses nothing. Does not need torch.
Read next: `envs/window/play.py`, the window.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import polars as pl

from goalposts.safe_folder import remove_file

from ...agents.rollout import Played
from ...envs.levels.level import Level, LevelSet
from ...envs.planner.planner import survey_levels
from ...envs.window.model import Course, Episode, Turn
from ...envs.worlds.contract.world import World
from ..config.schema import ExperimentConfig
from ..evaluation.evaluate import Evaluation, Subject, table_of
from ..evaluation.trajectories import FILE, read_trajectories, record
from ..measurement.episodes import validate
from ..runs.run import CONFIG, Run, differences
from ..system.atomic_files import RunError, read_limited, write_atomic

UNFINISHED = "unfinished.json"  # the episode that was being played


def human_run(path: Path, name: str, world: World, whole: bool) -> Run:
    """Open or create the folder of a person's session. Raises UserError if it belongs to another person, world or view."""
    config = ExperimentConfig.parse(
        {
            "name": name,
            "world": world.name,
            "notes": "played by a person",
            "env": {
                "condition": world.default_condition("train"),
                "observation": "full" if whole else "view",
            },
            "evaluate": {
                "conditions": [world.default_condition("control"), world.default_condition("shift")],
                "greedy": False,
            },
        },
        "the folder of a person",
    )
    if not (path / CONFIG).exists():
        run = Run.create(path, config)
        with run.lock():
            run.set_status("finished", message="played by a person, not trained")
        return run
    run = Run.open(path)
    if run.config.name != name or run.config.hash() != config.hash():
        found = differences(run.config, config) or f"the name {run.config.name} and {name}"
        raise RunError(
            f"{path} belongs to another session ({found}: there, and here); give another --name or --out"
        )
    return run


class Human:
    """A person's episodes on a course. The caller must hold the run's lock. Raises RunError if the folder is damaged."""

    def __init__(self, run: Run, course: Course, first: int = 0) -> None:
        self.run, self.course, self.name = run, course, run.config.name
        self._first = first
        self._played: dict[tuple[str, int], Episode] = {}
        if (run.path / FILE).exists():
            for row in read_trajectories(run.path / FILE).iter_rows(named=True):
                level = Level.from_text(row["level"], row["world"])
                episode = Episode(level, actions=list(row["actions"]))
                self._played[row["condition"], row["level_index"]] = episode

    def turn(self) -> Turn | None:
        """Choose the next level: the lowest number that some condition still lacks."""
        course, unfinished = self.course, self._unfinished()
        number = self._first
        while course.count is None or number < course.count:
            for condition in course.conditions:
                if (condition, number) not in self._played:
                    level = course.level(condition, number)
                    here = [condition, number, level.level_hash]
                    return Turn(condition, number, level, unfinished[1] if unfinished[0] == here else ())
            number += 1
        return None

    def keep(self, turn: Turn, episode: Episode) -> None:
        """Save an episode: in the table if it has ended, else in the file of the unfinished episode."""
        if episode.over:
            self._played[turn.condition, turn.number] = episode
            record(self.run, self._evaluation())
            with suppress(OSError):
                remove_file(self.run.path / UNFINISHED)
        else:
            here = [turn.condition, turn.number, turn.level.level_hash]
            content = json.dumps({"level": here, "actions": episode.actions}) + "\n"
            write_atomic(self.run.path / UNFINISHED, content.encode())

    def tally(self) -> dict[str, dict[str, int]]:
        """Count the episodes that touched goal, proxy or neither first, by condition of the course."""
        counts: dict[str, dict[str, int]] = {name: {} for name in self.course.conditions}
        for (condition, _), episode in self._played.items():
            row = counts.setdefault(condition, {})
            first = episode.moments[-1].first
            row[first] = row.get(first, 0) + 1
        return counts

    def _unfinished(self) -> tuple[list, tuple[int, ...]]:
        path = self.run.path / UNFINISHED
        if not path.exists():
            return [], ()
        try:
            found = json.loads(read_limited(path, 1 << 20))
            actions = tuple(found["actions"])
            most = len(self.course.world.actions)
            if not all(type(a) is int and 0 <= a < most for a in actions):
                raise ValueError
            return list(found["level"]), actions
        except (ValueError, TypeError, KeyError, RecursionError):
            raise RunError(
                f"{path} is damaged: it held an unfinished level. Delete it to play that level again"
            ) from None

    def _evaluation(self) -> Evaluation:
        tables, sets, plays = [], {}, {}
        config = self.run.config
        subject = Subject(
            None,
            self.name,
            f"{self.name}-{config.hash()[:6]}",
            self.course.world.name,
            config.env.observation,
            config=config,
        )
        for condition in dict.fromkeys(name for name, _ in self._played):
            numbers = sorted(number for name, number in self._played if name == condition)
            episodes = [self._played[condition, number] for number in numbers]
            levels, played = _together(episodes, numbers)
            tables.append(
                table_of(
                    subject,
                    condition,
                    levels,
                    levels.layout_hashes(),
                    levels.level_hashes(),
                    survey_levels(levels),
                    played,
                    True,
                )
            )
            sets[condition], plays[condition] = levels, played
        return Evaluation(validate(pl.concat(tables)), sets, plays)


def _together(episodes: Sequence[Episode], numbers: Sequence[int]) -> tuple[LevelSet, Played]:
    """Convert episodes to the form of an evaluation: (levels, episodes played)."""
    plain = LevelSet.of([episode.level for episode in episodes])
    levels = LevelSet(plain.world, plain.tiles, plain.sizes, np.array(numbers))
    longest = max(len(episode.actions) for episode in episodes)
    actions = np.full((len(episodes), longest), 255, np.uint8)
    for row, episode in zip(actions, episodes, strict=True):
        row[: len(episode.actions)] = episode.actions
    outcome = np.stack([episode.outcome for episode in episodes])
    return levels, Played(outcome, np.array([episode.reward for episode in episodes]), actions)
