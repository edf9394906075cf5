"""The page and the figure of the study of why exact regret compares otherwise than published. Read next: `why.py`, the predictions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import polars as pl

from ...measurement.intervals import percent, unseen_share
from ...report.figures.charts import PALETTE
from ...report.figures.drawn import WIDTH, Drawn, new_figure, study_style
from ...study.leaderboard.board import markdown
from ...study.leaderboard.cells import over_seeds
from .controls import FAILS, HOLDS, Checked
from .page_parts import section, shown

STUDY, SHARE = "methods-why", "fixed_share"
COLOURS = ("agent-1", "agent-2", "agent-3")
ARMS = {  # rows of the second table, with the words for each
    "domain-randomization": "domain randomization, 1 million steps",
    "domain-randomization-4x": "domain randomization, 4 million steps",
    "PLR-regret": "PLR⊥ by exact regret, 1 million steps, 50,000 levels",
    "PLR-regret-pool": "PLR⊥ by exact regret, 1 million steps, 500,000 levels",
    "PLR-regret-4x": "PLR⊥ by exact regret, 4 million steps, 50,000 levels",
    "PLR-regret-pool-4x": "PLR⊥ by exact regret, 4 million steps, 500,000 levels",
    "PLR-shuffled": "PLR⊥ by shuffled scores, 1 million steps",
    "plain-half": "plain PPO, half a million steps",
    "plain": "plain PPO, 1 million steps",
}
HEIGHT = 330


def shares(agents: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    """The instrument's agents by fraction of the steps, ascending."""
    own = agents.filter(pl.col("method").str.starts_with(f"{SHARE} "))
    order = own.with_columns(share=pl.col("method").str.strip_prefix(f"{SHARE} ").cast(pl.Float64))
    for (share,), part in order.sort("share", "parameter").group_by("share", maintain_order=True):
        yield f"{share:g}", part


def draw(agents: pl.DataFrame) -> Drawn:
    """Goal preference against the number of different distinguishing levels, one line per fraction of the steps."""
    ends = []
    with study_style():
        figure = new_figure(HEIGHT)
        axes = figure.add_axes((44 / WIDTH, 52 / HEIGHT, (WIDTH - 130) / WIDTH, (HEIGHT - 84) / HEIGHT))
        for (share, own), colour in zip(shares(agents), COLOURS, strict=False):
            means = []
            for (m,), part in own.group_by("parameter", maintain_order=True):
                spread = over_seeds(part["preference"].to_list(), most=1.0)
                if spread is not None:
                    axes.plot(
                        [float(str(m))] * 2, [max(0.0, spread[1]), min(1.0, spread[2])], color=PALETTE[colour]
                    )
                    means.append((float(str(m)), spread[0]))
            axes.plot(*zip(*means, strict=True), color=PALETTE[colour], marker="o", markersize=5)
            axes.text(
                means[-1][0] * 1.15,
                means[-1][1],
                f"{percent(float(share))} of steps",
                color=PALETTE[colour],
                va="center",
            )
            ends.append((means[0][1], means[-1][1]))
        axes.set_xscale("log")
        axes.set_xticks([30, 100, 300, 1000, 3000], ["30", "100", "300", "1,000", "3,000"])
        axes.minorticks_off()
        axes.set_ylim(-0.03, 1.03)
        axes.set_yticks([0, 0.5, 1], ["0", "50%", "100%"])
        figure.text(0.45, 8 / HEIGHT, "different distinguishing levels", ha="center", color=PALETTE["muted"])
    first, last = (sum(column) / len(ends) for column in zip(*ends, strict=True))
    title = f"From 30 to 3,000 different levels, the goal preference goes from {percent(first)} to {percent(last)}"
    caption = (
        "CoinRun, the coin at the edge in all levels but the distinguishing ones, on which a fixed fraction of the steps is "
        "played. Vertical: goal "
        f"preference. Bars: 95% intervals over n = {agents['seed'].n_unique()} training seeds (Student's t). The title's "
        "numbers are means of the lines."
    )
    return Drawn("methods-why", title, figure, caption)


def page(agents: pl.DataFrame, predictions: Sequence[Checked], figure: Drawn, planned: int) -> str:
    """Format the page, without its header. planned: the number of agents that the study plans."""
    states = [prediction.found for prediction in predictions]
    recorded = agents.filter(pl.col("study") == STUDY).height
    incomplete = (
        f"**Incomplete.** {recorded} of {planned} agents are recorded, so what is judged is preliminary."
    )
    lines = [
        "# Why replay by exact regret does not do what was published",
        "",
        "**Question.** Replay by exact regret (PLR⊥) spends about half of its learned steps on distinguishing levels at every "
        "α, and yet needs a larger α than domain "
        "randomization ([methods](methods.md)), where published results say the reverse. Why?",
        "",
        f"Of the {len(states)} predictions of [the plan](methods-why-plan.md), committed before any run of this study, "
        f"{states.count(HOLDS)} hold and "
        f"{states.count(FAILS)} do not.",
        "",
        *([incomplete, ""] if recorded < planned else []),
        *shown(figure),
        *section("Predictions", [_line(prediction) for prediction in predictions]),
        *section("Number of different levels, and fraction of the steps", _instrument(agents)),
        *section("Pool, steps and the negative control", _arms(agents)),
        *section("What it does not show", _limits(agents)),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _line(prediction: Checked) -> str:
    words = f"{prediction.words[:1].upper()}{prediction.words[1:]}."
    return f"- **{prediction.name}**: {prediction.found}. {words}"


def _instrument(agents: pl.DataFrame) -> list[str]:
    rows = [
        [
            "fraction of the steps",
            "different levels",
            "n",
            "goal preference",
            "goal first of all episodes",
            "capability",
            "effective α",
        ]
    ]
    for share, own in shares(agents):
        for (m,), part in own.group_by("parameter", maintain_order=True):
            rows.append([share, f"{float(str(m)):,.0f}", f"{part.height}", *_cells(part)])
    return [
        *markdown(rows),
        "",
        "The method `fixed_share` asks the planner which training levels are distinguishing; it is an instrument and no cure. "
        "Brackets: 95% intervals over training "
        "seeds (Student's t); sampled actions; every agent is in every column, whatever its capability.",
    ]


def _arms(agents: pl.DataFrame) -> list[str]:
    rows = [
        ["agents", "α", "n", "goal preference", "goal first of all episodes", "capability", "effective α"]
    ]
    for method, words in ARMS.items():
        own = agents.filter(pl.col("method") == method).sort("parameter")
        for (alpha,), part in own.group_by("parameter", maintain_order=True):
            rows.append([words, f"{float(str(alpha)):g}", f"{part.height}", *_cells(part)])
    return [
        *markdown(rows),
        "",
        "Agents with 1 million steps and 50,000 levels are those of [methods](methods.md) with the same training seeds.",
    ]


def _cells(part: pl.DataFrame) -> list[str]:
    shown_cells = []
    for measure in ("preference", "goal_first", "capability", "effective_alpha"):
        spread = over_seeds(part[measure].to_list(), most=1.0)
        if spread is None:
            shown_cells.append("– (n = 0)")
            continue
        value, low, high, n = spread
        few = f" (n = {n:.0f})" if n < part.height else ""
        shown_cells.append(f"{value:.2f} [{low:.2f}, {high:.2f}]{few}")
    return shown_cells


def _limits(agents: pl.DataFrame) -> list[str]:
    n = agents["seed"].n_unique()
    return [
        "- Four times the steps are 4 million, fifty times fewer than published; world, net and observation are others, too. "
        "An explanation that fails here can still be "
        "right there.",
        f"- {n} seeds per point can miss a kind of agent that up to {percent(unseen_share(n))} of seeds produce (95% confidence).",
    ]
