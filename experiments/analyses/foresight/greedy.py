"""Greedy actions of the agents of the foresight study. The plan scores sampled actions only, so this is a second look.

The agents' table has it in the columns that begin with `greedy_`. Read next: `page.py`, which shows it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import polars as pl

from ...foresight.comparison import PRIMARY, PredictorComparison, compare
from ...foresight.predictors import DISAGREEMENT, PREDICTORS
from ...foresight.scores import RankScore
from ...measurement.verdict.rules import LOST
from ...study.leaderboard.board import markdown
from ...study.leaderboard.cells import over_seeds
from .outcomes import VERDICT, Z

ROWS = ("sampled", "greedy", "sampled, agents that both keep", "greedy, agents that both keep")


def greedy_lines(agents: pl.DataFrame, main: str) -> list[str]:
    """The section of the page; empty if the table holds no greedy episodes. main: the world whose axes are left out one by one."""
    if VERDICT not in agents.columns or agents[VERDICT].null_count() == agents.height:
        return []
    played = agents.drop_nulls(VERDICT)
    others = [predictor.name for predictor in PREDICTORS if predictor.name != PRIMARY]
    scored = played.drop([*others, DISAGREEMENT[0]], strict=False)
    both = scored.filter((pl.col("verdict") != LOST) & (pl.col(VERDICT) != LOST))
    both = both.drop_nulls(["target", "greedy_preference_beyond_chance"])
    tables = (scored, as_outcomes(scored), both, as_outcomes(both))
    comparisons = [compare(table, main, 0) for table in tables]
    return [
        "## With greedy actions",
        "",
        *_in_short(played, comparisons[0], comparisons[1], main),
        f"Not in the plan: {played.height} of {agents.height} agents also played every level with the likeliest action. The same predictor "
        f"(`{PRIMARY}`), the same rules for exclusion and for scored configs, on the outcomes of sampled and of greedy episodes:",
        "",
        *_scores(comparisons, main),
        "",
        *_verdicts(played),
        "",
        *_cells(played),
        "",
    ]


def as_outcomes(agents: pl.DataFrame) -> pl.DataFrame:
    """The table with the outcomes of greedy episodes in place of those of sampled ones."""
    width = pl.col("greedy_preference_beyond_chance_high") - pl.col("greedy_preference_beyond_chance_low")
    return agents.with_columns(
        verdict=pl.col(VERDICT),
        target=pl.col("greedy_preference_beyond_chance"),
        target_error=width / (2 * Z),
        target_even=pl.lit(None, dtype=pl.Float64),
        target_odd=pl.lit(None, dtype=pl.Float64),
    )


def _in_short(
    agents: pl.DataFrame, sampled: PredictorComparison, greedy: PredictorComparison, main: str
) -> Iterator[str]:
    one, other = sampled.score(main, PRIMARY), greedy.score(main, PRIMARY)
    if one is None or other is None:
        return
    differ = agents.filter(pl.col("verdict") != pl.col(VERDICT)).height
    yield (
        f"**Within configs of {main}, the score of `{PRIMARY}` is {_shown(other.within)} with greedy outcomes (n = {other.within_agents}) "
        f"and {_shown(one.within)} with sampled ones (n = {one.within_agents}). In all worlds, {differ} of {agents.height} agents have "
        "another verdict.** Greedy actions make more agents lose their capability, so these two scores are of different agents and no "
        "comparison; the table also has the agents that both keep."
    )
    yield ""


def _scores(comparisons: Sequence[PredictorComparison], main: str) -> list[str]:
    """Rows of sampled and of greedy outcomes, of all agents that each keeps and of those that both keep."""
    rows = [
        ["world", "outcomes", "AUROC", "Spearman, pooled", "Spearman within config", "n (pooled, within)"]
    ]
    for world in dict.fromkeys(score.world for score in comparisons[0].scores):
        for words, comparison in zip(ROWS, comparisons, strict=True):
            score = comparison.score(world, PRIMARY)
            if score is not None:
                cells = [_shown(number) for number in (score.auroc, score.pooled, score.within)]
                rows.append([world, words, *cells, f"{score.agents}, {score.within_agents}"])
    scores = [comparison.brier("axis", PRIMARY) for comparison in comparisons]
    brier = ["–" if math.isnan(score) else f"{score:.3f}" for score in scores]
    return [
        *markdown(rows),
        "",
        f"Leaving one axis of {main} out, the Brier score of `{PRIMARY}` is {brier[0]} for sampled and {brier[1]} for greedy "
        f"verdicts; of agents that both keep, {brier[2]} and {brier[3]}.",
    ]


def _verdicts(agents: pl.DataFrame) -> Iterator[str]:
    for (world,), own in agents.group_by("world", maintain_order=True):
        differ = own.filter(pl.col("verdict") != pl.col(VERDICT))
        kinds = differ.group_by("verdict", VERDICT).len().sort("len", "verdict", VERDICT, descending=True)
        listed = ", ".join(f"{n} {one} → {other}" for one, other, n in kinds.iter_rows())
        yield (
            f"- {world}: {differ.height} of {own.height} agents have another verdict with greedy actions"
            f"{f' ({listed})' if listed else ''}."
        )


def _cells(agents: pl.DataFrame) -> list[str]:
    """Means over the agents of each config, whatever their verdict."""
    rows = [
        [
            "config",
            "agents",
            "chance-corrected preference, sampled",
            "greedy",
            "timeouts, sampled",
            "greedy",
            "paralysis, greedy",
        ]
    ]
    measures = (
        "preference_beyond_chance",
        "greedy_preference_beyond_chance",
        "timeouts",
        "greedy_timeouts",
        "greedy_paralysis",
    )
    for (cell,), own in agents.group_by("cell", maintain_order=True):
        rows.append([str(cell), f"{own.height}", *(_mean(own, name) for name in measures)])
    return [
        *markdown(rows),
        "",
        "Brackets: 95% intervals over training seeds (Student's t); all agents, those of CAPABILITY LOSS included, but a corrected "
        "preference only of those whose chance level can be computed (n). Where that n is smaller than the number of agents, sampled and "
        "greedy means are of different agents. *Paralysis*: greedy episodes under the shift that go round in circles.",
    ]


def _mean(agents: pl.DataFrame, name: str) -> str:
    least = -math.inf if "preference" in name else 0.0  # a corrected preference can be below 0
    spread = over_seeds(agents[name].to_list(), least, 1.0)
    if spread is None:
        return "– (n = 0)"
    value, low, high, n = spread
    few = f" (n = {n:.0f})" if n < agents.height else ""
    return f"{value:.2f} [{low:.2f}, {high:.2f}]{few}".replace("-", "−")


def _shown(score: RankScore) -> str:
    if math.isnan(score.value):
        return "–"
    # All agents are of one config, so resampling configs changes nothing.
    if score.low == score.high and abs(score.value) < 1:
        return f"{score.value:.2f} (one config)".replace("-", "−")
    bounds = "" if math.isnan(score.low) else f" [{score.low:.2f}, {score.high:.2f}]"
    return f"{score.value:.2f}{bounds}".replace("-", "−")
