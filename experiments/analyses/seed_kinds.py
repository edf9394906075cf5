"""Training seeds of several kinds: how often intervals contain the truth, and how often a minority is pointed out.

    python -m goalposts.experiments.analyses.seed_kinds docs/results/seed-kinds.csv

writes the table and, next to it, the page (`.md`). Simulates seeds with binomial noise over levels, and passes them through the
code that judges real ones. Read next: `experiments/measurement/verdict/kinds.py`.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from scipy.special import expit, logit, ndtri

from ..measurement.intervals import Estimate, hierarchical_rate, unseen_share, wilson, with_unseen
from ..measurement.verdict.kinds import flagged, kinds_of
from ..measurement.verdict.outliers import Seed
from ..measurement.verdict.rules import Numbers, judge
from ..measurement.verdict.thresholds import Thresholds
from ..study.results.page_header import front_matter
from .simulation import run_simulation

SEEDS = (3, 5, 10)
LEVELS = 300
LAMBDA = 1.0  # standard deviation of the levels, in log odds, where coverage is simulated
NODES = ndtri((np.arange(400) + 0.5) / 400)
AIM = 0.95  # of simulations in which a seed of another kind is pointed out
COMMAND = "python -m goalposts.experiments.analyses.seed_kinds docs/results/seed-kinds.csv"


@dataclass(frozen=True)
class Population:
    """Most seeds are alike (they vary normally in log odds, with standard deviation tau); a fraction is of another kind."""

    name: str
    share: float  # of the other kind
    preference: float = 0.15
    capability: float = 0.97
    tau: float = 0.3
    other_preference: float = 0.15
    other_capability: float = 0.97

    def drawn(self, rng: np.random.Generator, n: int, measure: str) -> tuple[np.ndarray, np.ndarray]:
        """Each seed's log odds for a measure, and whether it is of the other kind."""
        other = rng.random(n) < self.share
        return self.odds(rng, other, measure), other

    def odds(self, rng: np.random.Generator, other: np.ndarray, measure: str) -> np.ndarray:
        """float64[n] for kinds bool[n]."""
        rates = np.where(other, getattr(self, f"other_{measure}"), getattr(self, measure))
        return logit(rates) + self.tau * rng.standard_normal(len(other))

    def mean(self, measure: str, spread: float) -> float:
        """The mean of a measure over all seeds and levels, whose log odds have this standard deviation around a kind's."""
        both = [
            expit(logit(getattr(self, kind + measure)) + spread * NODES).mean() for kind in ("", "other_")
        ]
        return float((1 - self.share) * both[0] + self.share * both[1])


BIMODAL = (
    Population("10% dead (capability 0.02)", 0.10, other_capability=0.02, other_preference=0.5),
    Population("5% aligned (preference 0.95)", 0.05, other_preference=0.95),
)
MINORITIES = (
    *BIMODAL,
    Population("10% dead (capability 0.3)", 0.10, other_capability=0.3, other_preference=0.5),
    Population("10% half dead (capability 0.5)", 0.10, other_capability=0.5),
    Population("5% aligned (preference 0.85)", 0.05, other_preference=0.85),
    Population("10% mixed (preference 0.7)", 0.10, other_preference=0.7),
    Population("10% dead, the others vary by τ = 0.5", 0.10, other_capability=0.02, tau=0.5),
    Population("5% aligned, all vary by τ = 0.5", 0.05, other_preference=0.95, tau=0.5),
)
ALIKE = tuple(
    Population(f"one kind, preference {p:g}, τ = {tau:g}", 0.0, preference=p, tau=tau)
    for tau in (0.0, 0.3, 0.5, 1.0)
    for p in (0.05, 0.15, 0.3, 0.5, 0.8)
)
APART = (0.3, 0.5, 0.6, 0.7, 0.8, 0.95)  # goal preferences of the other kind, among 0.15
SHARES, TAUS = (0.1, 0.2), (0.3, 1.0)
MANY, MANY_LEVELS = (10, 30), 1000  # seeds and levels where limits are measured
LIMITS = tuple(
    Population(f"preference {p:g}, {share:.0%} of seeds, τ = {tau:g}", share, tau=tau, other_preference=p)
    for tau in TAUS
    for share in SHARES
    for p in APART
)


def coverage(population: Population, measure: str, n: int, repetitions: int) -> dict[str, Any]:
    """How often the interval contains the mean over all seeds, what is said next to it, and what holds in its place."""
    rng = np.random.default_rng([7, n, round(100 * population.share)])
    spread = float(np.hypot(population.tau, LAMBDA))
    truth = population.mean(measure, spread)
    kinds = [
        float(expit(logit(getattr(population, kind + measure)) + spread * NODES).mean())
        for kind in ("", "other_")
    ]
    held, wide, split, alone, by_kind = [], [], [], [], []
    for _ in range(repetitions):
        odds, other = population.drawn(rng, n, measure)
        events = (
            rng.random((n, LEVELS)) < expit(odds[:, None] + LAMBDA * rng.standard_normal((1, LEVELS)))
        ).astype(float)
        estimate = _rate(events)
        held.append(estimate.low <= truth <= estimate.high)
        low, high = with_unseen(estimate.low, estimate.high, n)
        wide.append(low <= truth <= high)
        seeds = tuple(_seed(k, float(row.mean()), measure) for k, row in enumerate(events))
        groups = kinds_of(seeds)
        split.append(len(groups) > 1)
        if len(groups) == 1:
            alone.append(held[-1])
        for group in groups:
            if len({bool(other[k]) for k in group}) == 1:
                kind_estimate = _rate(events[group])
                by_kind.append(
                    len(group) == 1 or kind_estimate.low <= kinds[int(other[group[0]])] <= kind_estimate.high
                )
    return {
        "part": "coverage",
        "population": population.name,
        "number": measure,
        "seeds": n,
        "levels": LEVELS,
        "repetitions": repetitions,
        "held": float(np.mean(held)),
        "split": float(np.mean(split)),
        "held_unsplit": float(np.mean(alone)),
        "held_by_kind": float(np.mean(by_kind)),
        "held_with_unseen": float(np.mean(wide)),
    }


def alarms(population: Population, n: int, levels: int, repetitions: int, part: str = "") -> dict[str, Any]:
    """How often a verdict points out seeds, where some are of another kind, or where none is. part: of the table."""
    rng = np.random.default_rng([11, n, levels, round(100 * population.tau)])
    flags = []
    for _ in range(repetitions):
        other = np.zeros(n, np.bool_)
        while population.share and not 0 < other.sum() < n:
            other = rng.random(n) < population.share
        rates = {
            measure: rng.binomial(levels, expit(population.odds(rng, other, measure))) / levels
            for measure in ("capability", "preference")
        }
        seeds = tuple(
            _judged(k, float(c), float(p), levels)
            for k, (c, p) in enumerate(zip(rates["capability"], rates["preference"], strict=True))
        )
        flags.append(flagged(seeds, Thresholds().seed_margin))
    return {
        "part": part or ("flagged" if population.share else "false alarm"),
        "population": population.name,
        "number": "all",
        "seeds": n,
        "levels": levels,
        "repetitions": repetitions,
        "flagged": float(np.mean(flags)),
    }


def _rate(events: np.ndarray) -> Estimate:
    estimate = hierarchical_rate(events, np.ones_like(events))
    assert estimate is not None
    return estimate


def _seed(k: int, rate: float, measure: str) -> Seed:
    numbers: dict[str, Any] = dict.fromkeys(
        ("capability", "capability_shift", "preference", "misgeneralization")
    )
    return Seed(f"seed {k}", str(k), "INCONCLUSIVE", **(numbers | {measure: wilson(rate * LEVELS, LEVELS)}))


def _judged(k: int, capability: float, preference: float, levels: int) -> Seed:
    """A seed with these rates: it decides in as many episodes as it is capable, and loses all of the return where it misses the goal."""
    decided = max(round(capability * levels), 1)
    numbers: dict[str, Any] = {
        "capability": wilson(round(capability * levels), levels),
        "capability_shift": wilson(round(capability * levels), levels),
        "preference": wilson(round(preference * decided), decided),
        "misgeneralization": wilson(round((1 - preference) * capability * levels), levels),
        "normalized_regret": wilson(round((1 - preference * capability) * levels), levels),
    }
    label, _ = judge(Numbers("control", "shift", **numbers), Thresholds())
    return Seed(f"seed {k}", str(k), label, **numbers)


def measure(repetitions: int) -> pl.DataFrame:
    """One row for each population, number and number of seeds."""
    rows = [*_rows(repetitions)]
    names = list(dict.fromkeys(name for row in rows for name in row))
    return pl.DataFrame([dict.fromkeys(names) | row for row in rows], infer_schema_length=None)


def _rows(repetitions: int) -> Iterator[dict[str, Any]]:
    for population, number in zip(BIMODAL, ("capability", "preference"), strict=True):
        for n in SEEDS:
            yield coverage(population, number, n, repetitions)
    for population in (*MINORITIES, *ALIKE):
        for n in SEEDS:
            for levels in (100, 300, 1000):
                yield alarms(population, n, levels, repetitions // 4)
    for population in LIMITS:
        for n in MANY:
            yield alarms(population, n, MANY_LEVELS, repetitions // 5, "limit")
    for population in ALIKE:
        yield alarms(population, MANY[-1], MANY_LEVELS, repetitions // 5, "false alarm, many seeds")


def page(table: pl.DataFrame) -> str:
    """The tables as Markdown."""
    most = table["repetitions"].max()
    lines = [
        front_matter(COMMAND, f"{most:,} simulations per cell; no training seeds", (), {}),
        "# Seeds of several kinds: coverage, and what is pointed out",
        "",
        f"{most:,} simulations per cell of the first table ({LEVELS} levels that differ by 1 in log odds), {most // 4:,} of the next two",  # type: ignore[operator]
        "(binomial noise over levels). Most seeds have capability 0.97 and goal preference 0.15, and vary normally in log odds",
        "with standard deviation τ = 0.3 unless a row says otherwise.",
        "",
        "## Does the interval for the mean over seeds contain the truth?",
        "",
        "| population | number | seeds | interval contains the truth | seeds are listed by kind | where they are, contains | "
        "where they are not, contains | interval for one kind contains that kind's mean | with unseen kinds, contains | "
        "a kind that may be missing |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in table.filter(pl.col("part") == "coverage").iter_rows(named=True):
        row["held_split"] = (row["held"] - row["held_unsplit"] * (1 - row["split"])) / row["split"]
        shown = ("held", "split", "held_split", "held_unsplit", "held_by_kind", "held_with_unseen")
        cells = [_percent(min(row[k], 1.0)) for k in shown]
        lines.append(
            f"| {row['population']} | {row['number'].replace('_', ' ')} | {row['seeds']} | {' | '.join(cells)} | "
            f"up to {_percent(unseen_share(row['seeds']))} |"
        )
    lines += [
        "",
        "The interval fails where no seed of the other kind occurred, which nothing in the sample shows. “With unseen kinds” is the",
        "interval that a verdict prints for that reason: [low · (1 − u), high · (1 − u) + u], where u is the largest fraction of seeds",
        "whose kind n seeds could miss.",
        "",
        *_alarm_table(
            table,
            "flagged",
            "A seed of another kind is present: is it pointed out?",
            "At least 95% is the aim.",
        ),
        *_alarm_table(
            table, "false alarm", "All seeds are of one kind: false alarms", "At most 10% is the aim."
        ),
        *_reach(table),
        *limits(table),
        f"Made by: `{COMMAND}`",
        "",
    ]
    return "\n".join(lines)


def _reach(table: pl.DataFrame) -> list[str]:
    """For each number of seeds, the largest τ up to which both aims are met, and what that means for a reader."""
    cases = table.filter(pl.col("part").is_in(["flagged", "false alarm"]))
    known = {population.name: population.tau for population in ALIKE}
    lines = []
    for n in SEEDS:
        own = cases.filter(pl.col("seeds") == n)
        alarms_at = {
            tau: max(
                row["flagged"]
                for row in own.filter(pl.col("part") == "false alarm").iter_rows(named=True)
                if known[row["population"]] == tau
            )
            for tau in sorted(set(known.values()))
        }
        reached = [tau for tau in alarms_at if max(v for t, v in alarms_at.items() if t <= tau) <= 0.1]
        present = own.filter(pl.col("part") == "flagged")
        few = present["levels"].min()
        least = [
            _percent(part["flagged"].min())  # type: ignore[arg-type]
            for part in (present.filter(pl.col("levels") > few), present.filter(pl.col("levels") == few))
        ]
        shares = ", ".join(f"{_percent(v)} at τ = {tau:g}" for tau, v in alarms_at.items())
        lines.append(
            f"- {n} seeds: at most 10% false alarms up to τ = {max(reached):g} (largest: {shares}); in the populations above, "
            f"a seed of another kind is pointed out in at least {least[0]} on more than {few} levels ({least[1]} on {few})."
        )
    return [
        "## How far the rule holds",
        "",
        *lines,
        "",
        "Beyond that τ a pointed-out seed may be one of a kind that varies widely: with so few seeds, no rule on the gap and the spread of",
        "the others keeps both aims. With ten, false alarms stay below 10%; what is found depends on how far apart",
        "the kinds are (next table).",
        "",
    ]


def limits(table: pl.DataFrame) -> list[str]:
    """How far apart kinds must be: a table, and what it means for a reader."""
    rows = table.filter(pl.col("part") == "limit")
    if not rows.height:
        return []
    most = int(rows["repetitions"].max())  # type: ignore[arg-type]
    error = max(math.sqrt(rate * (1 - rate) / most) for rate in rows["flagged"])
    columns = [(tau, n, share) for tau in TAUS for n in MANY for share in SHARES]
    head = [f"τ = {tau:g}, {n} seeds, {share:.0%} of the other kind" for tau, n, share in columns]
    lines = [
        "## How far apart must kinds be?",
        "",
        "Most seeds have a goal preference of 0.15, the others the one in the first column. In how many of",
        f"{most:,} simulations on {MANY_LEVELS:,} levels some seed is pointed out (standard error at most {_percent(error)}):",
        "",
        f"| preference of the other kind | {' | '.join(head)} |",
        f"|{'---|' * (len(columns) + 1)}",
    ]
    for p in APART:
        cells = [_percent(_flagged(rows, p, share, tau, n)) for tau, n, share in columns]
        lines.append(f"| {p:g} | {' | '.join(cells)} |")
    alarmed = table.filter(pl.col("part") == "false alarm, many seeds")
    known = {population.name: population.tau for population in ALIKE}
    largest: dict[float, float] = {}
    for row in alarmed.iter_rows(named=True):
        tau = known[row["population"]]
        largest[tau] = max(largest.get(tau, 0.0), row["flagged"])
    return [
        *lines,
        "",
        *(line for n in MANY for line in (_found_from(rows, n), "")),
        f"False alarms with {MANY[-1]} seeds of one kind, the largest of five preferences: "
        f"{', '.join(f'{_percent(rate)} at τ = {tau:g}' for tau, rate in largest.items())}.",
        "",
    ]


def _flagged(rows: pl.DataFrame, preference: float, share: float, tau: float, n: int) -> float:
    name = next(p.name for p in LIMITS if (p.other_preference, p.share, p.tau) == (preference, share, tau))
    return float(rows.filter((pl.col("population") == name) & (pl.col("seeds") == n))["flagged"][0])


def _found_from(rows: pl.DataFrame, n: int) -> str:
    """The least preference of the other kind from which on it is pointed out in 95%, and what is missed below."""
    parts = []
    for tau in TAUS:
        rates = {p: [_flagged(rows, p, share, tau, n) for share in SHARES] for p in APART}
        found = [p for p in APART if all(min(rates[q]) >= AIM for q in APART if q >= p)]
        missed = [p for p in APART if p not in found]
        where = f"from a preference of {found[0]:g} on" if found else "at none of these preferences"
        below = f" (at {missed[-1]:g}: {' and '.join(map(_percent, rates[missed[-1]]))})" if missed else ""
        parts.append(f"{where} if seeds vary by τ = {tau:g}{below}")
    shares = " or ".join(f"{share:.0%}" for share in SHARES)
    return (
        f"With {n} seeds, {shares} of another kind among seeds with a preference of 0.15 are pointed out in at least {AIM:.0%} of "
        f"simulations {', and '.join(parts)}."
    )


def _alarm_table(table: pl.DataFrame, part: str, title: str, aim: str) -> list[str]:
    chosen = table.filter(pl.col("part") == part)
    sizes = chosen["levels"].unique().sort().to_list()
    head = " | ".join(f"{n} seeds" for n in SEEDS)
    lines = [
        f"## {title}",
        "",
        f"{aim} Each cell: {', '.join(f'{size:,}' for size in sizes)} levels.",
        "",
        f"| population | {head} |",
        f"|---|{'---|' * len(SEEDS)}",
    ]
    for (name,), rows in chosen.group_by("population", maintain_order=True):
        cells = []
        for n in SEEDS:
            own = rows.filter(pl.col("seeds") == n).sort("levels")["flagged"]
            cells.append(" / ".join(_percent(value) for value in own))
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return [*lines, ""]


def _percent(value: float) -> str:
    return f"{100 * value:.1f}%"


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    return run_simulation("seed_kinds", __doc__, measure, page, 2000, arguments)


if __name__ == "__main__":
    sys.exit(main())
