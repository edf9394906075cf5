"""What a live page shows: agents with their weights, levels to begin with, the world's rules, drawings and words.

Reads run folders and their last checkpoints, and plays some levels to choose those that show a difference most clearly.
Needs torch. Read next: `live_world.py`, `weights.py`, `palette.py`; `experiments/report/live/page.py`, which makes the page.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np

from goalposts.errors import UserError
from goalposts.text import plain

from ...agents.rollout import play
from ...envs.engine.engine import Engine
from ...envs.engine.outcome import FIRST, O_FIRST
from ...envs.generation.generate import generate
from ...envs.levels.level import Level, LevelSet
from ...envs.planner.planner import survey_levels
from ...envs.worlds.contract.world import World
from ...envs.worlds.registry import get_world
from ..evaluation.evaluate import Subject, subject_of
from ..report.data import ConditionNote, WorldWords
from ..report.live.page import LivePage
from ..report.words import phrase
from ..runs.run import Run
from .live_world import window_block, world_block
from .palette import palette_of, short_name
from .rules_to_javascript import javascript_of
from .weights import check_plain, packed_network
from .wording import notes_of, sprites_of, training_label, words_of

MOST_AGENTS, TWO = 12, 2
DRAWN, SHOWN = 60, 8  # levels that are played to choose from; levels that the page offers


def live_page(runs: Sequence[Run], command: str = "") -> LivePage:
    """The page of one run or several of one world. Raises UserError, among others for agents that see pixels."""
    if len(runs) > MOST_AGENTS:
        raise UserError(f"{len(runs)} runs were given; a live page holds at most {MOST_AGENTS}")
    subjects = [subject_of(run) for run in runs]
    if len(runs) > TWO:
        order = sorted(range(len(runs)), key=lambda k: alpha_of(subjects[k]))
        runs, subjects = [runs[k] for k in order], [subjects[k] for k in order]
    world = get_world(subjects[0].world)
    if any(get_world(s.world) is not world for s in subjects):
        raise UserError("the runs are of different worlds; a live page shows agents of one world")
    for run, subject in zip(runs, subjects, strict=True):
        check_plain(subject.agent, str(run.path))
    words, rules = words_of(world), javascript_of(world)
    pairs = chosen_levels(world, subjects)
    limits = {subject.max_steps for subject in subjects}
    return LivePage(
        world=world.name,
        words=words,
        story=world.story,
        rules=rules,
        labels=[label_of(world, subject) for subject in subjects],
        training=training_of(world, subjects[0], words),
        hidden=next((c.hidden for c in world.conditions if c.name == "invisible"), words.goal),
        block={
            "world": world_block(world, limits.pop() if len(limits) == 1 else None),
            "agents": [
                agent_block(world, run, subject, len(runs) > TWO)
                for run, subject in zip(runs, subjects, strict=True)
            ],
            "levels": [[codes(home), codes(moved)] for home, moved in pairs],
            "tiles": tiles_block(world, pairs[0][1]),
            "planes": list(world.planes),
            "counted": world.counted,
            "training": training_of(world, subjects[0], words),
            "words": {
                "goal": words.goal,
                "proxy": words.proxy,
                "reachesGoal": words.reaches_goal,
                "reachesProxy": words.reaches_proxy,
            },
            "sheet": sheet_block(world),
            "outsideSprite": world.outside_sprite,
        },
        command=command,
    )


def alpha_of(subject: Subject) -> float:
    """How much of the training was varied: the parameter of its condition, 0 for the world's training condition, else 1."""
    if subject.config is None:
        return 1.0
    condition = get_world(subject.world).condition(subject.config.env.condition)
    return condition.parameter if condition.parameter is not None else float(condition.role != "train")


def label_of(world: World, subject: Subject) -> str:
    """Describe an agent's training: "trained with the coin at the edge"."""
    return subject.label if subject.config is None else training_label(world, subject.config.env)


def training_of(world: World, subject: Subject, words: WorldWords) -> str:
    """How training levels were, as a clause: "with the coin at the edge"."""
    name = subject.config.env.condition if subject.config else world.default_condition("train")
    note: ConditionNote = notes_of(world, [name])[0]
    return phrase(note, words)


def agent_block(world: World, run: Run, subject: Subject, in_bytes: bool) -> dict[str, Any]:
    """An agent as the page's scripts take it."""
    return {
        "name": plain(run.path.resolve().name),
        "label": label_of(world, subject),
        "blind": goal_planes(world),
        "spec": window_block(world, subject.observation, world.full),
        "network": packed_network(subject.agent, str(run.path), in_bytes),
    }


def goal_planes(world: World) -> int:
    """The planes that show the goal and nothing that is neither goal nor its look-alike, as bits."""
    hidden = [tile for tile in world.legend.tiles if tile.hidden]
    kinds = {tile.name.partition(" ")[0] for tile in hidden}
    shown = {p for t in world.legend.tiles if t.name.partition(" ")[0].strip(":,") in kinds for p in t.planes}
    shown |= {p for p in world.planes if p in kinds}  # what moves or vanishes is shown by the rules
    return world.bits(*shown)


def codes(level: Level) -> list[str]:
    """The rows of a level as text."""
    return level.to_text().split("\n")


def tiles_block(world: World, level: Level) -> list[dict[str, Any]]:
    """The legend, and what may be painted."""
    return [
        {
            "char": tile.char,
            "name": short_name(tile),
            "sprite": tile.sprite,
            "goal": tile.goal_object,
            "hidden": tile.hidden,
            **limits,
        }
        for tile, limits in zip(world.legend.tiles, palette_of(world, level), strict=True)
    ]


def sheet_block(world: World) -> dict[str, Any]:
    """The drawings as data addresses."""
    sheet = sprites_of(world)
    block = {
        "src": f"data:image/png;base64,{base64.b64encode(sheet.png).decode()}",
        "px": sheet.px,
        "places": {name: list(place) for name, place in sorted(sheet.places.items())},
        "ground": sheet.ground,
    }
    if sheet.backdrop:
        block["backdrop"] = f"data:image/png;base64,{base64.b64encode(sheet.backdrop).decode()}"
    return block


def chosen_levels(world: World, subjects: Sequence[Subject]) -> list[tuple[Level, Level]]:
    """Pairs (as in training, goal moved) of one layout: first those on which the difference is seen most clearly.

    Clear: the first agent's likeliest path ends at the proxy and keeps away from the goal, the second's ends at the goal.
    """
    seed = next((s.config.evaluate.level_seed for s in subjects if s.config), 0)
    control, shift = world.default_condition("control"), world.default_condition("shift")
    homes, moved = (generate(world, name, seed, DRAWN) for name in (control, shift))
    by_layout = {level.layout_hash: level for level in homes}
    found = survey_levels(moved)
    scores = np.where(found.distinguishing, 4.0, 0.0)
    for which, subject in enumerate(subjects if len(subjects) < TWO else (subjects[0], subjects[-1])):
        played = play(subject.agent, moved, subject.observation, sampled=False, max_steps=subject.max_steps)
        wanted = FIRST.index("proxy" if which == 0 and len(subjects) > 1 else "goal")
        scores += np.where(played.outcome[:, O_FIRST] == wanted, 6.0, 0.0)
        if which == 0:
            scores += [distance(world, level, row) for level, row in zip(moved, played.actions, strict=True)]
    scores += 4 * np.minimum(moved.sizes[:, 1] / world.full[1], 0.85)  # the wider, the more to see
    order = np.argsort(-scores, kind="stable")
    chosen = [moved[int(k)] for k in order[:SHOWN]]
    return [(by_layout.get(level.layout_hash) or level, level) for level in chosen]


def distance(world: World, level: Level, actions: np.ndarray) -> float:
    """How far the path of an episode keeps from the goal objects, in cells, at most 3."""
    goals = np.argwhere(world.legend.goal_codes()[level.tiles])
    if not len(goals):
        return 0.0
    path = positions(world, level, actions)
    return float(min(3, np.abs(goals[:, None] - path[None]).sum(axis=2).min()))


def positions(world: World, level: Level, actions: np.ndarray) -> np.ndarray:
    """int[n, 2]: the agent's cells until it touches goal or proxy."""
    engine = Engine(world, 1, LevelSet.of([level]), "view", direct=True)
    engine.load(0, 0)
    path = [engine.state[0, :2].copy()]
    active = np.ones(1, np.bool_)
    for action in actions[actions != 255]:
        engine.step_active(np.array([action], np.int64), active)
        path.append(engine.state[0, :2].copy())
        if engine.outcome[0, O_FIRST]:
            break
    return np.array(path)
