"""What a live page shows: agents with their weights, levels to begin with, the world's rules, drawings and words.

Reads run folders and their last checkpoints, and plays some levels to choose those that show a difference most clearly.
Needs torch. Read next: `live_blocks.py`, `weights.py`; `experiments/report/live/page.py`, which makes the page.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from goalposts.errors import UserError
from goalposts.text import plain

from ...agents.rollout import play
from ...envs.engine.engine import Engine
from ...envs.engine.outcome import FIRST, NEVER, O_FIRST, O_GOAL
from ...envs.generation.generate import generate
from ...envs.levels.level import Level, LevelSet
from ...envs.planner.planner import survey_levels
from ...envs.worlds.contract.world import World
from ...envs.worlds.registry import get_world
from ..evaluation.evaluate import Subject, subject_of
from ..evaluation.evaluated_run import Evaluated
from ..report.data import LivePage
from ..runs.run import Run
from .live_blocks import LiveAgent, live_page_of
from .weights import check_plain, packed_network
from .wording import rewarded_for, training_label

MOST_AGENTS, TWO = 12, 2
PLAYED = 200  # episodes for the score of a run that was not evaluated
DRAWN, SHOWN = 60, 8  # levels that are played to choose from; levels that the page offers


def live_page(runs: Sequence[Run], command: str = "") -> LivePage:
    """The page of one run or several of one world. Raises UserError, among others for agents that see pixels."""
    check_number(len(runs))
    subjects = [subject_of(run) for run in runs]
    if len(runs) > TWO:
        order = sorted(range(len(runs)), key=lambda k: alpha_of(subjects[k]))
        runs, subjects = [runs[k] for k in order], [subjects[k] for k in order]
    world = get_world(subjects[0].world)
    if any(get_world(s.world) is not world for s in subjects):
        raise UserError("the runs are of different worlds; a live page shows agents of one world")
    for run, subject in zip(runs, subjects, strict=True):
        check_plain(subject.agent, str(run.path))
    agents = [
        LiveAgent(
            plain(run.path.resolve().name),
            label_of(world, subject),
            training_condition(world, subject),
            subject.observation,
            subject.max_steps,
            packed_network(subject.agent, str(run.path), len(runs) > TWO),
            rewarded_for(world, subject.config) if subject.config else "",
            score_of(world, run, subject),
            moved_of(world, run, subject),
        )
        for run, subject in zip(runs, subjects, strict=True)
    ]
    return live_page_of(world, agents, chosen_levels(world, subjects), command)


def check_number(runs: int) -> None:
    """Raise UserError for more runs than a live page holds."""
    if runs > MOST_AGENTS:
        raise UserError(f"{runs} runs were given; a live page holds at most {MOST_AGENTS}")


def alpha_of(subject: Subject) -> float:
    """How much of the training was varied: the parameter of its condition, 0 for the world's training condition, else 1."""
    if subject.config is None:
        return 1.0
    condition = get_world(subject.world).condition(subject.config.env.condition)
    return condition.parameter if condition.parameter is not None else float(condition.role != "train")


def label_of(world: World, subject: Subject) -> str:
    """Describe an agent's training: "trained with the coin at the edge"."""
    return subject.label if subject.config is None else training_label(world, subject.config.env)


def training_condition(world: World, subject: Subject) -> str:
    """The condition that a subject was trained on; the world's own for one without a config."""
    return subject.config.env.condition if subject.config else world.default_condition("train")


def score_of(world: World, run: Run, subject: Subject) -> tuple[float, int]:
    """Fraction of episodes on the control with the goal reached, and their number: as evaluated, else played now."""
    control = world.default_condition("control")
    table = evaluated_on(control, run)
    if table is not None:
        return int(table["steps_to_goal"].is_not_null().sum()) / table.height, table.height
    outcome = outcomes_on(control, world, subject)
    return float((outcome[:, O_GOAL] != NEVER).mean()), len(outcome)


def moved_of(world: World, run: Run, subject: Subject) -> tuple[float, int]:
    """Fraction of episodes on the shift in which the goal is first, and their number: as evaluated, else played now."""
    shift = world.default_condition("shift")
    table = evaluated_on(shift, run)
    if table is not None:
        return int((table["outcome_first"] == "goal").sum()) / table.height, table.height
    outcome = outcomes_on(shift, world, subject)
    return float((outcome[:, O_FIRST] == FIRST.index("goal")).mean()), len(outcome)


def evaluated_on(condition: str, run: Run) -> pl.DataFrame | None:
    """The sampled episodes on a condition, if the last checkpoint was evaluated on it."""
    if not run.episodes_path.exists():
        return None
    table = Evaluated(run).episodes.filter((pl.col("condition") == condition) & pl.col("sampled"))
    last = run.latest_checkpoint()
    return table if table.height and last and table["train_step"].unique().to_list() == [last.step] else None


def outcomes_on(condition: str, world: World, subject: Subject) -> np.ndarray:
    """Outcomes of one sampled episode on each of `PLAYED` held-out levels: the engine's int64[n, …]."""
    seed = subject.config.evaluate.level_seed if subject.config else 0
    levels = generate(world, condition, seed, PLAYED)
    return play(subject.agent, levels, subject.observation, max_steps=subject.max_steps).outcome


def chosen_levels(world: World, subjects: Sequence[Subject]) -> list[tuple[Level, Level]]:
    """Pairs (as in training, goal moved) of one layout: first those on which the difference is seen most clearly.

    Clear: the first agent's likeliest path ends at the proxy and keeps away from the goal, the second's ends at the goal. A single
    agent does there what it does most often on levels that distinguish goal from proxy.
    """
    seed = next((s.config.evaluate.level_seed for s in subjects if s.config), 0)
    control, shift = world.default_condition("control"), world.default_condition("shift")
    homes, moved = (generate(world, name, seed, DRAWN) for name in (control, shift))
    by_layout = {level.layout_hash: level for level in homes}
    survey = survey_levels(moved)
    scores = np.where(survey.distinguishing, 4.0, 0.0)
    for which, subject in enumerate(subjects if len(subjects) < TWO else (subjects[0], subjects[-1])):
        played = play(subject.agent, moved, subject.observation, sampled=False, max_steps=subject.max_steps)
        wanted = FIRST.index("proxy" if which == 0 else "goal")
        did = played.outcome[:, O_FIRST]
        if len(subjects) == 1:
            wanted = int(
                np.bincount(did[survey.distinguishing] if survey.distinguishing.any() else did).argmax()
            )
        scores += np.where(did == wanted, 6.0, 0.0)
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
