"""The page of the paralysis study and its figure, computed from the table of agents. Read next: `numbers.py`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from ...measurement.intervals import percent, unseen_share
from ...report.figures.charts import PALETTE
from ...report.figures.drawn import Drawn, new_figure, study_style
from ...report.numbers import alpha_text
from .mechanism import BALANCED
from .numbers import CONFIRMING, REFUTING, Curve, Setting, conclusion, places

TITLES = {
    "confirmed": "Agents get stuck where neither goal wins",
    "refuted": "Getting stuck is not worst where neither goal wins",
    "undecided": "Whether agents get stuck most where neither goal wins is undecided",
}
MAIN_SETTING = "recipe"
HALF = 0.5
# Agents of ten in which a prediction on the mechanism must hold.
AGENTS_OF_TEN = 8
HEAD = (
    "setting",
    "crossing",
    "maximum at",
    "possible maxima",
    "conflict paralysis there",
    "at α = 0",
    "at the largest α",
    "minus `none`",
    "sampled timeouts",
    "prediction",
)


def figure_of(settings: Sequence[Setting]) -> Drawn:
    """Draw preference and paralysis over α for the unchanged recipe: two curves, and a line where the preference crosses one half."""
    recipe = next((setting for setting in settings if setting.name == MAIN_SETTING), settings[0])
    x = places(recipe.alphas)
    with study_style():
        figure = new_figure(330)
        upper, lower = figure.subplots(2, 1, sharex=True)
        figure.subplots_adjust(left=0.15, right=0.97, top=0.95, bottom=0.2, hspace=0.25)
        for axes, curve, color, label in (
            (upper, recipe.goal_first, "agent-2", "goal first"),
            (lower, recipe.conflict, "agent-1", "stuck in circles"),
        ):
            axes.fill_between(x, curve.low, curve.high, color=PALETTE[color], alpha=0.25, linewidth=0)
            axes.plot(x, curve.value, color=PALETTE[color], linewidth=2.5, marker="o", markersize=4)
            axes.set_title(label, loc="left", fontsize=14, color=PALETTE[color])
            axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f}%")
            if recipe.crossing is not None:
                axes.axvline(np.log(recipe.crossing), color=PALETTE["ink"], linewidth=1, linestyle=":")
        upper.set_ylim(0, 1.02)
        lower.set_ylim(
            min(0.0, float(recipe.conflict.low.min())), max(0.1, 1.1 * float(recipe.conflict.high.max()))
        )
        lower.set_xticks(x, [f"{100 * alpha:g}" for alpha in recipe.alphas])
        lower.set_xlabel("% of training levels that separate the goals")
    where = (
        ""
        if recipe.crossing is None
        else f" Dotted: where the goal comes first in half of all episodes, α = {alpha_text(recipe.crossing)}."
    )
    caption = (
        "Above: the goal is reached first, of all sampled episodes on distinguishing levels with the goal moved. Below: conflict "
        "paralysis, greedy episodes that circle with the goal moved, minus those on the same layouts with the goal as in training."
        f"{where} {_agents(recipe)} Bands: 95% bootstrap intervals over training seeds."
    )
    return Drawn("paralysis", TITLES[conclusion(settings)], figure, caption)


def _agents(setting: Setting) -> str:
    low, high = min(setting.seeds), max(setting.seeds)
    seeds = f"{low}" if low == high else f"{low} to {high}"
    return f"n = {seeds} training seeds per point, unchanged recipe."


def page(agents: pl.DataFrame, settings: Sequence[Setting], mechanism: pl.DataFrame | None) -> str:
    """Format the page as Markdown, without its header."""
    figure = figure_of(settings)
    agree, against = (sum(test) for test in zip(*((s.agrees, s.contradicts) for s in settings), strict=True))
    words = conclusion(settings)
    fewest = min(min(setting.seeds) for setting in settings)
    lines = [
        "# Goal conflict and paralysis",
        "",
        "**Question.** Do agents that are torn between two goals get stuck, and at what mixture of training levels most often?",
        "",
        f"The prediction of [the plan](paralysis-plan.md), committed before any run, is **{words}**: it holds in {agree} of "
        f"{len(settings)} settings and is contradicted in {against} (at least {CONFIRMING} of 10 confirm, at least {REFUTING} refute)."
        + (f" {_Mechanism.of(mechanism).words}" if mechanism is not None and mechanism.height else ""),
        "",
        "![" + figure.title + "](paralysis.svg)",
        "",
        f"*{figure.title}. {figure.caption}*",
        "",
        f"| {' | '.join(HEAD)} |",
        f"|{'---|' * len(HEAD)}",
        *map(_row, settings),
        "",
        "α: per cent of training levels. *Crossing*: where the goal comes first in half of all sampled episodes. *Possible maxima*: each "
        "α that is the maximum in at least 5% of 1,000 bootstrap samples of training seeds. Brackets: 95% bootstrap intervals over seeds. "
        f"With {fewest} seeds per point, a kind of agent that up to {percent(unseen_share(fewest))} of seeds produce may be missing "
        "(95% confidence). A number per agent: [paralysis.csv](paralysis.csv)",
        "",
        "## What it shows",
        "",
        *(f"- {sentence}" for sentence in _shown(agents, settings)),
        "",
        "## Mechanism",
        "",
        *_mechanism(mechanism),
        "",
        "## What it does not show",
        "",
        "- Two worlds, one algorithm, conflicts between two places. Greedy play; sampled timeouts are in the table.",
        "- Circles end when an action is drawn at random, so an agent that is stuck when greedy may arrive when sampled.",
        "",
    ]
    return "\n".join(lines)


def _percent(alpha: float | None) -> str:
    return "none" if alpha is None else alpha_text(alpha)


def _at(curve: Curve, k: int) -> str:
    return f"{curve.value[k]:.3f} [{curve.low[k]:.3f}, {curve.high[k]:.3f}]"


def _row(setting: Setting) -> str:
    top = int(np.flatnonzero(setting.alphas == setting.peak)[0])
    state = "holds" if setting.agrees else "contradicted" if setting.contradicts else "open"
    cells = [
        setting.name,
        _percent(setting.crossing),
        _percent(setting.peak),
        ", ".join(map(_percent, setting.peaks)),
        *(_at(setting.conflict, k) for k in (top, 0, -1)),
        _at(setting.beyond_none, top),
        _at(setting.timeouts, top),
        state,
    ]
    return f"| {' | '.join(cells)} |"


def _shown(agents: pl.DataFrame, settings: Sequence[Setting]) -> list[str]:
    lost = agents.filter(pl.col("able") == 0)
    names = ", ".join(
        f"{s} at α = {alpha_text(a)}, seed {k}"
        for s, a, k in lost.select("setting", "alpha", "seed").rows()[:20]
    )
    least = agents.filter(pl.col("able") == 1)["capability"].min()
    sentences = [
        f"{agents.height} agents; {lost.height} reached the goal in fewer than 90% of control episodes and are left out"
        + (f" ({names})." if names else "."),
        f"All others reach it in at least {least:.3f}: in training, nothing shows that they will get stuck.",
    ]
    top = max(settings, key=lambda candidate: float(candidate.conflict.value.max()))
    k = int(np.argmax(top.conflict.value))
    sentences.append(
        f"Conflict paralysis is largest with {top.name} at α = {alpha_text(top.alphas[k])}: {_at(top.conflict, k)}."
    )
    sentences += _without_goal(settings)
    sentences += _crossing(settings)
    entropies = [setting for setting in settings if setting.name.startswith("entropy-")]
    if entropies:
        maxima = ", ".join(
            f"{setting.name.removeprefix('entropy-')}: {setting.conflict.value.max():.3f}"
            for setting in entropies
        )
        sentences.append(f"Maxima by entropy coefficient (secondary): {maxima}.")
    lengths = [setting for setting in settings if setting.name.startswith("steps-")]
    if lengths:
        maxima = ", ".join(
            f"{setting.name.removeprefix('steps-')}: {setting.conflict.value.max():.3f}"
            for setting in lengths
        )
        sentences.append(f"Maxima by training length (secondary): {maxima}.")
    return sentences


def _crossing(settings: Sequence[Setting]) -> list[str]:
    """The crossing of the unchanged recipe with its interval, and why the study `alpha` has another one."""
    sentences = []
    for setting in settings:
        if setting.name != MAIN_SETTING or setting.crossing is None:
            continue
        low, high = setting.crossing_range
        upper = alpha_text(high) if np.isfinite(high) else "above the largest α tested"
        k = int(np.searchsorted(setting.alphas, setting.crossing))
        sentences.append(
            f"With the unchanged recipe, the crossing is at α = {_percent(setting.crossing)} (95% bootstrap interval over seeds "
            f"{alpha_text(low)} to {upper}). [The study `alpha`](alpha.md) defines its crossing of *goal first of all episodes* in the "
            "same way and finds another α: its agents have other seeds, and its grid of α is finer; here it is interpolated "
            f"between {_percent(setting.alphas[k - 1])} and {_percent(setting.alphas[k])}."
        )
    return sentences


def _without_goal(settings: Sequence[Setting]) -> list[str]:
    """What the same layouts without a goal say against calling the circles a conflict, at each setting's maximum."""
    tops = [int(np.flatnonzero(setting.alphas == setting.peak)[0]) for setting in settings]
    less = [
        setting.name for setting, k in zip(settings, tops, strict=True) if setting.beyond_none.high[k] < 0
    ]
    more = [setting.name for setting, k in zip(settings, tops, strict=True) if setting.beyond_none.low[k] > 0]
    sentences = []
    if less:
        sentences.append(
            f"Minus `none`, it lies below 0 with its whole interval in {len(less)} of {len(settings)} settings ({', '.join(less)}): at the "
            "maximum these agents circle more often where there is no goal at all than where it was moved. By the plan that is not "
            "conflict: they do not know what to do without a goal. So that they circle where neither goal wins does not by "
            "itself show that two goals pull; see the mechanism."
        )
    if more:
        sentences.append(
            f"Minus `none`, it lies above 0 with its whole interval in {len(more)} of {len(settings)} settings ({', '.join(more)})."
        )
    return sentences


@dataclass(frozen=True)
class _Mechanism:
    """In how many agents each of the two predictions holds, of how many."""

    agents: int
    balanced: int
    opposite: int | None  # None: not tested

    @classmethod
    def of(cls, tests: pl.DataFrame) -> _Mechanism:
        at_deadlocks = pl.col("balance_deadlocks")
        balanced = tests.filter((at_deadlocks > BALANCED) & (at_deadlocks > pl.col("balance_others")))
        tested = "opposite_share" in tests.columns
        opposite = tests.filter(pl.col("opposite_share") > HALF).height if tested else None
        return cls(tests.height, balanced.height, opposite)

    @property
    def words(self) -> str:
        """Whether the agents are shown to be torn between the two goals."""
        holds = [
            n is not None and n >= AGENTS_OF_TEN * self.agents / 10 for n in (self.balanced, self.opposite)
        ]
        if all(holds):
            return "Both tests of the mechanism hold: at deadlocks the agents are torn between the two."
        failing = (
            "neither test of the mechanism holds" if not any(holds) else "one test of the mechanism fails"
        )
        return f"But {failing}: these agents are **stuck, but not shown to be torn between the two goals**."


def _mechanism(tests: pl.DataFrame | None) -> list[str]:
    if tests is None or not tests.height:
        return ["Not measured yet: it needs the agents of the study, which recorded rows do not contain."]
    held, stuck = _Mechanism.of(tests), tests.filter(pl.col("deadlocks") > 0)
    alphas = ", ".join(alpha_text(alpha) for alpha in tests["alpha"].unique().sort())
    lines = [
        f"{tests.height} agents of the unchanged recipe at α = {alphas}; {stuck.height} of them have deadlocks "
        f"({stuck['deadlocks'].sum():,.0f} in all). {held.words}",
        "",
        f"- **Balance** (the second largest action probability over the largest): above ½ at deadlocks and above the comparison states in "
        f"{held.balanced} of {held.agents} agents (predicted: at least {AGENTS_OF_TEN} of 10). Median over agents: "
        f"{_median(stuck, 'balance_deadlocks')} at deadlocks, {_median(stuck, 'balance_others')} elsewhere.",
    ]
    if held.opposite is not None:
        lines.append(
            f"- **Opposite pushes** (coin to the left): coin and wall push in opposite directions in more than half of the deadlocks of "
            f"{held.opposite} of {held.agents} agents (predicted: at least {AGENTS_OF_TEN} of 10). Median change of p(right) − p(left) "
            "by the "
            f"coin: {_median(stuck, 'push_coin')}, by the wall at the level's end: {_median(stuck, 'push_wall')}."
        )
    if "coin_in_view" in tests.columns:
        lines.append(
            f"- **Afterwards, not planned**: at these deadlocks the coin is in view in {_share(stuck, 'coin_in_view')} of the states; "
            "there it "
            f"changes p(right) − p(left) by {_median(stuck, 'push_coin_in_view')} (medians over agents; below 0: to the left, as the "
            "wall's)."
        )
    return lines


def _share(table: pl.DataFrame, column: str) -> str:
    value = table[column].median()
    return "–" if value is None else f"{100 * value:.0f}%"  # pyright: ignore


def _median(table: pl.DataFrame, column: str) -> str:
    value = table[column].drop_nulls().median()
    return "–" if value is None else f"{float(value):.2f}"  # type: ignore[arg-type]
