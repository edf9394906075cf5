"""The controls and predictions of docs/results/methods-plan.md, judged from the agents and cells. Read next: `page.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import polars as pl

from ...measurement.study_curves import spearman
from ...study.leaderboard.cells import VERDICT
from ...study.leaderboard.curves import (
    HeadStart,
    Span,
    critical_alpha,
    critical_ratio,
    differences,
    head_start,
    is_one_curve,
    one_curve,
)
from ...study.leaderboard.points import CONTROLS, PLAIN

HOLDS, FAILS, OPEN, UNKNOWN = "holds", "does not hold", "open", "not measured yet"
L0, L1, LABELS, CORNER = "methods-l0", "methods-l1", "methods-labelled", "methods-corner"
RANDOMIZED, EXACT, ESTIMATE, EVOLVED = (
    "domain-randomization",
    "PLR-regret",
    "PLR-max-return",
    "ACCEL-identity-regret",
)
LEARNERS = ("cloning", "dagger", "fine-tuning")
HEIGHTS = {"goal_first": 0.5, "capability": 0.75}
LEAST_SEEDS = 5


@dataclass(frozen=True)
class Checked:
    """A control or a prediction: its name, `HOLDS`, `FAILS`, `OPEN` or `UNKNOWN`, and the numbers."""

    name: str
    found: str
    words: str


def of(agents: pl.DataFrame, study: str, *methods: str) -> pl.DataFrame:
    """Agents of methods of a study; of all its methods, without the controls, if none is named."""
    own = agents.filter(pl.col("study") == study)
    return own.filter(pl.col("method").is_in(methods) if methods else ~pl.col("method").is_in(CONTROLS))


def admitted(cells: pl.DataFrame, study: str) -> Checked:
    """Whether a world enters: plain PPO at α = 1 is ALIGNED with at least five seeds."""
    rows = cells.filter(
        (pl.col("study") == study) & (pl.col("method") == "all-levels") & (pl.col("measure") == VERDICT)
    )
    world = "CoinRun" if study == L1 else "Corner"
    if not rows.height:
        return Checked(f"{world}, α = 1", UNKNOWN, "no agent recorded")
    row = rows.row(0, named=True)
    fits = row["words"] == "ALIGNED" and row["n"] >= LEAST_SEEDS
    few = row["n"] < LEAST_SEEDS and row["n"] < row["planned"]
    words = (
        f"plain PPO is {row['words']} (n = {row['n']}; ALIGNED with at least {LEAST_SEEDS} seeds is needed)"
    )
    return Checked(f"{world}, α = 1", HOLDS if fits else UNKNOWN if few else FAILS, words)


def controls(agents: pl.DataFrame, cells: pl.DataFrame) -> list[Checked]:
    """The plan's controls."""
    found = [admitted(cells, L1), admitted(cells, CORNER)]
    rich = of(agents, L1, PLAIN, "salient").filter(pl.col("parameter") == 0.01)
    salient = next(iter(differences(rich, "preference", PLAIN)), None)
    span = salient.span if salient else None
    words = "a salient goal minus plain PPO at α = 0.01: {}"
    found.append(_judge("positive: salience", span, lambda s: s.low > 0, lambda s: s.high <= 0, words))
    blind = cells.filter(
        (pl.col("study") == L1) & (pl.col("method") == "blind") & (pl.col("measure") == "corrected")
    )
    row = blind.row(0, named=True) if blind.height else None
    span = (
        None
        if row is None or row["value"] is None
        else Span(row["value"], row["low"], row["high"], row["n"], -1.0)
    )
    words = "chance-corrected preference of a blind agent at α = 0.1: {}"
    found.append(
        _judge("negative: blind", span, lambda s: s.low > -0.05 and s.high < 0.05, _outside(0.05), words)
    )
    mixed = differences(of(agents, L1, PLAIN, "PLR-shuffled"), "preference", PLAIN)
    span = mixed[0].span if mixed else None
    words = "PLR⊥ with shuffled scores minus plain PPO: {}"
    found.append(
        _judge("negative: shuffled", span, lambda s: s.low > -0.1 and s.high < 0.1, _outside(0.1), words)
    )
    return found


def _outside(most: float) -> Callable[[Span], bool]:
    return lambda span: span.low > most or span.high < -most


def _judge(
    name: str, span: Span | None, holds: Callable[[Span], bool], fails: Callable[[Span], bool], words: str
) -> Checked:
    if span is None:
        return Checked(name, UNKNOWN, words.format("–"))
    found = HOLDS if holds(span) else FAILS if fails(span) else OPEN
    return Checked(name, found, words.format(f"{span.short} ({span.counted})"))


def _together(name: str, parts: Iterable[Checked]) -> Checked:
    parts = list(parts)
    states = [part.found for part in parts]
    found = next((state for state in (FAILS, UNKNOWN, OPEN) if state in states), HOLDS)
    return Checked(name, found, "; ".join(part.words for part in parts))


def predictions(agents: pl.DataFrame, cells: pl.DataFrame) -> list[Checked]:
    """The plan's seven predictions, in order."""
    return [
        _together("1. Domain randomization", _randomization(agents)),
        _together("2. Exact regret against domain randomization", _exact(agents)),
        _max_return(agents),
        _curve(agents),
        _blind_to_the_shift(cells),
        _labels(agents),
        _second_shift(agents),
    ]


def _ratio(agents: pl.DataFrame, study: str, one: str, other: str) -> Span | None:
    return critical_ratio(of(agents, study, one), of(agents, study, other), "preference")


def _randomization(agents: pl.DataFrame) -> Iterable[Checked]:
    span = critical_alpha(of(agents, CORNER, RANDOMIZED), "preference")
    yield _judge(
        "", span, lambda s: s.high < 0.1, lambda s: s.low > 0.1, "critical α in Corner, published 0.1: {}"
    )
    span = _ratio(agents, L1, RANDOMIZED, PLAIN)
    words = "in CoinRun, over that of plain PPO: {}"
    yield _judge("", span, lambda s: s.low >= 0.5 and s.high <= 2, lambda s: s.high < 0.5 or s.low > 2, words)


def _exact(agents: pl.DataFrame) -> Iterable[Checked]:
    for study, world in ((L1, "CoinRun"), (CORNER, "Corner")):
        for method in (EXACT, EVOLVED):
            span = _ratio(agents, study, method, RANDOMIZED)
            words = f"critical α of {method} over that of domain randomization in {world}: {{}}"
            yield _judge("", span, lambda s: s.low >= 0.5, lambda s: s.high < 0.5, words)


def _max_return(agents: pl.DataFrame) -> Checked:
    found = differences(of(agents, L1, ESTIMATE, EXACT), "preference", ESTIMATE)
    words = "goal preference with exact regret minus with max return in CoinRun: {}"
    span = found[0].span if found else None
    return _judge(
        "3. Exact regret against max return", span, lambda s: s.low > 0, lambda s: s.high < 0, words
    )


def curve_of(agents: pl.DataFrame, study: str = L1):
    """Residuals of each method from the curve of all others. Methods that share their agents with another are left out."""
    own = of(agents, study).unique(
        ["parameter", "seed", "preference", "effective_alpha"], keep="first", maintain_order=True
    )
    return one_curve(own)


def _curve(agents: pl.DataFrame) -> Checked:
    found = curve_of(agents)
    if not found:
        return Checked("4. Not one curve", UNKNOWN, "fewer than two methods are recorded")
    words = is_one_curve(found)
    most = max(found, key=lambda one: abs(one.span.value) if one.agents else -1)
    state = {"not one curve": HOLDS, "one curve": FAILS}.get(words, OPEN)
    return Checked(
        "4. Not one curve",
        state,
        f"{words}; the largest mean residual is that of {most.method}, {most.span.short}",
    )


def _blind_to_the_shift(cells: pl.DataFrame) -> Checked:
    rows = cells.filter(
        (pl.col("study") == L0) & (pl.col("measure") == "corrected") & (pl.col("method") != PLAIN)
    )
    rows = rows.drop_nulls("value")
    if not rows.height:
        return Checked("5. Class L0", UNKNOWN, "no agent recorded")
    top = rows.sort("high").row(-1, named=True)
    above = rows.filter(pl.col("low") > 0.2).height
    state = FAILS if above else HOLDS if top["high"] < 0.2 else OPEN
    words = f"of {rows.height} variants, the highest is {top['method']}: {top['value']:.2f} [{top['low']:.2f}, {top['high']:.2f}]"
    return Checked("5. Class L0", state, words)


def starts_of(agents: pl.DataFrame) -> dict[str, dict[str, HeadStart]]:
    """Head starts by arm, such as `cloning` and `cloning-replay`, and by measure."""
    found: dict[str, dict[str, HeadStart]] = {}
    for name in (f"{learner}{replay}" for learner in LEARNERS for replay in ("", "-replay")):
        pair = [of(agents, LABELS, name), of(agents, LABELS, f"{name}-untrained")]
        for measure, height in HEIGHTS.items():
            start = head_start(*pair, measure, height)
            if start is not None:
                found.setdefault(name, {})[measure] = start
    return found


def _labels(agents: pl.DataFrame) -> Checked:
    starts = starts_of(agents)
    if not all(name in starts for name in LEARNERS):
        return Checked("6. Labels", UNKNOWN, "not all of cloning, DAgger and fine-tuning are recorded")
    goal = {name: starts[name]["goal_first"].ratio for name in LEARNERS}
    able = {name: starts[name]["capability"].ratio for name in LEARNERS}
    holds = all(span.low <= 1 for span in goal.values()) and sum(span.low > 1 for span in able.values()) >= 2
    words = "; ".join(f"{name}: goal {goal[name].short}, capability {able[name].short}" for name in LEARNERS)
    return Checked("6. Labels", HOLDS if holds else FAILS, f"head-start ratios, {words}")


def means_of(agents: pl.DataFrame, study: str) -> pl.DataFrame:
    """Goal first of all episodes under both shifts, mean over seeds, one row per point."""
    own = of(agents, study).group_by("method", "parameter", maintain_order=True)
    return own.agg(pl.col("goal_first", "second_goal_first").mean()).drop_nulls()


def rank_correlation(agents: pl.DataFrame, study: str = L1) -> Span | None:
    """Spearman's correlation over points of goal first under both shifts; None for fewer than five points."""
    means = means_of(agents, study)
    if means.height < 5:
        return None
    first, second = means["goal_first"].to_numpy(), means["second_goal_first"].to_numpy()
    value, low, high = spearman(first, second)
    return Span(value, low, high, means.height, -1.0)


def _second_shift(agents: pl.DataFrame) -> Checked:
    span = rank_correlation(agents)
    if span is None:
        return Checked("7. Second shift", UNKNOWN, "fewer than five points are recorded")
    found = HOLDS if span.low >= 0.8 else FAILS if span.high < 0.8 else OPEN
    return Checked(
        "7. Second shift", found, f"rank correlation over points: {span.short} (n = {span.n} points)"
    )
