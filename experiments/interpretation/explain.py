"""Explain agents: influence maps, input support and policy against value; with `full`, also probes and interventions on activations.

    from goalposts.experiments import Run
    from goalposts.experiments.interpretation.explain import explain_runs
    found = explain_runs([Run.open("runs/edge-s0"), Run.open("runs/anywhere-s0")])
    found[0].maps                      # a table: the change of policy and value by cell

The last entry is the first run's net before training. Where an agent has no value or no weights, `notes` says in one sentence what is
left out. Read next: `influence.py`, `value.py`, `support.py`; `words.py`, the text; `files.py`, the files.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import polars as pl

from goalposts.errors import UserError
from goalposts.text import plain

from ...envs.worlds.contract.world import Role
from ...envs.worlds.registry import get_world
from ..evaluation.evaluate import Subject, subject_of
from ..evaluation.subjects import level_seed_of
from ..runs.run import Run
from .influence import GOAL, PROXY, Influence, check_askable, map_of, summary_of, toggled
from .pair import pair_table
from .probes import probe_agent
from .states import CONTROL, LEVELS, SHIFT, States, held_out_states
from .support import by_plane, support_of, untrained_agent, untrained_agents
from .use import Arena, use_table
from .value import ValueDrop, ValueProgress, policy_and_value, progress, shares_trunk, value_drop

UNTRAINED = "untrained"
_drawn = lru_cache(maxsize=8)(held_out_states)  # agents with one observation are asked about the same states
Tell = Callable[[int, str], None]  # (index of the agent, what is done)


@dataclass(frozen=True, eq=False)
class Explanation:
    """What one agent uses. role: control (held-out levels of the training kind) or shift, see `conditions`.

    maps: the columns of `influence.SCHEMA` after role. summaries: by (role, thing). effects: the columns of `value.SCHEMA` after role.
    bits: the columns of `support.SCHEMA`; support: one row per plane. probes, use: of `full`; empty tables otherwise. pair: of `full`, the
    columns of `pair.SCHEMA`, from the first run's net to this one; only the second run has it. notes: what was left out, and why.
    null: by what is erased, the largest effect on the value of any of five untrained nets; {} where there is no net.
    """

    name: str
    world: str
    observation: str
    conditions: dict[str, str]
    maps: pl.DataFrame
    summaries: dict[tuple[str, str], Influence]
    effects: pl.DataFrame
    progress: ValueProgress | None = None
    drop: ValueDrop | None = None
    trunk: str | None = None
    support: pl.DataFrame | None = None
    bits: pl.DataFrame | None = None
    probes: pl.DataFrame = field(default_factory=pl.DataFrame)
    use: pl.DataFrame = field(default_factory=pl.DataFrame)
    pair: pl.DataFrame = field(default_factory=pl.DataFrame)
    notes: tuple[str, ...] = ()
    trained: bool = True
    step: int | None = None
    null: dict[str, float] = field(default_factory=dict)


def explain_agent(subject: Subject, name: str = "", levels: int = LEVELS) -> Explanation:
    """Explain any agent with action probabilities by its answers alone. Raises UserError where nothing can be said."""
    check_askable(subject.agent, subject.observation)
    asked = _states(subject, levels)
    maps, summaries, effects = [], {}, []
    for role, states in asked.items():
        for thing in (GOAL, PROXY):
            edits = toggled(subject.agent, states, thing)
            summary = summary_of(edits)
            if summary is not None:
                summaries[role, thing] = summary
                maps.append(map_of(edits).select(pl.lit(role).alias("role"), pl.all()))
        effects.append(policy_and_value(subject.agent, states).select(pl.lit(role).alias("role"), pl.all()))
    conditions: dict[str, str] = {role: states.condition for role, states in asked.items()}
    return Explanation(
        name or subject.label,
        subject.world,
        subject.observation,
        conditions,
        pl.concat(maps),
        summaries,
        pl.concat(effects),
        progress(subject.agent, asked[CONTROL]),
        value_drop(subject, conditions[CONTROL], conditions[SHIFT], level_seed_of([subject]), 2 * levels),
        shares_trunk(subject.agent),
        notes=tuple(_notes(subject.agent)),
        step=subject.train_step,
    )


def explain_runs(
    runs: Sequence[Run], full: bool = False, tell: Tell | None = None, levels: int = LEVELS
) -> list[Explanation]:
    """Explain runs of one world side by side, and the first one's net before training. Raises UserError, RunError, CheckpointError."""
    subjects = [subject_of(run) for run in runs]
    worlds = {subject.world for subject in subjects}
    if len(worlds) > 1:
        raise UserError(
            f"the runs are of different worlds ({', '.join(sorted(worlds))}); explain each world separately"
        )
    for subject in subjects:
        check_askable(subject.agent, subject.observation)
    explanations = []
    for k, (run, subject) in enumerate(zip(runs, subjects, strict=True)):
        if tell:
            tell(k, "placing the goal")
        explanation = _with_weights(
            run, subject, explain_agent(subject, plain(run.path.resolve().name), levels)
        )
        if full:
            if tell:
                tell(k, "probing, erasing, patching, steering")
            explanation = _in_full(run, subject, explanation, levels)
            if k == 1:
                if tell:
                    tell(k, f"interpolating from {explanations[0].name}, grafting")
                explanation = _paired(subjects[0], subject, explanation, levels)
        explanations.append(explanation)
    untrained = untrained_agents(runs[0])
    last = explain_agent(replace(subjects[0], agent=untrained[0]), UNTRAINED, levels)
    null = _null(untrained, subjects[0], levels)
    return [*(replace(entry, null=null) for entry in explanations), replace(last, trained=False, null=null)]


def _null(untrained: Sequence[Any], subject: Subject, levels: int) -> dict[str, float]:
    """The largest absolute effect on the value of any untrained net, by what is erased from control states."""
    states = _states(subject, levels, (CONTROL,))[CONTROL]
    tables = pl.concat(policy_and_value(agent, states) for agent in untrained).drop_nulls("value")
    largest = tables.group_by("erased").agg(pl.col("value").abs().max())
    return dict(largest.iter_rows())


def _with_weights(run: Run, subject: Subject, explanation: Explanation) -> Explanation:
    """Add what needs the weights of the run's net, or a note."""
    try:
        bits = support_of(run, subject.agent, untrained_agent(run))
    except UserError as error:
        return replace(explanation, notes=(*explanation.notes, str(error)))
    return replace(explanation, bits=bits, support=by_plane(bits))


def _in_full(run: Run, subject: Subject, explanation: Explanation, levels: int) -> Explanation:
    """Add probes and interventions on the last hidden layer, or a note."""
    states = _states(subject, levels, (CONTROL,))[CONTROL]
    try:
        probes = probe_agent(subject.agent, untrained_agents(run), states)
        arena = Arena.of(
            subject,
            explanation.conditions[CONTROL],
            explanation.conditions[SHIFT],
            level_seed_of([subject]),
            levels,
        )
        return replace(explanation, probes=probes, use=use_table(subject, states, arena))
    except UserError as error:
        return replace(explanation, notes=(*explanation.notes, str(error)))


def _paired(first: Subject, subject: Subject, explanation: Explanation, levels: int) -> Explanation:
    """Add what is between the first run's net and this one, or a note."""
    states = _states(subject, levels, (CONTROL,))[CONTROL]
    arena = Arena.of(
        subject,
        explanation.conditions[CONTROL],
        explanation.conditions[SHIFT],
        level_seed_of([subject]),
        levels,
    )
    try:
        return replace(explanation, pair=pair_table(first.agent, subject.agent, states, arena))
    except UserError as error:
        return replace(explanation, notes=(*explanation.notes, str(error)))


def _states(subject: Subject, levels: int, roles: Sequence[Role] = (CONTROL, SHIFT)) -> dict[Role, States]:
    world = get_world(subject.world)
    seed = level_seed_of([subject])
    return {
        role: _drawn(world.name, world.default_condition(role), subject.observation, levels, seed)
        for role in roles
    }


def _notes(agent: Any) -> list[str]:
    notes = []
    if not callable(getattr(agent, "value", None)):
        notes.append("this agent has no value(observation), so nothing is said about a critic")
    if callable(getattr(agent, "see", None)):
        notes.append(
            "this agent has a memory, and was asked about each observation as the first of an episode"
        )
    return notes
