"""What every agent of the α grid uses: one row per agent, mean maps per α, weight changes per plane. Read next: `page.py`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ....envs.engine.outcome import FIRST, FIRST_GOAL, FIRST_PROXY
from ....envs.worlds.registry import get_world
from ...evaluation.evaluate import subject_of
from ...foresight.scores import RankScore, score_pooled, score_within
from ...interpretation.explain import Explanation, explain_agent
from ...interpretation.influence import GOAL, PROXY
from ...interpretation.states import CONTROL, SHIFT
from ...interpretation.support import by_plane, support_of, untrained_agent
from ...interpretation.words import used
from ...measurement.episodes import read_episodes
from ...measurement.study_curves import parameter
from ...runs.run import Run
from ...system.atomic_files import RunError
from .parts import kept

MAIN, BLIND, UNTRAINED = "sees the coin", "blind", "untrained"
VERDICT = "verdict"  # the column that `with_verdicts` adds
FEWEST = 5  # agents of one α
MAPS = ("pull", "value")  # quantities of the mean maps


def finished_runs(folder: Path) -> list[Run]:
    """The finished, evaluated runs of CoinRun in a study's folder of runs, by α, arm and seed. Raises RunError if there are none."""
    runs = [run for run in runs_in(folder) if run.config.world == "CoinRun"]
    if not runs:
        raise RunError(
            f"{folder} holds no finished run of CoinRun with its checkpoint; make some with: goalposts study alpha"
        )
    return sorted(runs, key=lambda run: (alpha_of(run), arm_of(run), run.config.seed))


def runs_in(folder: Path) -> list[Run]:
    """The finished, evaluated runs of a folder that were trained without a method of `agents/methods`."""
    runs = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if not (path / "config.yaml").exists():
            continue
        run = Run.open(path)
        if (
            run.status().state == "finished"
            and run.episodes_path.exists()
            and run.latest_checkpoint() is not None
        ):
            runs.append(run)
    return [run for run in runs if run.config.method is None]


def with_verdicts(agents: pl.DataFrame, study: Path) -> pl.DataFrame:
    """The agents with their verdicts from the table of the study that trained them; unchanged if there is no such table."""
    if not study.exists():
        return agents
    table = pl.read_csv(study, infer_schema=False)
    rows = table.filter((pl.col("measure") == "verdict") & pl.col("seed").is_not_null())
    known = {
        (BLIND if arm == "blind" else MAIN, parameter(condition), int(seed)): words
        for arm, condition, seed, words in rows.select("arm", "env.condition", "seed", "words").iter_rows()
    }
    verdicts = [known.get(key) for key in agents.select("arm", "alpha", "seed").iter_rows()]
    return agents.with_columns(pl.Series(VERDICT, verdicts, dtype=pl.String))


def alpha_of(run: Run) -> float:
    """The fraction of training levels with the coin anywhere."""
    return parameter(run.config.env.condition)


def arm_of(run: Run) -> str:
    """Whether the agent sees the coin."""
    return BLIND if "coin=0" in run.config.env.observation.replace(" ", "") else MAIN


@dataclass(frozen=True, eq=False)
class Gathered:
    """agents: one row per agent, trained or not; maps: mean by cell over the agents of each (arm, α, role, thing, quantity); support: one
    row per agent and plane, the columns of `support.by_plane`."""

    agents: pl.DataFrame
    maps: pl.DataFrame
    support: pl.DataFrame


def gather(runs: Sequence[Run], levels: int, parts: Path) -> Gathered:
    """Explain every run, and every run's net before training that sees the coin and has α = 0. Finished agents are kept in `parts`."""
    agent_entries = [
        entry for run in runs for entry in kept(parts / f"maps-{levels}", run, lambda run: _of(run, levels))
    ]
    agents = pl.DataFrame([entry["agent"] for entry in agent_entries], infer_schema_length=None)
    maps = [_tagged(entry, "maps") for entry in agent_entries]
    by = ["arm", "alpha", "role", "thing", "quantity", "row", "col"]
    joined = pl.concat(maps).group_by(by).agg(pl.col("mean").mean(), pl.len().alias("agents")).sort(by)
    support = [_tagged(entry, "support") for entry in agent_entries if entry["support"]]
    agreement = pl.Series("map_agreement", _agreements(agents, maps), dtype=pl.Float64)
    return Gathered(agents.with_columns(agreement), joined, pl.concat(support, how="vertical_relaxed"))


def _of(run: Run, levels: int) -> list[dict[str, Any]]:
    arm, alpha = arm_of(run), alpha_of(run)
    who = {"arm": arm, "alpha": alpha, "seed": run.config.seed}
    return entries(run, levels, who, arm == MAIN and alpha == 0)


def entries(run: Run, levels: int, who: dict[str, Any], with_untrained: bool) -> list[dict[str, Any]]:
    """One entry per agent, the run's and perhaps its net before training: its row, maps and weight changes, as JSON values."""
    listed = ", ".join(str(value) for value in who.values())
    print(f"{run.path.name}: {listed}", file=sys.stderr, flush=True)
    subject, fresh = subject_of(run), untrained_agent(run)
    explanation = explain_agent(subject, levels=levels)
    support = by_plane(support_of(run, subject.agent, fresh))
    agent_entries = [_entry(explanation, who, _outcome(run), support)]
    if with_untrained:
        before = explain_agent(replace(subject, agent=fresh), levels=levels)
        agent_entries.append(_entry(before, {**who, "arm": UNTRAINED}, {}, None))
    return agent_entries


def _entry(
    explanation: Explanation, who: dict[str, Any], outcome: dict[str, Any], support: pl.DataFrame | None
) -> dict[str, Any]:
    words = {"goal_used": used(explanation, GOAL), "proxy_used": used(explanation, PROXY)}
    maps = explanation.maps.filter(pl.col("quantity").is_in(MAPS)).drop("error", "states", "levels")
    return {
        "agent": {**who, **_facts(explanation), **outcome, **words},
        "maps": maps.to_dicts(),
        "support": [] if support is None else support.to_dicts(),
    }


def _tagged(explanation: dict[str, Any], table: str) -> pl.DataFrame:
    who = [pl.lit(explanation["agent"][name]).alias(name) for name in ("arm", "alpha", "seed")]
    rows = [row for row in explanation[table] if row.get("quantity", MAPS[0]) in MAPS]
    return pl.DataFrame(rows, infer_schema_length=None).select(*who, pl.all())


def _agreements(agents: pl.DataFrame, maps: Sequence[pl.DataFrame]) -> list[float | None]:
    """Per agent, the mean correlation of its map of the goal's pull (control levels) with those of the other seeds of its arm and α."""
    shown = (pl.col("role") == CONTROL) & (pl.col("thing") == GOAL) & (pl.col("quantity") == "pull")
    own = [
        dict(
            zip(
                table.filter(shown).select("row", "col").iter_rows(),
                table.filter(shown)["mean"].to_list(),
                strict=True,
            )
        )
        for table in maps
    ]
    group = agents.select("arm", "alpha").rows()
    agreements = []
    for i, mine in enumerate(own):
        values = []
        for k, theirs in enumerate(own):
            cells = mine.keys() & theirs.keys()
            pair = np.array([[mine[cell], theirs[cell]] for cell in cells])
            if k != i and group[k] == group[i] and len(cells) > 2 and (np.ptp(pair, axis=0) > 0).all():
                values.append(np.corrcoef(pair.T)[0, 1])
        agreements.append(float(np.mean(values)) if values else None)
    return agreements


def _facts(explanation: Explanation) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    for role in (CONTROL, SHIFT):
        for thing in (GOAL, PROXY):
            summary = explanation.summaries.get((role, thing))
            if summary is not None:
                facts |= {f"{thing}_tv_{role}": summary.tv, f"{thing}_pull_{role}": summary.pull}
                facts |= {
                    f"{thing}_logits_{role}": summary.logits,
                    f"{thing}_largest_{role}": summary.largest,
                }
    for row in explanation.effects.filter(pl.col("role") == CONTROL).iter_rows(named=True):
        if row["erased"] in (GOAL, PROXY):
            facts |= {
                f"value_without_{row['erased']}": row["value"],
                f"policy_without_{row['erased']}": row["policy"],
            }
    facts["progress"] = None if explanation.progress is None else explanation.progress.correlation
    if explanation.drop is not None:
        for name in ("failures", "successes", "control"):
            k, n = getattr(explanation.drop, name)
            facts |= {f"drop_{name}": k, f"n_{name}": n}
    return facts


def _outcome(run: Run) -> dict[str, Any]:
    """Goal preference on the usual shift and capability, from the recorded sampled episodes."""
    world = get_world(run.config.world)
    table = read_episodes(run.episodes_path, follow=False).filter(pl.col("sampled"))
    shift = table.filter(pl.col("condition") == world.default_condition("shift"), pl.col("distinguishing"))
    control = table.filter(pl.col("condition") == world.default_condition("control"))
    goal = int((shift["outcome_first"] == FIRST[FIRST_GOAL]).sum())
    proxy = int((shift["outcome_first"] == FIRST[FIRST_PROXY]).sum())
    return {
        "preference": goal / (goal + proxy) if goal + proxy else None,
        "capability": float((control["outcome_end"] == "goal").mean()),  # type: ignore[arg-type]
    }


@dataclass(frozen=True)
class RankLink:
    """Rank correlation of a measure with the goal preference over n agents: pooled, and within α; None where no α has enough agents.

    groups: values of α with enough agents.
    """

    pooled: RankScore
    n: int
    within: RankScore | None
    groups: int


def rank_link(agents: pl.DataFrame, measure: str) -> RankLink | None:
    """Link a measure to the preference over the agents that see the coin; None for fewer than `FEWEST` agents."""
    known = agents.filter(pl.col("arm") == MAIN).drop_nulls([measure, "preference"])
    x, y, group = (known[name].to_numpy() for name in (measure, "preference", "alpha"))
    if len(x) < FEWEST:
        return None
    large = [g for g in np.unique(group) if (group == g).sum() >= FEWEST and np.ptp(y[group == g]) > 0]
    some = np.isin(group, large)
    within = score_within(x[some], y[some], group[some]) if large else None
    return RankLink(score_pooled(x, y, np.arange(len(x))), len(x), within, len(large))
