"""Study figures, from the table of `summary.csv` alone: one function per figure, in the report's style.

Titles state what the data show (`findings.py`); every caption states the numbers of training seeds and levels, and what the bars
are. Blue is the goal. Names are written on the lines. Read next: `points_chart.py`, rows of points;
`experiments/measurement/study_curves.py`, the data; `study_axes.py`, the axes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import polars as pl

from ...measurement.study_curves import (
    MAIN,
    Spot,
    arms_of,
    crossing,
    curve,
    eval_series,
    links,
    over_seeds,
    own,
    parameter,
    verdicts,
)
from ...measurement.verdict.kinds import preferences_judged
from ...measurement.verdict.rules import LOST
from ...measurement.verdict.thresholds import Thresholds
from ..data import WorldWords
from .charts import LINES, PALETTE
from .critical_alpha import critical_alpha, critical_words
from .drawn import Drawn, study_style
from .findings import (
    ArmNames,
    alpha_title,
    bare,
    gap_title,
    link_words,
    links_title,
    plain_value,
    seeds_title,
)
from .points_chart import key_of, over_key
from .study_axes import canvas, dots, line, log_with_zero, percent_axis, spell_n, spell_steps, write

VERDICT_COLOURS = {
    "ALIGNED": PALETTE["goal"],
    "MISGENERALIZED": PALETTE["proxy"],
    "MIXED": PALETTE["agent-1"],
    "CAPABILITY LOSS": PALETTE["muted"],
    "INCONCLUSIVE": PALETTE["rule"],
}
SHOWN_LINKS = 14
BINS = 100


def draw(
    kind: str, table: pl.DataFrame, words: WorldWords | None = None, naming: ArmNames | None = None
) -> list[Drawn]:
    """Draw the figures of one kind of study; omits those for which the table has no data.

    words: of the study's world; naming: of the study's arms.
    """
    words, naming = words or WorldWords(""), naming or ArmNames()
    with study_style():
        drawings = [figure(table, words, naming) for figure in FIGURES[kind]]
    return [drawing for drawing in drawings if drawing is not None]


def alpha_lines(table: pl.DataFrame, words: WorldWords, _naming: ArmNames) -> Drawn | None:
    """Draw goal preference, capability and the agents that cannot see the goal over α, the fraction of varied levels."""
    key = key_of(table)
    spots = curve(table, "preference", key)
    if not spots:
        return None
    able = curve(table, "capability", key)
    blind = [
        spot for arm in arms_of(table)[1:] for spot in _competent(table, curve(table, "preference", key, arm))
    ]
    figure, axes = canvas(f"training levels with {words.goal} anywhere", height=330)
    alpha = critical_alpha(table)
    scale = log_with_zero(axes, [parameter(spot.x) for spot in spots], alpha.value)
    xs = [scale.place(parameter(spot.x)) for spot in spots]
    raw = crossing(xs, spots)
    axes.axhline(50, color=PALETTE["muted"], linewidth=1, linestyle=LINES[2])
    if raw.value is not None:
        low, high = (xs[end] if at is None else at for end, at in ((0, raw.low), (-1, raw.high)))
        axes.axvspan(low, high, color=PALETTE["rule"], alpha=0.6, linewidth=0)
    line(axes, scale, able, PALETTE["ink"], 1)
    line(axes, scale, blind, PALETTE["muted"], 2)
    dots(axes, scale, preferences_judged(table, key), PALETTE["goal"])
    line(axes, scale, spots, PALETTE["goal"], 0)
    percent_axis(axes)
    if able:
        write(
            axes,
            xs[0],
            100 * able[0].value - 9,
            f"levels as in training: {bare(words.goal)} taken",
            PALETTE["ink"],
        )
    write(
        axes,
        xs[0],
        100 * spots[0].value + 17,
        f"{bare(words.goal)} moved:\n{bare(words.goal)} first",
        PALETTE["goal"],
    )
    if blind:
        write(axes, xs[-1], 4, f"agents that cannot see {words.goal}", PALETTE["muted"], ha="right")
    unseen = "; dotted: goal first, by agents that cannot see the goal, where they learned to play" * bool(
        blind
    )
    caption = (
        "How often the goal comes first where goal or proxy is reached, on held-out distinguishing levels with the goal moved "
        "(solid; small dots: single agents), and how often it is reached on held-out levels of the training kind (dashed)"
        f"{unseen}. {critical_words(alpha)} {spell_n(spots)}. "
        "Bars: 95% intervals over seeds and levels; the band: every α at which one half lies within them."
    )
    return Drawn("alpha", alpha_title(alpha, able, spots, words), figure, caption)


def _competent(table: pl.DataFrame, spots: list[Spot]) -> list[Spot]:
    """Leave out the points whose agents together did not learn to play."""
    lost = (pl.col("measure") == "verdict") & pl.col("seed").is_null() & (pl.col("words") == LOST)
    names = set(table.filter(lost)["point"])
    return [spot for spot in spots if spot.point not in names]


def seeds_histogram(table: pl.DataFrame, words: WorldWords, _naming: ArmNames) -> Drawn | None:
    """Draw a histogram of the goal preference of single agents that differ only in the seed."""
    point = str(table["point"][0])
    agents = [(seed, spot) for seed, spot in own(table, "preference", "") if spot.point == point]
    if not agents:
        return None
    judged = verdicts(table, point)
    figure, axes = canvas(f"how often one agent reaches {words.goal} first", left=46, right=26, height=250)
    kinds = [kind for kind in VERDICT_COLOURS if kind in judged.values()]
    values = [[100 * spot.value for seed, spot in agents if judged.get(seed) == kind] for kind in kinds]
    counts, *_ = axes.hist(
        values,
        bins=np.linspace(0, 100, BINS + 1).tolist(),
        stacked=True,
        color=[VERDICT_COLOURS[kind] for kind in kinds],
        rwidth=0.85,
    )
    top = 1.35 * float(np.max(counts))
    limits = Thresholds()
    for low, high, kind, label in (
        (0, 100 * limits.proxy_preferred, "proxy", f"{bare(words.proxy)} first"),
        (100 * limits.aligned, 100, "goal", f"{bare(words.goal)}\nfirst"),
    ):
        axes.axvspan(low, high, color=PALETTE[kind], alpha=0.08, linewidth=0)
        write(axes, (low + high) / 2, 0.93 * top, label, PALETTE[kind], ha="center", va="top")
    for kind, some in zip(kinds, values, strict=True):
        label = f"{len(some)} agents:\n{_ends(some)}" if len(some) > 1 else f"1 agent: {some[0]:.0f}%"
        near = max(some) + 2 if max(some) < 60 else min(some) - 2
        colour = VERDICT_COLOURS[kind] if kind != "INCONCLUSIVE" else PALETTE["muted"]
        write(
            axes, near, 0.45 * top, label, colour, ha="left" if max(some) < 60 else "right", fontweight="bold"
        )
    axes.set_ylim(0, top)
    axes.set_xlim(0, 100)
    axes.set_xticks([0, 25, 50, 80, 100], ["0%", "25%", "50%", "80%", "100%"])
    axes.set_ylabel("agents")
    axes.locator_params(axis="y", integer=True, nbins=4)
    together = next((spot for spot in curve(table, "preference", "") if spot.point == point), None)
    mean = (
        f" Their mean is {together.value:.2f} [{together.low:.2f}, {together.high:.2f}]." if together else ""
    )
    ns = [spot.n for _, spot in agents]
    caption = (
        f"n = {len(agents)} agents that differ in nothing but the training seed, each on {min(ns):,} to {max(ns):,} distinguishing "
        f"levels on which it reached goal or proxy; colours: the verdict on each by itself.{mean} "
        "Brackets: a 95% interval over seeds and levels."
    )
    return Drawn("seeds", seeds_title(list(judged.values())), figure, caption)


def _ends(values: list[float]) -> str:
    low, high = round(min(values)), round(max(values))
    return f"{low}%" if low == high else f"{low} to {high}%"


def seeds_links(table: pl.DataFrame, words: WorldWords, _naming: ArmNames) -> Drawn | None:
    """Draw rank correlations of training statistics with the final agent's goal preference."""
    looks = links(table, str(table["point"][0]))
    groups = [[link for link in looks if link.shifted == shifted] for shifted in (False, True)]
    groups[0] = groups[0][: SHOWN_LINKS // 2]
    groups[1] = groups[1][: SHOWN_LINKS - len(groups[0])]
    chosen = [link for group in groups for link in group]
    if not chosen:
        return None
    places, heads, y = [], [], 0.0
    for group, heading in zip(
        groups, ("What training shows", f"Evaluations with {words.goal} moved"), strict=True
    ):
        if group:
            heads.append((y, heading, PALETTE["ink"] if not places else PALETTE["proxy"]))
            places += [y + 1 + k for k in range(len(group))]
            y = places[-1] + 1.4
    figure, axes = canvas("rank correlation with goal preference", left=190, right=20, height=60 + 23 * y)
    for place, link in zip(places, chosen, strict=True):
        colour = PALETTE["proxy"] if link.shifted else PALETTE["ink"]
        axes.errorbar(
            link.value,
            place,
            xerr=[[link.value - link.low], [link.high - link.value]],
            color=colour,
            elinewidth=1.8,
            fmt="s" if link.shifted else "o",
            markersize=6,
            markerfacecolor=PALETTE["paper"] if link.shifted else colour,
        )
    for place, heading, colour in heads:
        write(
            axes,
            -0.78,
            place,
            heading,
            colour,
            ha="left",
            fontweight="bold",
            transform=axes.get_yaxis_transform(),
        )
    axes.axvline(0, color=PALETTE["muted"], linewidth=1)
    axes.set_xlim(-1.02, 1.02)
    axes.set_xticks([-1, 0, 1], ["−1", "0", "1"])
    axes.set_ylim(y - 0.6, -0.6)
    axes.set_yticks(places, [link_words(link.name, link.step) for link in chosen])
    axes.grid(visible=True, axis="x")
    axes.grid(visible=False, axis="y")
    caption = (
        f"Spearman’s rank correlation, over agents. Filled: what training itself shows; open: evaluations on levels with the goal "
        f"moved, which training does not show. n = {max(link.n for link in chosen)} agents; bars: 95% intervals, each by itself; "
        f"after Holm’s correction for {len(looks)} looks, {sum(link.established for link in looks)} of them differ from zero; the "
        "strongest of each kind are shown."
    )
    return Drawn("seeds-links", links_title(looks), figure, caption)


def capability_over_time(table: pl.DataFrame, words: WorldWords, _naming: ArmNames) -> Drawn | None:
    """Draw goal reached (control) and goal first (after the move) over training time: one pair of lines per point."""
    names = table.filter(pl.col("arm") == MAIN)["point"].unique(maintain_order=True).to_list()
    key, n, ends = key_of(table), set(), []
    figure, axes = canvas("environment steps", right=92 if len(names) > 1 else 30, height=330)
    for k, name in enumerate(names[:4]):
        rows = table.filter(pl.col("point") == name)
        label = str(rows[key][0]) if key in rows.columns and rows[key][0] is not None else name
        for what, colour in (("reached", PALETTE["ink"]), ("goal_first", PALETTE["goal"])):
            series = eval_series(table, what, name)
            probes = over_seeds(series)
            if not probes:
                continue
            n.add(len(series))
            steps, means, lows, highs = (np.array(column) for column in zip(*probes, strict=True))
            axes.plot(steps, 100 * means, color=colour, linestyle=LINES[k], marker="os^D"[k], markersize=4)
            axes.fill_between(steps, 100 * lows, 100 * highs, color=colour, alpha=0.12, linewidth=0)
            ends.append((what, plain_value(key, label), steps[-1], 100 * means[0], 100 * means[-1], k))
    if not n:
        return None
    percent_axis(axes)
    axes.set_xlim(left=0)
    middle = 0.5 * axes.get_xlim()[1]
    write(
        axes,
        middle,
        89,
        f"levels as in training:\n{bare(words.goal)} taken",
        PALETTE["ink"],
        ha="center",
        va="top",
    )
    write(
        axes,
        middle,
        29,
        f"{bare(words.goal)} moved: {bare(words.goal)} first",
        PALETTE["goal"],
        ha="center",
        va="bottom",
    )
    first = [end for end in ends if end[0] == "goal_first"]
    if len(names) > 1:
        _end_names(axes, first)
    axes.locator_params(axis="x", nbins=3)
    axes.xaxis.set_major_formatter(lambda x, _: spell_steps(x))
    caption = (
        f"Blue: goal first on the probe’s distinguishing levels with the goal moved; dark: goal reached on levels as in training. "
        f"n = {_range(n)} training seeds per line, means; bands: 95% intervals over seeds (Student’s t)."
    )
    able = [end for end in ends if end[0] == "reached"]
    title = gap_title([end[3:5] for end in able], [end[3:5] for end in first], words)
    return Drawn("capability", title, figure, caption)


def _end_names(axes, ends: list[tuple]) -> None:
    """Write the lines' names at the right, with their marks, in the order of their ends and without overlap."""
    ordered = sorted(ends, key=lambda end: end[4])
    step = 7.5
    start = min(max(0.0, ordered[0][4] - step * (len(ordered) - 1) / 2), 100 - step * len(ordered))
    at = axes.get_xlim()[1]
    for k, (_, name, _, _, _, mark) in enumerate(ordered):
        write(axes, at, start + step * k, f"{'●■▲◆'[mark]} {name}", PALETTE["goal"], ha="left")


FIGURES: Mapping[str, tuple[Callable[[pl.DataFrame, WorldWords, ArmNames], Drawn | None], ...]] = {
    "alpha": (alpha_lines,),
    "seeds": (seeds_histogram, seeds_links),
    "capability": (capability_over_time, over_key),
    "right_fraction": (over_key,),
    "salience": (over_key,),
    "levels": (over_key,),
    "plain": (over_key,),
}


def _range(numbers: set[int]) -> str:
    return str(min(numbers)) if len(numbers) == 1 else f"{min(numbers)} to {max(numbers)}"
