"""What every agent of the α grid uses: one row per agent, mean maps per α, interventions on a few agents. Read next: `page.py`."""

from __future__ import annotations

import sys
from collections.abc import Iterable
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
from ...interpretation.untrained import untrained_agent
from ...measurement.episodes import read_episodes
from ...measurement.study_curves import parameter
from ...runs.run import Run
from ...system.atomic_files import RunError

MAIN, BLIND, UNTRAINED = "sees the coin", "blind", "untrained"
FEWEST = 5  # agents of one α


def finished_runs(folder: Path) -> list[Run]:
    """The finished, evaluated runs of CoinRun in a study's folder of runs, by α, arm and seed. Raises RunError if there are none."""
    found = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if not (path / "config.yaml").exists():
            continue
        run = Run.open(path)
        if (
            run.status().state == "finished"
            and run.episodes_path.exists()
            and run.latest_checkpoint() is not None
        ):
            found.append(run)
    found = [run for run in found if run.config.world == "CoinRun" and run.config.method is None]
    if not found:
        raise RunError(
            f"{folder} holds no finished run of CoinRun with its checkpoint; make some with: goalposts study alpha"
        )
    return sorted(found, key=lambda run: (alpha_of(run), arm_of(run), run.config.seed))


def alpha_of(run: Run) -> float:
    """The fraction of training levels with the coin anywhere."""
    return parameter(run.config.env.condition)


def arm_of(run: Run) -> str:
    """Whether the agent sees the coin."""
    return BLIND if "coin=0" in run.config.env.observation.replace(" ", "") else MAIN


@dataclass(frozen=True, eq=False)
class Gathered:
    """agents: one row per agent, trained or not; maps: mean pull by cell over the agents of each (arm, α, role)."""

    agents: pl.DataFrame
    maps: pl.DataFrame


def gather(runs: Iterable[Run], levels: int) -> Gathered:
    """Explain every run, and every run's net before training that sees the coin and has α = 0."""
    rows, maps = [], []
    for run in runs:
        subject, arm, alpha = subject_of(run), arm_of(run), alpha_of(run)
        print(f"{run.path.name}: {arm}, α = {alpha:g}, seed {run.config.seed}", file=sys.stderr, flush=True)
        one = explain_agent(subject, levels=levels)
        rows.append({"arm": arm, "alpha": alpha, "seed": run.config.seed, **_facts(one), **_outcome(run)})
        maps.append(_pull(one, arm, alpha))
        if arm == MAIN and alpha == 0:
            before = explain_agent(replace(subject, agent=untrained_agent(run)), levels=levels)
            rows.append({"arm": UNTRAINED, "alpha": alpha, "seed": run.config.seed, **_facts(before)})
            maps.append(_pull(before, UNTRAINED, alpha))
    by = ["arm", "alpha", "role", "thing", "row", "col"]
    joined = pl.concat(maps).group_by(by).agg(pl.col("mean").mean(), pl.len().alias("agents")).sort(by)
    return Gathered(pl.DataFrame(rows, infer_schema_length=None), joined)


def _pull(one: Explanation, arm: str, alpha: float) -> pl.DataFrame:
    kept = one.maps.filter(pl.col("quantity") == "pull").select("role", "thing", "row", "col", "mean")
    return kept.select(pl.lit(arm).alias("arm"), pl.lit(alpha).alias("alpha"), pl.all())


def _facts(one: Explanation) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for role in (CONTROL, SHIFT):
        for thing in (GOAL, PROXY):
            summary = one.summaries.get((role, thing))
            if summary is not None:
                found |= {f"{thing}_tv_{role}": summary.tv, f"{thing}_pull_{role}": summary.pull}
                found |= {
                    f"{thing}_logits_{role}": summary.logits,
                    f"{thing}_largest_{role}": summary.largest,
                }
    for row in one.effects.filter(pl.col("role") == CONTROL).iter_rows(named=True):
        if row["erased"] in (GOAL, PROXY):
            found |= {
                f"value_without_{row['erased']}": row["value"],
                f"policy_without_{row['erased']}": row["policy"],
            }
    found["progress"] = None if one.progress is None else one.progress.correlation
    if one.drop is not None:
        for name in ("failures", "successes", "control"):
            k, n = getattr(one.drop, name)
            found |= {f"drop_{name}": k, f"n_{name}": n}
    return found


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
