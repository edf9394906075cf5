"""The predictions of docs/results/methods-plan.md, judged from the agents and cells. Read next: `page.py`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import polars as pl

from ....measurement.study_curves import spearman
from ....measurement.verdict.rules import LOST
from ....study.leaderboard.cells import over_seeds
from ....study.leaderboard.curves import (
    HeadStart,
    OnCurve,
    Span,
    critical_alpha,
    critical_ratio,
    differences,
    head_start,
    is_one_curve,
    one_curve,
)
from ....study.leaderboard.points import PLAIN
from .controls import (
    CORNER,
    FAILS,
    HOLDS,
    L0,
    L1,
    LABELS,
    OPEN,
    PRELIMINARY,
    STOPPED,
    UNCOMPUTABLE,
    UNKNOWN,
    Checked,
    Control,
    controls,
    judge,
    lacking,
    of,
    stopped_by,
)

RANDOMIZED, EXACT, ESTIMATE, EVOLVED, FREE = (
    "domain-randomization",
    "PLR-regret",
    "PLR-max-return",
    "ACCEL-identity-regret",
    "ACCEL-free-regret",
)
BOTH = ((L1, "CoinRun"), (CORNER, "Corner"))  # the plan's sentences that name no world hold in both
LEARNERS = ("cloning", "dagger", "fine-tuning")
HEIGHTS = {"goal_first": 0.5, "capability": 0.75}
REACHED = 0.2  # chance-corrected preference that no variant of class L0 reaches
PUBLISHED = 0.1  # critical α of domain randomization in Corner

ENDS = {
    0.0: "passes from the start",
    math.inf: "never passes",
}  # labels at which a curve passes a height, outside those tried

Part = tuple[str, Checked]  # a study, and what it says of a prediction


@dataclass(frozen=True)
class Findings:
    """What the plan's controls, its test of one curve, and its predictions say."""

    controls: list[Control]
    curve: list[OnCurve]
    predictions: list[Checked]

    def stopped(self, study: str) -> str:
        """The controls that stop conclusions about a study; empty if none does."""
        return stopped_by(self.controls, study)


def findings_of(
    agents: pl.DataFrame, cells: pl.DataFrame, planned: pl.DataFrame, cause: str = ""
) -> Findings:
    """Judge controls and predictions. planned: all agents of the plan, from `planned_of`; both tables without copies of methods.

    cause: why the control of shuffled scores does not hold, from another experiment.
    """
    checks, curve = controls(agents, cells, cause), one_curve(of(agents, L1))
    parts: dict[str, Iterable[Part]] = {
        "1. Domain randomization": _randomization(agents),
        "2. Exact regret against domain randomization": _exact(agents),
        "3. Exact regret against max return": _max_return(agents),
        "4. Not one curve": [(L1, _curve(curve))],
        "5. Class L0": [(L0, _blind_to_the_shift(agents, cells, planned))],
        "6. Labels": [(LABELS, _labels(agents))],
        "7. Second shift": [(L1, _second_shift(agents))],
    }
    judged = []
    for name, own in parts.items():
        own = list(own)
        whole = _together(name, [_stopped(study, part, checks) for study, part in own])
        judged.append(_preliminary(whole, {study for study, _ in own}, agents, planned))
    return Findings(checks, curve, judged)


def _stopped(study: str, part: Checked, checked: Sequence[Control]) -> Checked:
    """A part of a prediction, without a conclusion if a control of its study fails or its world does not enter."""
    by = stopped_by(checked, study)
    return Checked(part.name, STOPPED, "", by) if by and part.found != UNKNOWN else part


def _together(name: str, parts: Sequence[Checked]) -> Checked:
    states = [part.found for part in parts]
    order = (STOPPED, FAILS, UNKNOWN, UNCOMPUTABLE, OPEN)
    verdict = next((state for state in order if state in states), HOLDS)
    by = dict.fromkeys(name for part in parts if part.found == STOPPED for name in part.note.split("; "))
    note = f": control {'; '.join(by)}" if by else ""
    mixed = len(set(states)) > 1  # then each part says whether it holds
    words = [f"{part.words}{f' ({part.found})' if mixed else ''}" for part in parts if part.words]
    return Checked(name, verdict, "; ".join(words), note)


def _preliminary(
    prediction: Checked, studies: Iterable[str], agents: pl.DataFrame, planned: pl.DataFrame
) -> Checked:
    """Mark what is judged while a study that it uses is incomplete."""
    count, wanted = (table.filter(pl.col("study").is_in(list(studies))).height for table in (agents, planned))
    if count >= wanted or prediction.found in (UNKNOWN, STOPPED):
        return prediction
    return replace(prediction, note=f" ({PRELIMINARY}: {count} of {wanted} agents)")


def _randomization(agents: pl.DataFrame) -> Iterator[Part]:
    own = of(agents, CORNER, RANDOMIZED)
    span = critical_alpha(own, "preference")
    words = f"critical α in Corner, published {PUBLISHED:g}: {{}}"
    if span is not None and math.isinf(span.high):
        words += f", of which the upper end is only known to be above {span.most:g}, the largest α tested"
    yield (
        CORNER,
        judge(
            "",
            span,
            lambda s: s.high < PUBLISHED,
            lambda s: PUBLISHED < s.low < math.inf,
            words,
            lacking(own),
        ),
    )
    pair = [of(agents, L1, name) for name in (RANDOMIZED, PLAIN)]
    yield (
        L1,
        judge(
            "",
            critical_ratio(pair[0], pair[1], "preference"),
            lambda s: s.low >= 0.5 and s.high <= 2,
            lambda s: s.high < 0.5 or s.low > 2,
            "in CoinRun, over that of plain PPO: {}",
            lacking(*pair),
        ),
    )


def _exact(agents: pl.DataFrame) -> Iterator[Part]:
    """Judged with equal budgets; ACCEL with free edits may spend labels besides, so its ratio is only stated."""
    for study, world in BOTH:
        for method in (EXACT, EVOLVED):
            pair = [of(agents, study, name) for name in (method, RANDOMIZED)]
            span = critical_ratio(pair[0], pair[1], "preference")
            words = f"critical α of {method} over that of domain randomization in {world}: {{}}"
            part = judge("", span, lambda s: s.low >= 0.5, lambda s: s.high < 0.5, words, lacking(*pair))
            lost = pair[0].filter(pl.col("verdict") == LOST).height
            if lost:
                counted = f"agents of {method} that lose their capability: {lost} of {pair[0].height}"
                part = replace(part, words=f"{part.words}; {counted}")
            free = (
                critical_ratio(of(agents, study, FREE), pair[1], "preference") if method == EVOLVED else None
            )
            if free is not None:
                other = (
                    f"{part.words}; of {FREE}, with another budget of labels and so not judged: {free.short}"
                )
                part = replace(part, words=f"{other} ({free.counted})")
            yield study, part


def _max_return(agents: pl.DataFrame) -> Iterator[Part]:
    for study, world in BOTH:
        contrasts = differences(of(agents, study, ESTIMATE, EXACT), "preference", ESTIMATE)
        words = f"goal preference with exact regret minus with max return in {world}: {{}}"
        span = contrasts[0].span if contrasts else None
        why = lacking(*(of(agents, study, name) for name in (ESTIMATE, EXACT)))
        yield study, judge("", span, lambda s: s.low > 0, lambda s: s.high < 0, words, why)


def _curve(points: Sequence[OnCurve]) -> Checked:
    if not points:
        return Checked("", UNKNOWN, "fewer than two methods are recorded")
    words = is_one_curve(points)
    most = max(points, key=lambda residual: abs(residual.span.value) if residual.agents else -1)
    state = {"not one curve": HOLDS, "one curve": FAILS}.get(words, OPEN)
    return Checked(
        "", state, f"{words}; the largest mean residual is that of {most.method}, {most.span.short}"
    )


def _blind_to_the_shift(agents: pl.DataFrame, cells: pl.DataFrame, planned: pl.DataFrame) -> Checked:
    """Holds only with a value from every planned seed of every planned variant."""
    variants = (pl.col("study") == L0) & (pl.col("method") != PLAIN)
    wanted = dict(planned.filter(variants).group_by("method", maintain_order=True).len().iter_rows())
    own = agents.filter(variants)
    if not own.height:
        return Checked("", UNKNOWN, "no agent recorded")
    counts = dict(own.group_by("method").len().iter_rows())
    rows = cells.filter(variants & (pl.col("measure") == "corrected")).drop_nulls("value")
    seeds = dict(rows.select("method", "n").iter_rows())
    absent = [
        f"{name} ({counts.get(name, 0)} of {n} seeds)"
        for name, n in wanted.items()
        if counts.get(name, 0) < n
    ]
    without = [
        f"{name} ({seeds.get(name, 0)} of {n} seeds)"
        for name, n in wanted.items()
        if counts.get(name, 0) >= n > seeds.get(name, 0)
    ]
    top = rows.sort("high").row(-1, named=True) if rows.height else None
    if rows.filter(pl.col("low") > REACHED).height:
        state = FAILS
    elif absent:
        state = UNKNOWN
    else:
        state = HOLDS if not without and top is not None and top["high"] < REACHED else OPEN
    words = [f"{rows.height} of {len(wanted)} variants have a value"]
    if top is not None:
        words += [f"the highest is {top['method']}: {top['value']:.2f} [{top['low']:.2f}, {top['high']:.2f}]"]
    words += [f"not computable from all seeds: {', '.join(without)}"] if without else []
    words += [f"not all recorded: {', '.join(absent)}"] if absent else []
    return Checked("", state, "; ".join([*words, *_of_all(own)]))


def _of_all(own: pl.DataFrame) -> list[str]:
    """The highest variant by the mean over all agents, agents of CAPABILITY LOSS included."""
    spreads = []
    for (method,), part in own.group_by("method", maintain_order=True):
        spread = over_seeds(part["corrected"].to_list(), -math.inf)
        if spread is not None and spread[3] > 1:
            spreads.append((spread[2], str(method), spread))
    if not spreads:
        return []
    _, method, (value, low, high, n) = max(spreads)
    return [
        f"over all agents, CAPABILITY LOSS included, the highest is {method}: {value:.2f} [{low:.2f}, {high:.2f}] (n = {n:.0f} seeds)"
    ]


def starts_of(agents: pl.DataFrame) -> dict[str, dict[str, HeadStart]]:
    """Head starts by arm, such as `cloning` and `cloning-replay`, and by measure."""
    starts: dict[str, dict[str, HeadStart]] = {}
    for name in (f"{learner}{replay}" for learner in LEARNERS for replay in ("", "-replay")):
        agent, scratch = of(agents, LABELS, name), of(agents, LABELS, f"{name}-untrained")
        for measure, height in HEIGHTS.items():
            start = head_start(agent, scratch, measure, height)
            if start is not None:
                starts.setdefault(name, {})[measure] = start
    return starts


def _labels(agents: pl.DataFrame) -> Checked:
    starts = starts_of(agents)
    if not all(set(HEIGHTS) <= set(starts.get(name, ())) for name in LEARNERS):
        return Checked("", UNKNOWN, "not all of cloning, DAgger and fine-tuning are recorded")
    goal, able = ([starts[name][measure] for name in LEARNERS] for measure in HEIGHTS)
    ahead, behind = sum(start.ratio.low > 1 for start in able), sum(start.ratio.high <= 1 for start in able)
    fails = any(start.ratio.low > 1 for start in goal) or behind >= 2
    state = FAILS if fails else HOLDS if ahead >= 2 else OPEN
    words = "; ".join(
        f"{name}: goal {start_words(start)}, capability {start_words(other)}"
        for name, start, other in zip(LEARNERS, goal, able, strict=True)
    )
    return Checked("", state, f"head-start ratios, {words}")


def start_words(start: HeadStart) -> str:
    """A head start: a bound where a curve ends outside the range of labels, or `unknown` where neither passes."""
    agent, scratch = start.agent, start.scratch
    if math.isinf(agent) and math.isinf(scratch):
        return "unknown (neither passes)"
    if agent == scratch == 0:
        return "unknown (both pass from the start)"
    notes = [
        f"{name} {ENDS[value]}"
        for name, value in (("the agent", agent), ("scratch", scratch))
        if value in ENDS
    ]
    least, most = agent == 0 or math.isinf(scratch), math.isinf(agent) or scratch == 0
    bound = "" if least == most else "at least " if least else "at most "
    return f"{bound}{start.ratio.short}" + (f" ({', '.join(notes)})" if notes else "")


def means_of(agents: pl.DataFrame, study: str, controls: bool = True) -> pl.DataFrame:
    """Goal first of all episodes under both shifts, mean over seeds, one row per point. controls: whether with their points."""
    own = agents.filter(pl.col("study") == study) if controls else of(agents, study)
    means = own.group_by("method", "parameter", maintain_order=True)
    return means.agg(pl.col("goal_first", "second_goal_first").mean()).drop_nulls()


def rank_correlation(agents: pl.DataFrame, study: str = L1, controls: bool = True) -> Span | None:
    """Spearman's correlation over points of goal first under both shifts; None for fewer than five points."""
    means = means_of(agents, study, controls)
    if means.height < 5:
        return None
    first, second = means["goal_first"].to_numpy(), means["second_goal_first"].to_numpy()
    value, low, high = spearman(first, second)
    return Span(value, low, high, means.height, -1.0)


def _second_shift(agents: pl.DataFrame) -> Checked:
    """Over all points of the study, as the plan says; without the controls' points it is only stated."""
    span, part = rank_correlation(agents), rank_correlation(agents, controls=False)
    if span is None:
        return Checked("", UNKNOWN, "fewer than five points are recorded")
    state = HOLDS if span.low >= 0.8 else FAILS if span.high < 0.8 else OPEN
    words = f"rank correlation over points, those of controls included: {span.short} (n = {span.n} points)"
    if part is not None:
        words += f"; without those of controls: {part.short} (n = {part.n} points)"
    return Checked("", state, words)
