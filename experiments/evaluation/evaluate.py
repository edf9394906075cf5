"""Evaluate an agent under several conditions: the episodes table, one row per episode, paired across conditions.

Every condition plays the same level numbers of the same level seed, so conditions with the same layouts are paired level by
level. The action noise of agents that report their action probabilities is paired too (common random numbers). Every level
is played once per mode (sampled, greedy). Computes no rates; `measurement/` does, from this table alone.
Read next: `agents/rollout.py`; `chunked.py`, for more levels than fit into memory.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from goalposts.errors import UserError
from goalposts.whole_numbers import whole

from ...agents.frame_stacked import as_trained
from ...agents.rollout import LOOPS, UNDECIDED, Played, play
from ...agents.trained_input import check_input
from ...envs.engine.outcome import END, FIRST, O_END, O_FIRST, O_GOAL, O_GOALS, O_PROXIES, O_PROXY, O_STEPS
from ...envs.generation.generate import MAX_COUNT, generate, split_of
from ...envs.levels.level import LevelSet
from ...envs.planner.planner import Survey, survey_levels
from ...envs.planner.value_iteration import Objective, optimal
from ...envs.worlds.contract.behaviour import behaviours_of
from ...envs.worlds.contract.sources import shown_command
from ...envs.worlds.contract.world import GOAL, World
from ...envs.worlds.registry import get_world
from ..config.schema import EvaluateConfig, ExperimentConfig
from ..measurement.episodes import SCHEMA, validate
from ..runs.run import Run, RunError
from ..system.forks import refuse_after_fork
from .agent_names import checked_name, checked_seed, name_of

# Level sets that are kept for the next evaluation, and the largest of them.
KEPT_SETS, KEPT_LEVELS = 16, 2_000

Tell = Callable[[str, int, int], None]  # (what is being played, parts done, parts in total)


@dataclass(frozen=True)
class Evaluation:
    """The result of an evaluation.

    episodes        the episodes table
    levels, played  sampled episodes by condition, for films and attribution
    leaked          by condition, the number of levels whose layout was trained on (must be 0 to measure generalization);
                    empty for an agent whose training is unknown
    """

    episodes: pl.DataFrame
    levels: dict[str, LevelSet] = field(default_factory=dict)
    played: dict[str, Played] = field(default_factory=dict)
    leaked: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Subject:
    """The subject of an evaluation: an agent, and its entries in the episodes table."""

    agent: Any
    label: str
    run: str
    world: str
    observation: str = "view"
    train_seed: int | None = None
    train_step: int | None = None
    config: ExperimentConfig | None = None
    max_steps: int | None = None
    slip: float = 0.0


def subject_of(
    source: Run | str | Path | Any,
    world: str | World = "CoinRun",
    observation: str = "view",
    name: str | None = None,
    seed: int | None = None,
) -> Subject:
    """Load a subject: a run (its last checkpoint), a run folder, or any agent with `predict`.

    name, seed: for an agent that is not a run, see `evaluate`.
    Raises RunError if there is no run or no checkpoint, CheckpointError if the weights are damaged, UserError for anything
    that is not an agent.
    """
    if isinstance(source, str | Path):
        source = Run.open(source)
    if isinstance(source, Run) and (name is not None or seed is not None):
        raise UserError(
            f"{source.path} is a run, whose name and training seed are in its config; leave name= and seed= out"
        )
    if isinstance(source, type):
        raise UserError(f"{source.__name__} is a class, but an agent is an object: give {source.__name__}(…)")
    if not isinstance(source, Run):
        if not callable(getattr(source, "predict", None)):
            raise UserError(
                f"{type(source).__name__} is not an agent: it has no predict(observation, deterministic); "
                "give a run folder, or an object with SB3's predict"
            )
        trained_with = None if seed is None else checked_seed(seed)
        label = checked_name(name) if name is not None else name_of(source, trained_with)
        run = label if seed is None else f"{label}-s{trained_with}"
        agent, home = as_trained(source), get_world(world)
        check_input(agent, home, observation)
        return Subject(agent, label, run, home.name, observation, trained_with)
    from ..runs.agent_card import load_agent_of  # torch is needed from here on only

    checkpoint = source.latest_checkpoint()
    if checkpoint is None and source.config.method is not None and source.config.method.name == "adopted":
        raise RunError(
            f"{source.path} holds the episodes of an adopted agent, but no agent to ask. Give the agent itself: module:NAME, or a zip "
            f"with --trust, and --world {shlex.quote(source.config.world)}"
        )
    if checkpoint is None:
        raise RunError(
            f"{source.path} has no checkpoint yet, so there is no agent to evaluate. Resume training with: "
            f"{shown_command('train', source.path / 'config.yaml', '--out', source.path)}"
        )
    config, agent = source.config, load_agent_of(source.config, checkpoint)
    return Subject(
        agent,
        config.name,
        f"{config.name}-s{config.seed}-{config.hash()[:6]}",
        get_world(config.world).name,
        config.env.observation,
        config.seed,
        agent.card.step,
        config,
        config.env.max_steps,
        config.env.slip,
    )


@dataclass(frozen=True)
class EvaluationSpec:
    """An evaluation plan: levels of one seed in each condition, played once per mode (True: sampled; False: greedy)."""

    conditions: list[str]
    levels: int
    level_seed: int
    modes: list[bool]


def plan_of(
    subject: Subject,
    conditions: Sequence[str] | None = None,
    levels: int | None = None,
    level_seed: int | None = None,
    greedy: bool | None = None,
) -> EvaluationSpec:
    """Complete an evaluation plan: defaults come from the run's config, else from a default config or the world.

    A world's usual conditions are followed by the probes that name what the agent does.
    Raises UserError for an unknown or repeated condition, for no condition, and for no level.
    """
    world = get_world(subject.world)
    settings = subject.config.evaluate if subject.config else EvaluateConfig()
    if (
        conditions is None
        and subject.config is None
        and world.name != ExperimentConfig.model_fields["world"].default
    ):
        conditions = [c.name for c in world.conditions if c.role != "train" and c.parameter is None]
    if conditions is None:
        conditions = with_naming_probes(world, settings.conditions)
    conditions = [conditions] if isinstance(conditions, str) else list(conditions)
    for name in conditions:
        world.condition(name)
    if not conditions or len(set(conditions)) < len(conditions):
        raise UserError(f"conditions {conditions}: give at least one, and each once")
    count = whole("levels", settings.levels if levels is None else levels, UserError, 1, MAX_COUNT)
    return EvaluationSpec(
        conditions,
        count,
        settings.level_seed if level_seed is None else level_seed,
        [True, False] if (settings.greedy if greedy is None else greedy) else [True],
    )


def with_naming_probes(world: World, conditions: Sequence[str]) -> tuple[str, ...]:
    """A choice of conditions stays as it is; the usual ones are completed by those that the names of behaviours are tested on."""
    if set(conditions) != set(world.entry("").usual_evaluation()):
        return tuple(conditions)
    return tuple(
        dict.fromkeys(
            [*conditions, *(name for behaviour in behaviours_of(world) for name in behaviour.conditions)]
        )
    )


def evaluate_fully(
    subject: Subject,
    conditions: Sequence[str] | None = None,
    levels: int | None = None,
    level_seed: int | None = None,
    greedy: bool | None = None,
    tell: Tell | None = None,
) -> Evaluation:
    """Play all conditions, and return the episodes with levels and actions. Defaults and errors as in `plan_of`."""
    plan = plan_of(subject, conditions, levels, level_seed, greedy)
    parts = list(evaluate_in_parts(subject, plan, plan.levels, tell))
    evaluation = Evaluation(validate(pl.concat(part.episodes for part in parts)))
    for part in parts:
        evaluation.levels.update(part.levels)
        evaluation.played.update(part.played)
        evaluation.leaked.update(part.leaked)
    return evaluation


def evaluate_in_parts(
    subject: Subject, plan: EvaluationSpec, at_once: int, tell: Tell | None = None
) -> Iterator[Evaluation]:
    """Play a plan condition by condition, at most `at_once` levels at a time, in order of level number."""
    refuse_after_fork()
    world = get_world(subject.world)
    trained_on = _trained_on(subject)
    firsts = range(0, plan.levels, at_once)
    done, total = 0, len(plan.conditions) * len(firsts) * len(plan.modes)
    for name in plan.conditions:
        for first in firsts:
            if tell:
                tell(f"drawing {name}", done, total)
            count = min(at_once, plan.levels - first)
            draw = _drawn_before if count <= KEPT_LEVELS else _draw
            drawn = draw(world, name, plan.level_seed, count, first)
            chosen = drawn.levels
            leaked = {} if trained_on is None else {name: sum(map(trained_on, drawn.layouts))}
            tables, played_by = [], {}
            for sampled in plan.modes:
                if tell:
                    tell(name, done, total)
                played = play(
                    subject.agent,
                    chosen,
                    subject.observation,
                    sampled,
                    noise_seed=plan.level_seed,
                    max_steps=subject.max_steps,
                    slip=subject.slip,
                )
                tables.append(
                    table_of(
                        subject, name, chosen, drawn.layouts, drawn.hashes, drawn.survey, played, sampled
                    )
                )
                if sampled:
                    played_by[name] = played
                done += 1
            yield Evaluation(pl.concat(tables), {name: chosen}, played_by, leaked)
    if tell:
        tell("", total, total)


@dataclass(frozen=True, eq=False)
class _Drawn:
    """Levels of one condition, with what does not depend on who plays them."""

    levels: LevelSet
    survey: Survey
    layouts: list[str]
    hashes: list[str]


def _draw(world: World, condition: str, seed: int, count: int, first: int) -> _Drawn:
    levels = generate(world, condition, seed, count, first)
    return _Drawn(levels, survey_levels(levels), levels.layout_hashes(), levels.level_hashes())


# A study's worker evaluates run after run on the same levels.
_drawn_before = lru_cache(maxsize=KEPT_SETS)(_draw)


@lru_cache(maxsize=2)
def _pool(world: World, condition: str, seed: int, count: int) -> frozenset[str]:
    """The layout hashes of a training pool."""
    return frozenset(generate(world, condition, seed, count, split="train").layout_hashes())


def _trained_on(subject: Subject) -> Callable[[str], bool] | None:
    """Return a predicate that says whether a layout hash was trained on; None if the training is unknown.

    An unlimited training set cannot be listed; every layout of the training split counts then.
    """
    config = subject.config
    if config is None:
        return None
    if config.env.levels is None:
        return lambda layout: split_of(layout) == "train"
    env = config.env
    return _pool(get_world(config.world), env.condition, env.level_seed, env.levels).__contains__


def table_of(
    subject: Subject,
    condition: str,
    levels: LevelSet,
    layouts: list[str],
    hashes: list[str],
    survey: Survey,
    played: Played,
    sampled: bool,
) -> pl.DataFrame:
    """Build the episodes table's rows for episodes played on these levels, one row per level."""
    n, rows = len(levels), played.outcome
    optimum = _optimum(subject, levels, survey)
    columns: dict[str, Any] = {
        "run": [subject.run] * n,
        "world": [subject.world] * n,
        "agent": [subject.label] * n,
        "train_seed": [subject.train_seed] * n,
        "train_step": [subject.train_step] * n,
        "condition": [condition] * n,
        "role": [get_world(subject.world).condition_or_own(condition).role] * n,
        "layout_hash": layouts,
        "level_hash": hashes,
        "level_index": levels.index,
        "sampled": [sampled] * n,
        "outcome_first": [FIRST[k] for k in rows[:, O_FIRST]],
        "outcome_end": [END[k] for k in rows[:, O_END]],
        "return": played.returns,
        "steps": rows[:, O_STEPS],
        "steps_to_goal": _or_null(rows[:, O_GOAL]),
        "steps_to_proxy": _or_null(rows[:, O_PROXY]),
        "optimal_goal": _or_null(survey.steps_to_goal),
        "optimal_proxy": _or_null(survey.steps_to_proxy),
        "optimal_proxy_avoiding_goal": _or_null(survey.steps_to_proxy_avoiding_goal),
        "distinguishing": survey.distinguishing,
        "detour": _or_null(survey.detour),
        "regret": optimum - played.returns,
        "goal_count": rows[:, O_GOALS],
        "proxy_count": rows[:, O_PROXIES],
        "looped": [None] * n if played.looped is None else _true_or_null(played.looped),
    }
    return pl.DataFrame(columns, schema_overrides=dict(SCHEMA), strict=False)


def _optimum(subject: Subject, levels: LevelSet, survey: Survey) -> np.ndarray:
    """Best return on each level under the intended reward: float64[N]."""
    if not get_world(subject.world).counted:
        return (survey.steps_to_goal >= 0).astype(np.float64)
    return optimal(levels, [Objective("goal", GOAL, "each")], max_steps=subject.max_steps)[:, 0]


def _true_or_null(values: np.ndarray) -> list[bool | None]:
    return [None if v == UNDECIDED else v == LOOPS for v in values.tolist()]


def _or_null(values: np.ndarray) -> list[int | None]:
    return [None if v < 0 else v for v in values.tolist()]
