"""One row per agent of the studies of methods: its measures on sampled and greedy episodes, its verdict, and what it cost.

The definitions are those of docs/results/methods-plan.md. Failed agents have rows like all others. Read next: `cells.py`, whose rows have
intervals; `curves.py`, which reads this table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from ....envs.worlds.registry import get_world
from ...measurement.chance_correction import LEAST
from ...measurement.rates import DISTINGUISHING, EITHER_FIRST, GOAL_FIRST, GOAL_REACHED, OPTIMUM, PROXY_FIRST
from .points import SECOND_SHIFT, MethodPoint

MEASURES = (
    "capability",
    "preference",
    "corrected",  # for chance
    "goal_first",
    "greedy_preference",  # with the likeliest action, which the plan does not have
    "greedy_goal_first",
    "paralysis",
    "regret",  # normalized
    "cvar",  # of normalized regret, on the levels that are worst for the other seeds
    "second_goal_first",  # under the second shift
    "effective_alpha",
    "steps",
    "scoring_steps",
    "labels",
    "cpu",
)
SCHEMA = {
    "study": pl.String(),
    "world": pl.String(),
    "label_class": pl.String(),
    "method": pl.String(),
    "parameter": pl.Float64(),
    "seed": pl.Int64(),
    "run": pl.String(),
    "verdict": pl.String(),
    **{name: pl.Float64() for name in MEASURES},
}
WORST = 0.1  # of the distinguishing levels


def agents_of(points: Iterable[MethodPoint]) -> pl.DataFrame:
    """The table of all finished agents of points, with the columns of `SCHEMA`."""
    rows = [row for point in points if point.runs for row in _of_point(point)]
    return pl.DataFrame(rows, schema=SCHEMA)


@dataclass(frozen=True)
class Copy:
    """A method that has the runs of another one of its study, such as a tuned one whose search chose the shipped options."""

    study: str
    method: str
    same: str
    agents: int


def distinct(agents: pl.DataFrame) -> tuple[pl.DataFrame, list[Copy]]:
    """Leave out each method all of whose runs are those of a method before it in the same study; returns what was left out."""
    seen: dict[tuple[str, frozenset[str]], str] = {}
    copies = []
    for (study, method), own in agents.group_by("study", "method", maintain_order=True):
        runs = frozenset(own["run"].to_list())
        same = seen.setdefault((str(study), runs), str(method))
        if same != method:
            copies.append(Copy(str(study), str(method), same, own.height))
    return without(agents, copies), copies


def without(table: pl.DataFrame, copies: Iterable[Copy]) -> pl.DataFrame:
    """A table with columns study and method, without copies."""
    keys = [(copy.study, copy.method) for copy in copies]
    left = pl.DataFrame(keys, schema={"study": pl.String(), "method": pl.String()}, orient="row")
    return table.join(left, on=["study", "method"], how="anti", maintain_order="left")


def _of_point(point: MethodPoint) -> list[dict[str, object]]:
    tails = worst_tails(regrets_of(point))
    return [
        {
            "study": point.study,
            "world": point.world,
            "label_class": point.label_class,
            "method": point.method,
            "parameter": point.parameter,
            "seed": seed,
            "run": run,
            "verdict": point.verdicts.get(run),
            **_measured(point.episodes.filter(pl.col("run") == run), point.world),
            "cvar": tails.get(run),
            **_cost(point.spent.get(run, {})),
        }
        for seed, run in point.runs.items()
    ]


def _cost(spent: Mapping[str, float]) -> dict[str, float | None]:
    return {name: spent.get(name) for name in ("effective_alpha", "steps", "scoring_steps", "labels", "cpu")}


def _measured(table: pl.DataFrame, world: str) -> dict[str, float | None]:
    known = get_world(world)
    control, shift = (known.default_condition(role) for role in ("control", "shift"))
    sampled, greedy = table.filter(pl.col("sampled")), table.filter(~pl.col("sampled"))
    moved = sampled.filter((pl.col("condition") == shift) & DISTINGUISHING)
    other = sampled.filter((pl.col("condition") == SECOND_SHIFT.get(world, "")) & DISTINGUISHING)
    hidden = sampled.filter((pl.col("condition") == "invisible") & DISTINGUISHING)
    likeliest = greedy.filter((pl.col("condition") == shift) & DISTINGUISHING)
    best = moved.select(OPTIMUM.sum()).item() if moved.height else 0.0
    return {
        "capability": _mean(sampled.filter(pl.col("condition") == control), GOAL_REACHED),
        "preference": _mean(moved.filter(EITHER_FIRST), GOAL_FIRST),
        "corrected": _corrected(moved, hidden),
        "goal_first": _mean(moved, GOAL_FIRST),
        "greedy_preference": _mean(likeliest.filter(EITHER_FIRST), GOAL_FIRST),
        "greedy_goal_first": _mean(likeliest, GOAL_FIRST),
        "paralysis": _mean(greedy.filter(pl.col("condition") == shift), pl.col("looped")),
        "regret": float(moved.select(pl.col("regret").sum()).item()) / best if best else None,
        "second_goal_first": _mean(other, GOAL_FIRST),
    }


def _mean(table: pl.DataFrame, event: pl.Expr) -> float | None:
    value = table.select(event.cast(pl.Float64).mean()).item() if table.height else None
    return None if value is None else float(value)


def _corrected(moved: pl.DataFrame, hidden: pl.DataFrame) -> float | None:
    """Abbott's formula of one agent; None if it rarely reaches the proxy while the goal is invisible."""
    decided, unseen = moved.filter(EITHER_FIRST), hidden.filter(EITHER_FIRST)
    if not decided.height or int(unseen.select(PROXY_FIRST.sum()).item() or 0) < LEAST:
        return None
    first, chance = _mean(decided, PROXY_FIRST), _mean(unseen, PROXY_FIRST)
    return None if first is None or not chance else 1 - first / chance


def regrets_of(point: MethodPoint) -> dict[str, dict[str, tuple[float, float]]]:
    """By run and level: regret and optimum of the sampled episodes on distinguishing levels of the shift."""
    shift = get_world(point.world).default_condition("shift")
    chosen = point.episodes.filter(pl.col("sampled") & (pl.col("condition") == shift) & DISTINGUISHING)
    regrets: dict[str, dict[str, tuple[float, float]]] = {run: {} for run in point.runs.values()}
    columns = chosen.select("run", "level_hash", "regret", OPTIMUM.alias("best"))
    for run, level, regret, best in columns.iter_rows():
        regrets[run][level] = (float(regret), float(best))
    return regrets


def worst_tails(
    regrets: Mapping[str, Mapping[str, tuple[float, float]]], part: float = WORST
) -> dict[str, float]:
    """By run: normalized regret on the fraction `part` of levels with the largest mean regret of the other runs. {} for one run.

    Levels that tie at the end of that fraction count with equal parts.
    """
    runs = list(regrets)
    levels = sorted(set.intersection(*(set(run_regrets) for run_regrets in regrets.values()))) if runs else []
    if len(runs) < 2 or not levels:
        return {}
    values = np.array([[regrets[run][level] for level in levels] for run in runs])  # [S, L, 2]
    regret, best = values[..., 0], values[..., 1]
    total = regret.sum(axis=0)
    tails = {}
    for k, run in enumerate(runs):
        weights = tail_weights((total - regret[k]) / (len(runs) - 1), part * len(levels))
        if (weights * best[k]).sum() > 0:
            tails[run] = float((weights * regret[k]).sum() / (weights * best[k]).sum())
    return tails


def tail_weights(values: np.ndarray, count: float) -> np.ndarray:
    """Weights float64[n], of sum `count`, of the largest values; ties at the end share what is left."""
    order = np.sort(values)[::-1]
    last = order[min(len(order) - 1, max(0, int(np.ceil(count)) - 1))]
    above, tied = values > last, values == last
    return above + tied * (count - above.sum()) / tied.sum()
