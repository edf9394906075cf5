"""Players and courses for a window (`envs/window/model.py`): agents and levels.

A watched agent gets the same action noise as in its evaluation, so the window shows exactly the episodes of the table. Needs
torch only for trained agents. Read next: `experiments/evaluation/subjects.py`; `human_session.py`, for human players.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from goalposts.errors import UserError

from ...agents.rollout import SeesState, TellsProbabilities
from ...envs.engine.engine import Engine
from ...envs.engine.pixels import observe_pixels
from ...envs.generation.generate import generate
from ...envs.levels.level import Level, LevelSet
from ...envs.planner.planner import solve
from ...envs.window.model import Course, Decisions, Episode, Player
from ...envs.worlds.contract.condition_names import format_condition
from ...envs.worlds.contract.world import World
from ...envs.worlds.registry import get_world, load_world
from ..evaluation.evaluate import Subject
from ..evaluation.level_files import read_level_file
from ..evaluation.subjects import LEVEL_SEED, actions_on, is_scripted, labels_of, subjects_named
from ..system.atomic_files import check_parent


def course_of(world: World, conditions: Sequence[str] | None = None, seed: int = LEVEL_SEED) -> Course:
    """Create an endless course of generated levels. Raises UserError for an unknown condition."""
    names = tuple(conditions or usual_conditions(world))
    for name in names:
        world.condition(name)
    if len(set(names)) < len(names):
        raise UserError(f"conditions {', '.join(names)}: name each once")

    def level(condition: str, number: int) -> Level:
        return generate(world, condition, seed, 1, number)[0]

    return Course(world, names, level, None, {name: _told(world, name) for name in names})


def course_of_file(file: Path, world: str | None = None) -> Course:
    """Create a course from a level file. Raises LevelError; UserError if the file names another world."""
    levels = read_level_file(file, world)
    name = levels.condition or file.stem
    words = f"the levels of {file.name}"
    return Course(
        get_world(levels.world), (name,), lambda _, number: levels[number], len(levels), {name: words}
    )


def course_for_people(world: World | None, conditions: Sequence[str] | None = None) -> Course:
    """Default course of a person: the world's control and shift; the world defaults to CoinRun."""
    world = world or get_world("CoinRun")
    return course_of(
        world, conditions or [world.default_condition("control"), world.default_condition("shift")]
    )


def begin_edit(
    path: Path,
    names: list[str],
    world: str | None = None,
    fallback: str = "CoinRun",
    new: tuple[str | None, int, int] = (None, 0, 0),
) -> tuple[list[Level], list[Player], int]:
    """The levels to edit, the players that replay them, and the index of the first level to show.

    world: of the levels; default: that of the file, else of the run folders among `names`, else `fallback`.
    new: condition, level seed and number of the one level of a new file. Raises UserError.
    """
    exists = path.exists()
    levels = list(read_level_file(path, world)) if exists else []
    if not exists:
        check_parent(path)
    if not exists and all(map(is_scripted, names)):
        world = load_world(world or fallback).name
    subjects = subjects_named(names, levels[0].world if levels else world)
    condition, seed, number = new
    if not levels:
        home = get_world(subjects[0].world)
        condition = condition or home.default_condition("shift")
        levels = [course_of(home, [condition], seed).level(condition, number)]
    labels = labels_of(names, subjects)
    players = [player_of(subject, label) for subject, label in zip(subjects, labels, strict=True)]
    return levels, players, number if exists else 0


def warm_up(world: World) -> None:
    """Compile what a window needs of a world: its generator, planner and rules."""
    level = generate(world, world.default_condition("shift"), LEVEL_SEED, 1)[0]
    solve(level)
    Episode(level, actions=[0])


def usual_conditions(world: World) -> list[str]:
    """List the control and all shift conditions, in the world's order."""
    return [format_condition(c.name, c.parameter) for c in world.conditions if c.role in ("control", "shift")]


def player_of(subject: Subject, label: str = "") -> Player:
    """Wrap a subject as a player for a window."""
    critic = getattr(subject.agent, "value", None)
    value = partial(_value, subject) if callable(critic) else None
    return Player(
        label or subject.label, partial(_decide, subject), value, subject.observation, subject.max_steps
    )


def _told(world: World, name: str) -> str:
    condition = world.condition(name)
    return condition.distinguishes + (
        f" (hidden from the agent: {condition.hidden})" if condition.hidden else ""
    )


def _numbered(level: Level, number: int) -> LevelSet:
    return replace(LevelSet.of([level]), index=np.array([number]))


def _decide(subject: Subject, level: Level, number: int, sampled: bool) -> Decisions:
    """Play one episode as the evaluation does, with the agent's probabilities and values before each step."""
    actions = actions_on(subject, level, number, sampled)
    return Decisions(actions, _probabilities(subject, _numbered(level, number), actions))


def _probabilities(subject: Subject, levels: LevelSet, actions: np.ndarray) -> np.ndarray | None:
    agent = subject.agent
    if not isinstance(agent, TellsProbabilities):
        return None
    sees = agent if isinstance(agent, SeesState) else None
    engine = Engine(get_world(levels.world), 1, levels, subject.observation, subject.max_steps, direct=True)
    engine.load(0, 0)
    if sees is not None:
        sees.begin(levels)
    probabilities, last = [], 0
    for action in actions:
        if sees is not None:
            sees.see(np.zeros(1, np.int64), engine.state)
        probabilities.append(agent.action_probabilities(_seen(engine, subject.observation, last))[0])
        last = int(action)
        engine.step_active(np.array([last]), np.ones(1, np.bool_))
    return np.array(probabilities, np.float64).reshape(len(actions), len(engine.world.actions))


def _value(subject: Subject, level: Level, states: np.ndarray) -> np.ndarray:  # float64[n] for int32[n, S]
    levels = LevelSet.of([level])
    engine = Engine(get_world(level.world), len(states), levels, subject.observation, direct=True)
    for slot in range(len(states)):
        engine.load(slot, 0)
    engine.state[:] = states
    return np.asarray(subject.agent.value(_seen(engine, subject.observation, 0)), np.float64)


def _seen(engine: Engine, observation: str, last: int) -> np.ndarray:
    """Collect the agent's observations in the engine's states."""
    if observation != "rgb":
        return engine.observe()
    return observe_pixels(engine, range(engine.n), np.full(engine.n, last))
