"""The page of the foresight study, from the comparison of its predictors. Read next: `experiments/foresight/comparison.py`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from ...foresight.comparison import (
    BASELINES,
    CONSTANT,
    FALSE_ALARMS,
    PRIMARY,
    PredictorComparison,
    PredictorScore,
    conclude,
)
from ...foresight.predictors import ACCESS, PREDICTORS
from ...foresight.scores import SAMPLES, RankScore
from ...measurement.intervals import percent, unseen_share
from ...report.figures.drawn import Drawn

MAIN = "CoinRun"
OPENING = {
    "confirmed": "Which goal an agent pursues after a shift can be predicted before it, also among agents of one config",
    "partly": "Which goal an agent pursues after a shift can be predicted before it in CoinRun; the other worlds leave it open",
    "refuted": "The pilot does not hold up: moving the goal's bit predicts no more than the config does, or hardly more",
    "undecided": "Whether the goal after a shift can be predicted before it is undecided",
    "null failed": "Nothing is concluded: shuffled targets give significant scores too often",
}
HELD = {
    "confirmed": "held",
    "partly": "held in part",
    "refuted": "is refuted",
    "undecided": "is undecided",
    "null failed": "cannot be judged",
}
ACTIONS = "Outcomes are of sampled actions, as in the plan; "
PLAYED = "results of greedy actions on the same levels are [below](#with-greedy-actions)."
UNPLAYED = (
    "this table holds no greedy episodes, so what these agents do with the likeliest action is not known."
)
HEAD = ("predictor", "AUROC", "Spearman, pooled", "p", "Spearman within config", "p", "n")


def page(
    comparison: PredictorComparison,
    figures: Sequence[Drawn],
    scripted: Sequence[tuple[str, str]],
    agents: int,
    caveats: Sequence[str] = (),
    greedy: Sequence[str] = (),
) -> str:
    """Format the page as Markdown, without its header.

    scripted: names of scripted agents, and the forecast of each; caveats: deviations from the plan, printed first. greedy: the
    section on greedy actions, from `greedy.py`.
    """
    result = conclude(comparison)
    lines = [
        "# Predict the goal before the shift",
        "",
        *(line for caveat in caveats for line in (f"> {caveat}", "")),
        f"**{OPENING[result]}.** The prediction of [the plan](foresight-plan.md), committed before any agent was trained, "
        f"**{HELD[result]}**.",
        "",
        *(*_primary(comparison), "", ACTIONS + (PLAYED if greedy else UNPLAYED), ""),
    ]
    for figure in figures:
        lines += [f"![{figure.title}]({figure.name}.svg)", "", f"*{figure.title}. {figure.caption}*", ""]
    for world in dict.fromkeys(score.world for score in comparison.scores):
        lines += [f"## {world}", "", *_world(comparison, world), ""]
    lines += [
        "## On what was left out",
        "",
        "A logistic regression of MISGENERALIZED on one predictor, its sign and threshold fitted on the other axes of CoinRun, "
        "or on the other "
        "worlds. Brier score over all agents that were left out (smaller is better), and the accuracy for each group.",
        "",
        *_transfers(comparison),
        "",
        *greedy,
        "## Nulls",
        "",
        *_nulls(comparison, scripted),
        "",
        "## Configs",
        "",
        *_cells(comparison),
        "",
        *_limits(comparison),
        "",
        f"All {agents} agents with config, predictors and outcomes: [foresight-data.md](foresight-data.md). Every score: "
        "[foresight.csv](foresight.csv).",
        "",
    ]
    return "\n".join(lines)


def _primary(comparison: PredictorComparison) -> Iterator[str]:
    main = comparison.score(MAIN, PRIMARY)
    if main is None:
        yield "The table holds no agent of CoinRun yet."
        return
    yield (
        f"- Within configs of {MAIN}, the score of `{PRIMARY}` is {_shown(main.within)} (predicted: at least 0.5; corrected "
        f"p = {_p(main.within_p)}; n = {main.within_agents} agents of scored configs); the split-half ceiling is "
        f"{_number(comparison.ceilings.get(MAIN, math.nan))}."
    )
    others = [
        other
        for other in comparison.scores
        if other.world == MAIN and other.predictor != PRIMARY and other.within.value >= main.within.value
    ]
    if others:
        listed = ", ".join(f"`{other.predictor}` {_shown(other.within)}" for other in others)
        yield (
            f"- Within configs, these score at least as high: {listed}. So among agents of one config it is not shown to beat "
            f"{'them' if len(others) > 1 else 'it'}."
        )
    rivals = ", ".join(
        f"{name} {_number(comparison.brier('axis', name), 3)}" for name in (*BASELINES, CONSTANT)
    )
    yield (
        f"- Leaving one axis out, its Brier score is {_number(comparison.brier('axis', PRIMARY), 3)}; baselines: {rivals}."
    )
    for score in comparison.scores:
        if score.predictor == PRIMARY and score.world != MAIN:
            yield f"- {score.world}, within configs: {_shown(score.within)} (n = {score.within_agents})."


def title_of(comparison: PredictorComparison, world: str) -> str:
    """Title of the figure of a world other than the main one: what it says of the primary predictor within configs."""
    primary = comparison.score(world, PRIMARY)
    if primary is None or math.isnan(primary.within.value):
        return f"{world}: the seeds of a config hardly differ, so nothing is tested within one"
    sure = "is" if primary.within.low > 0 else "is not clearly"
    return (
        f"{world}: moving the goal’s bit {sure} a predictor within a config ({primary.within_agents} agents)"
    )


def _world(comparison: PredictorComparison, world: str) -> Iterator[str]:
    yield (
        "Scores in the direction of the plan's sign; p one-sided, corrected with Holm's method over the predictors. The "
        "split-half ceiling within "
        f"configs is {_number(comparison.ceilings.get(world, math.nan))}."
    )
    yield ""
    yield f"| {' | '.join(HEAD)} |"
    yield f"|{'---|' * len(HEAD)}"
    scores = sorted(
        (score for score in comparison.scores if score.world == world), key=lambda entry: entry.access
    )
    for access in dict.fromkeys(score.access for score in scores):
        yield f"| **{access}: {ACCESS[access]}** |{' |' * (len(HEAD) - 1)}"  # type: ignore[index]
        yield from (_row(score) for score in scores if score.access == access)


def _row(score: PredictorScore) -> str:
    cells = (
        f"`{score.predictor}`",
        _shown(score.auroc),
        _shown(score.pooled),
        _p(score.pooled_p),
        _shown(score.within),
        _p(score.within_p),
        f"{score.agents}, {score.within_agents}",
    )
    return f"| {' | '.join(cells)} |"


def _transfers(comparison: PredictorComparison) -> Iterator[str]:
    names = (*(predictor.name for predictor in PREDICTORS), "disagreement", CONSTANT)
    for kind, heading in (("axis", "axis of CoinRun left out"), ("world", "world left out")):
        chosen = [transfer for transfer in comparison.transfers if transfer.kind == kind]
        groups = list(dict.fromkeys(transfer.left_out for transfer in chosen))
        if not groups:
            continue
        yield f"| {heading} | Brier, all | {' | '.join(groups)} |"
        yield f"|{'---|' * (len(groups) + 2)}"
        for name in names:
            by_group = {transfer.left_out: transfer for transfer in chosen if transfer.predictor == name}
            if by_group:
                cells = (
                    f"{_number(by_group[g].brier, 3)} ({100 * by_group[g].accuracy:.0f}%)"
                    if g in by_group
                    else "–"
                    for g in groups
                )
                yield f"| `{name}` | {_number(comparison.brier(kind, name), 3)} | {' | '.join(cells)} |"
        yield ""


def _limits(comparison: PredictorComparison) -> Iterator[str]:
    yield from (
        "## What it does not show",
        "",
        "- Four gridworlds, one algorithm, goals that are one bit of the observation. The worlds are listed one by one; there "
        "is no interval "
        "over worlds.",
        "- `move`, `erase`, `value_move` and `shift_move` edit the observation and must know the goal's plane.",
        "- Class E sees what the shift looks like: nearly the outcome.",
        "- Agents that were trained against a predictor may deceive it; none was.",
        *_outside(comparison),
        *_missed(comparison),
        "- The logistic regressions have a ridge penalty of 1 on the standardized slope, which the plan does not name.",
    )


def _outside(comparison: PredictorComparison) -> Iterator[str]:
    """Why an estimate can lie outside its own interval, and which ones do."""
    listed = "; ".join(
        f"{entry.world} `{entry.predictor}`, {name} {_shown(score)}"
        for entry in comparison.scores
        for name, score in (
            ("AUROC", entry.auroc),
            ("Spearman, pooled", entry.pooled),
            ("Spearman within config", entry.within),
        )
        if not math.isnan(score.low) and not score.low <= score.value <= score.high
    )
    yield (
        f"- Intervals are those of the plan: percentiles over {SAMPLES:,} samples, of whole configs for pooled scores and of agents "
        "within configs for the others. A world has six or twelve configs, so pooled intervals are coarse. What is drawn twice ties with "
        "itself, and what is not drawn takes its part of the range with it: both pull rank correlations towards 0, so an interval can end "
        f"below its estimate. {f'Outside their own intervals lie: {listed}' if listed else 'Here each estimate lies within its own'}."
    )


def _missed(comparison: PredictorComparison) -> Iterator[str]:
    """The kinds of agent that the seeds of a config can miss, by world."""
    for world in dict.fromkeys(cell.world for cell in comparison.cells):
        sizes = [cell.agents for cell in comparison.cells if cell.world == world]
        seeds = " to ".join(map(str, sorted({min(sizes), max(sizes)})))
        yield (
            f"- {world}: {seeds} training seeds per config can miss a kind of agent that up to "
            f"{percent(unseen_share(min(sizes)))} of a config's seeds produce (95% confidence)."
        )


def _nulls(comparison: PredictorComparison, scripted: Sequence[tuple[str, str]]) -> Iterator[str]:
    for world, share in comparison.false_alarms.items():
        if math.isnan(share):
            yield f"- {world}: no config is scored, so there is nothing to shuffle."
            continue
        yield (
            f"- {world}: of targets shuffled within configs, {100 * share:.0f}% give p below 0.05 for `{PRIMARY}` (allowed: "
            f"{100 * FALSE_ALARMS:.0f}%)."
        )
    for name, sentence in scripted:
        yield f"- {name}: {sentence}"


def _cells(comparison: PredictorComparison) -> Iterator[str]:
    head = (
        "config",
        "agents",
        "capability lost",
        "inconclusive",
        "uncorrected",
        "mean",
        "SD over seeds",
        "sampling error",
        "scored",
    )
    yield (
        "*Uncorrected*: capable agents without a chance-corrected preference. Scored: the SD over seeds is at least twice the sampling "
        "error."
    )
    yield ""
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for cell in comparison.cells:
        numbers = (cell.agents, cell.lost, cell.inconclusive, cell.uncorrected)
        means = (_number(cell.mean), _number(cell.deviation, 3), _number(cell.error, 3))
        yield f"| {' | '.join((cell.name, *map(str, numbers), *means, 'yes' if cell.scored else 'no'))} |"


def _shown(score: RankScore) -> str:
    if math.isnan(score.value):
        return "–"
    bounds = "" if math.isnan(score.low) else f" [{_number(score.low)}, {_number(score.high)}]"
    return f"{_number(score.value)}{bounds}"


def _number(value: float, digits: int = 2) -> str:
    return "–" if math.isnan(value) else f"{value:.{digits}f}".replace("-", "−")


def _p(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.3f}"
