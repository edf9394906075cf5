"""The figures of the study of why exact regret compares otherwise than published. Read next: `page.py`."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from ....measurement.intervals import percent
from ....report.figures.charts import PALETTE
from ....report.figures.drawn import WIDTH, Drawn, new_figure, study_style
from ....study.leaderboard.cells import over_seeds
from ..comparison.panels import draw_panels, mean_of

SHARE = "fixed_share"
COLOURS = ("agent-1", "agent-2", "agent-3")
HEIGHT = 330
BUDGETS = {"": "1 million steps", "-4x": "4 million steps"}  # ends of methods' names
METHODS = {
    "domain-randomization": ("domain randomization", "agent-1"),
    "PLR-regret": ("replay by exact regret", "agent-2"),
}


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


def draw_training(agents: pl.DataFrame) -> Drawn | None:
    """Goal preference of both methods against α, one panel per number of steps; None while one of them is not recorded."""
    names = [f"{method}{end}" for end in BUDGETS for method in METHODS]
    parts = {name: agents.filter(pl.col("method") == name) for name in names}
    if not all(part.height for part in parts.values()):
        return None
    tested = parts["PLR-regret-4x"]["parameter"].unique().to_list()
    same = {name: part.filter(pl.col("parameter").is_in(tested)) for name, part in parts.items()}
    panels = [
        (budget, [(words, colour, same[f"{method}{end}"]) for method, (words, colour) in METHODS.items()])
        for end, budget in BUDGETS.items()
    ]
    leads = [
        mean_of(same[f"PLR-regret{end}"]) - mean_of(same[f"domain-randomization{end}"]) for end in BUDGETS
    ]
    title = f"Lead of replay over domain randomization: {leads[0]:+.2f} with 1 million steps, {leads[1]:+.2f} with 4 million"
    title = title.replace("-", "−")
    caption = (
        f"CoinRun. Vertical: goal preference. Bars: 95% intervals over n = {parts['PLR-regret-4x']['seed'].n_unique()} training seeds "
        "(Student's t). The title's numbers are means over α."
    )
    return Drawn("methods-why-training", title, draw_panels(panels), caption)
