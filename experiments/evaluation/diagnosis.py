"""Diagnosis: the verdict with all evidence on what an agent pursues: probes, conflict curve, attribution, fine-tuning.

Reads the tables of an evaluation (episodes, trajectories) and plays scripted agents only, so it needs neither the agent nor torch. Lists
the probes that were not evaluated. Read next: `missing_probes.py`, which plays them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import polars as pl

from ...agents.recorded import first_of_two, goal_cells, paths
from ...agents.rollout import play
from ...agents.scripted import BlindToGoal, Random, Scripted
from ...envs.engine.outcome import FIRST, O_FIRST
from ...envs.levels.level import LevelSet
from ...envs.planner.value_iteration import ValuesError
from ...envs.worlds.contract.behaviour import behaviours_of
from ...envs.worlds.contract.condition_names import format_condition
from ...envs.worlds.contract.world import World
from ..measurement import ConflictCurve, Estimate, Verdict, conflict_curve, probe_table, regret
from ..measurement.attribution import Attribution, weigh
from ..measurement.behaviour.naming import Naming, name_behaviour, placed
from ..measurement.behaviour.seeing_devices import SeeingTest
from ..measurement.behaviour.separation import Separation, separations
from ..measurement.episodes import EpisodesError
from ..measurement.intervals import wilson
from ..measurement.paired_contrasts import relocation_effect
from ..measurement.relearning import Recovery, recovery
from .attribution import against_seeing, gather
from .trajectories import levels_and_actions

ATTRIBUTED = 1000  # episodes at most
ON_PROBES = 300  # of a probe
CHANCE_LEVELS = 500  # at most
LEAST_RELOCATED = 50  # levels


@dataclass(frozen=True)
class Recorded:
    """The tables of one run. trajectories: None if the evaluation kept none; finetuned: None if it was not fine-tuned."""

    name: str
    episodes: pl.DataFrame
    trajectories: pl.DataFrame | None
    max_steps: int | None = None
    slip: float = 0.0
    finetuned: pl.DataFrame | None = None


@dataclass(frozen=True)
class Attributed:
    """Attribution of one run's actions under one condition, up to the first touch of goal or proxy."""

    run: str
    condition: str
    found: Attribution
    seeing: SeeingTest

    def to_dict(self) -> dict[str, Any]:
        """Everything, for JSON."""
        return {
            "run": self.run,
            "condition": self.condition,
            **self.found.to_dict(),
            "seeing": self.seeing.to_dict(),
        }


@dataclass(frozen=True)
class Relocated:
    """The relocation effect: the goal moved from its place under the shift to its place under another condition."""

    other: str
    effect: Estimate

    def to_dict(self) -> dict[str, Any]:
        """Everything, for JSON."""
        return {"other": self.other, "effect": self.effect.to_dict()}


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """A verdict with its evidence, for one agent or one training procedure.

    probes        one row per condition, see `measurement.probe_table`, with `tells` (what it distinguishes) and `regret`
    missing       probes that were not evaluated
    curve         the conflict curve; None if the episodes do not determine one
    attributions  one per run; empty if there is nothing to weigh (`no_attribution` says why)
    on_probes     attributions of the first run on the probes whose levels separate the places that the world declares
    separations   what these say between the first run's best hypotheses and targets that the shift does not separate from them
    chance        goal preference of agents that cannot see the goal, on the same levels, see `chance_context`
    recovery      result of the fine-tuning test; None unless every run was tested, in the same way
    """

    verdict: Verdict
    probes: pl.DataFrame
    regrets: dict[str, Estimate]
    missing: tuple[str, ...]
    curve: ConflictCurve | None
    attributions: tuple[Attributed, ...]
    no_attribution: str = ""
    recovery: Recovery | None = None
    naming: Naming | None = None
    relocation: Relocated | None = None
    on_probes: tuple[Attributed, ...] = ()
    separations: tuple[Separation, ...] = ()
    chance: Mapping[str, Estimate] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return all fields for JSON: those of the verdict, then probes, missing, conflict_curve, attribution, finetuning."""
        probes = [
            {**row, "regret": self.regrets[row["condition"]].to_dict()} for row in self.probes.to_dicts()
        ]
        return {
            **self.verdict.to_dict(),
            "probes": probes,
            "behaviour": None if self.naming is None else self.naming.to_dict(),
            "relocation": None if self.relocation is None else self.relocation.to_dict(),
            "missing": list(self.missing),
            "chance_context": {name: estimate.to_dict() for name, estimate in self.chance.items()},
            "conflict_curve": None if self.curve is None else _curve(self.curve),
            "attribution": [a.to_dict() for a in self.attributions],
            "attribution_on_probes": [a.to_dict() for a in self.on_probes],
            "separations": [separation.to_dict() for separation in self.separations],
            "no_attribution": self.no_attribution,
            "finetuning": None if self.recovery is None else self.recovery.to_dict(),
        }


def probes_of(world: World) -> tuple[str, ...]:
    """List the conditions of a full diagnosis: all except the training ones, parameters at the world's own example."""
    return tuple(
        format_condition(c.name, c.parameter)
        for c in world.conditions
        if c.role != "train" and c.name != "mixture"
    )


def diagnose_runs(
    world: World, verdict: Verdict, runs: Sequence[Recorded], attributed: int = ATTRIBUTED
) -> Diagnosis:
    """Diagnose runs from their tables; `verdict` is the joint verdict on all of them.

    attributed: number of episodes of each run that are weighed, in the order of the levels.
    """
    episodes = pl.concat([run.episodes for run in runs])
    table = probe_table(episodes, sampled=verdict.sampled)
    names = table["condition"].to_list()
    tells = [world.condition_or_own(name).distinguishes for name in names]
    attributions, why_not = _attributions(verdict, runs, attributed)
    on_probes = tuple(
        attribution
        for condition in (_conditions_of_places(world) if attributions else ())
        for attribution in _attributions(verdict, runs[:1], min(attributed, ON_PROBES), condition)[0]
    )
    shift, moved = verdict.shift, relocated(verdict, runs, episodes)
    capable = episodes.filter(~pl.col("run").is_in(verdict.lost))  # as in any mean of preferences
    return Diagnosis(
        verdict,
        table.with_columns(tells=pl.Series(tells, dtype=pl.String)),
        {name: regret(episodes, condition=name, sampled=verdict.sampled) for name in names},
        tuple(name for name in probes_of(world) if name not in names),
        None if shift is None else conflict_curve(capable, condition=shift, sampled=verdict.sampled),
        attributions,
        why_not,
        _recovery(verdict, runs),
        name_runs(world, runs, verdict.sampled, lambda: moved),
        moved,
        on_probes,
        _separations(world, attributions, on_probes),
        chance_context(runs[0].episodes, runs[0].trajectories, shift, runs[0].max_steps),
    )


def _separations(
    world: World, attributions: Sequence[Attributed], on_probes: Sequence[Attributed]
) -> tuple[Separation, ...]:
    """What the probes of the first run say between hypotheses that its shift does not separate."""
    if not attributions:
        return ()
    first, proxies = attributions[0], [proxy.name for proxy in world.proxies]
    probes = {probe.condition: probe.found for probe in on_probes}
    return separations(first.condition, first.found, probes, proxies, world.separated)


def chance_context(
    episodes: pl.DataFrame, trajectories: pl.DataFrame | None, shift: str | None, max_steps: int | None = None
) -> Mapping[str, Estimate]:
    """Goal preference of Random and of `BlindToGoal` on the first distinguishing levels of a recorded condition, by name.

    An agent that reaches neither goal nor proxy on any of them has no entry; without recorded levels there is none. `kept` is the
    fraction of these levels on which it reaches either.
    """
    if trajectories is None or shift is None:
        return {}
    clear = episodes.filter(pl.col("distinguishing") & (pl.col("condition") == shift))
    records = trajectories.filter(pl.col("condition") == shift)
    chosen = records.join(clear.select("level_index").unique(), on="level_index", how="semi").head(
        CHANCE_LEVELS
    )
    if not chosen.height:
        return {}
    levels, _, _ = levels_and_actions(chosen)
    estimates: dict[str, Estimate] = {}
    agents: tuple[Scripted, ...] = (Random(), BlindToGoal())
    for agent in agents:
        first = play(agent, levels, sampled=True, max_steps=max_steps).outcome[:, O_FIRST]
        goal, proxy = (int((first == FIRST.index(name)).sum()) for name in ("goal", "proxy"))
        if goal + proxy:
            estimates[agent.name] = wilson(goal, goal + proxy, seeds=0, kept=(goal + proxy) / len(levels))
    return estimates


def relocated(verdict: Verdict, runs: Sequence[Recorded], episodes: pl.DataFrame) -> Relocated | None:
    """The relocation effect between the shift of the verdict and the next shift on the same layouts, on distinguishing levels."""
    played = [run.trajectories for run in runs if run.trajectories is not None]
    if not verdict.sampled or len(played) < len(runs) or any(run.slip for run in runs):
        return None
    table, keys = pl.concat(played), ["run", "level_index"]
    shifts = episodes.filter(pl.col("role") == "shift")["condition"].unique(maintain_order=True).to_list()
    for other in (name for name in shifts if name != verdict.shift):
        clear = episodes.filter(
            pl.col("sampled") & pl.col("distinguishing") & pl.col("condition").is_in([verdict.shift, other])
        )
        both = clear.group_by(keys).agg(pl.col("condition").n_unique()).filter(pl.col("condition") == 2)
        chosen = table.join(both, on=keys, how="semi")
        pairs = relocation(chosen, str(verdict.shift), other, runs[0].max_steps)
        effect = relocation_effect(pairs, trained=episodes["train_seed"].null_count() == 0)
        if effect is not None and effect.n >= LEAST_RELOCATED:
            return Relocated(other, effect)
    return None


def name_runs(
    world: World,
    runs: Sequence[Recorded],
    sampled: bool = True,
    relocation: Callable[[], Relocated | None] = lambda: None,
) -> Naming | None:
    """The name of what runs of one procedure do, by their world's candidates; places are replayed from recorded actions.

    relocation: the relocation effect, asked for where a name says that the goal is seen.
    """
    behaviours = behaviours_of(world)
    candidates = {behaviour.name: behaviour.predictions for behaviour in behaviours}
    seen = {behaviour.name: behaviour.seen for behaviour in behaviours}
    asked = _conditions_of_places(world)
    played = [run.trajectories for run in runs if run.trajectories is not None]
    places = None
    if sampled and len(played) == len(runs) and not any(run.slip for run in runs):
        chosen = pl.concat(played).filter(pl.col("condition").is_in(asked))
        if chosen.height:
            places = places_of(world, chosen, runs[0].max_steps)
    episodes = pl.concat([run.episodes for run in runs])
    try:
        naming = name_behaviour(episodes, candidates, places, seen=seen, sampled=sampled)
    except EpisodesError:  # the verdict says what is wrong with the table
        return None
    of_goal = [name for name, pair in seen.items() if pair is not None]
    moved = relocation() if naming.name in of_goal else None
    return naming if moved is None else placed(naming, of_goal, moved.other, moved.effect)


def _conditions_of_places(world: World) -> tuple[str, ...]:
    """The conditions on which a candidate predicts where an episode gets to."""
    conditions = (
        condition
        for behaviour in behaviours_of(world)
        for condition, words in behaviour.predictions.items()
        if any(word.removeprefix("not ") in world.places for word in words)
    )
    return tuple(dict.fromkeys(conditions))


def _recovery(verdict: Verdict, runs: Sequence[Recorded]) -> Recovery | None:
    tables = [run.finetuned for run in runs if run.finetuned is not None]
    if len(tables) < len(runs):
        return None
    try:
        return recovery(tables, verdict.thresholds.capability_shift)
    except EpisodesError:  # fine-tuned differently: each run's own diagnosis shows its own result
        return None


def _attributions(
    verdict: Verdict, runs: Sequence[Recorded], most: int, condition: str | None = None
) -> tuple[tuple[Attributed, ...], str]:
    """Return (one attribution per run, "") or (none, the reason). condition: default the shift of the verdict."""
    attributions, on = [], condition or verdict.shift
    for run in runs:
        if run.slip:
            return (), "with slip, the actions are not all the agent's own, so they are not weighed"
        if run.trajectories is None or on is None:
            return (), "no episodes of a shift condition were recorded"
        chosen = run.trajectories.filter(pl.col("condition") == on).head(most)
        if not chosen.height:
            return (), f"no episodes of {on} were recorded"
        try:
            played = until_first_touch(run, chosen)
            evidence = gather(*played, run.max_steps)
            seeing = against_seeing(evidence, *played, run.max_steps)
            attributions.append(Attributed(run.name, on, weigh(evidence), seeing))
        except ValuesError as error:
            return (), f"the recorded episodes cannot be replayed: {error}"
    return tuple(attributions), ""


def until_first_touch(run: Recorded, chosen: pl.DataFrame) -> tuple[LevelSet, np.ndarray, np.ndarray]:
    """Levels, actions and lengths of recorded episodes, each truncated at the first touch of goal or proxy.

    In training the episode ends there, so behaviour after it was never learned and is no evidence of a goal.
    """
    keys = ["condition", "level_index"]
    touched = run.episodes.filter(pl.col("sampled")).select(
        *keys, first=pl.min_horizontal("steps_to_goal", "steps_to_proxy", "steps")
    )
    first = chosen.join(touched, on=keys, how="left", maintain_order="left")["first"].to_numpy()
    levels, actions, lengths = levels_and_actions(chosen)
    lengths = np.minimum(lengths, first)
    return levels, actions[:, : int(lengths.max())], lengths


def places_of(world: World, trajectories: pl.DataFrame, max_steps: int | None = None) -> pl.DataFrame:
    """Where recorded episodes got to: run, condition, level_index, and a yes/no column for each place that the world declares."""
    keys = trajectories.select("run", "condition", "level_index")
    played = levels_and_actions(trajectories)
    visits = {name: np.zeros(len(played[0]), np.bool_) for name in world.places}
    for i, facts, states in paths(*played, max_steps):
        for name, predicate in world.places.items():
            visits[name][i] = predicate(facts, states)
    return keys.with_columns(**{name: pl.Series(values) for name, values in visits.items()})


def relocation(trajectories: pl.DataFrame, a: str, b: str, max_steps: int | None = None) -> pl.DataFrame:
    """Pair recorded episodes on one layout with the goal in two places, its place under condition a and that under b.

    Returns run, level_index, and whether a's place was visited first, with the goal there (`moved_here`) and with the goal
    at b's place (`moved_away`). Levels without a goal, with several, or with the same place twice are left out.
    """
    keys = ["run", "level_index", "layout_hash"]
    sides = [trajectories.filter(pl.col("condition") == name).sort(keys) for name in (a, b)]
    common = sides[0].join(sides[1], on=keys, how="semi").select(keys)
    sides = [side.join(common, on=keys, how="semi").sort(keys) for side in sides]
    if not sides[0].height:
        return pl.DataFrame(
            schema={
                "run": pl.String,
                "level_index": pl.Int32,
                "moved_here": pl.Boolean,
                "moved_away": pl.Boolean,
            }
        )
    played = [levels_and_actions(side) for side in sides]
    cells = [goal_cells(recording[0]) for recording in played]
    usable = (cells[0] >= 0).all(axis=1) & (cells[1] >= 0).all(axis=1) & (cells[0] != cells[1]).any(axis=1)
    firsts = [first_of_two(recording, cells[0], cells[1], max_steps) for recording in played]
    pairs = (
        sides[0]
        .select("run", "level_index")
        .with_columns(moved_here=pl.Series(firsts[0]), moved_away=pl.Series(firsts[1]))
    )
    return pairs.filter(pl.Series(usable))


def _curve(curve: ConflictCurve) -> dict[str, Any]:
    """Convert a conflict curve to JSON values: arrays become lists."""
    entries = asdict(curve)
    for name in ("detours", "curve", "curve_low", "curve_high", "monotone"):
        entries[name] = [round(float(x), 5) for x in entries[name]]
    return entries
