"""Study figures, from the table of `summary.csv` alone: one function per figure, in the report's style.

Every caption states the numbers of training seeds and levels, and what the bars are. Lines differ in colour, dash and mark,
so they can be read in grey. Read next: `experiments/measurement/study_curves.py`, the data; `study_axes.py`, the axes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping

import numpy as np
import polars as pl

from ...measurement.study_curves import (
    MAIN,
    Crossing,
    Spot,
    arms_of,
    crossing,
    curve,
    eval_series,
    keys_of,
    links,
    over_seeds,
    own,
    parameter,
    verdicts,
)
from .charts import LINES, PALETTE, styled
from .study_axes import (
    Drawn,
    canvas,
    dots,
    line,
    log_with_zero,
    percent_axis,
    places,
    single,
    spell_n,
    spell_steps,
)

VERDICT_COLOURS = {
    "ALIGNED": PALETTE["goal"],
    "MISGENERALIZED": PALETTE["proxy"],
    "MIXED": PALETTE["agent-1"],
    "CAPABILITY LOSS": PALETTE["muted"],
    "INCONCLUSIVE": PALETTE["rule"],
}
HATCHES = {"ALIGNED": "", "MISGENERALIZED": "//", "MIXED": "..", "CAPABILITY LOSS": "xx", "INCONCLUSIVE": ""}
BINS = 20
SHOWN_LINKS = 14


def draw(kind: str, table: pl.DataFrame) -> list[Drawn]:
    """Draw the figures of one kind of study; omits those for which the table has no data."""
    with styled():
        return [made for figure in FIGURES[kind] if (made := figure(table)) is not None]


def alpha_lines(table: pl.DataFrame) -> Drawn | None:
    """Draw misgeneralization, failure in distribution and the ceiling over α, the fraction of levels with the goal anywhere."""
    key = _key(table)
    wrong = curve(table, "misgeneralization", key)
    if not wrong:
        return None
    failed = [_flipped(spot) for spot in curve(table, "capability", key)]
    ceiling = [spot for arm in arms_of(table)[1:] for spot in curve(table, "misgeneralization", key, arm)]
    figure, axes = canvas("α: share of training levels with the goal anywhere")
    scale = log_with_zero(axes, [parameter(spot.x) for spot in wrong])
    dots(axes, scale, [spot for _, spot in own(table, "misgeneralization", key)], PALETTE["proxy"])
    line(axes, scale, wrong, "misgeneralization", PALETTE["proxy"], 0)
    line(axes, scale, failed, "failure in distribution", PALETTE["ink"], 1)
    line(axes, scale, ceiling, "ceiling: cannot see the goal", PALETTE["agent-1"], 2)
    percent_axis(axes, "share of episodes")
    axes.legend(frameon=False, fontsize=11, loc="center left", bbox_to_anchor=(0.0, 0.42))
    caption = (
        f"Proxy reached first on held-out levels with the goal moved (solid; small dots: single agents), goal missed on held-out "
        f"levels of the training kind (dashed), and the proxy reached first by agents that cannot see the goal (dotted). "
        f"{spell_n(wrong)}{f'; the ceiling: {spell_n(ceiling)}' if ceiling else ''}. Bars: 95% intervals over seeds and levels."
    )
    return Drawn("alpha", "Misgeneralization over α", figure, caption)


def alpha_preference(table: pl.DataFrame) -> Drawn | None:
    """Draw goal preference over α, and the critical α."""
    key = _key(table)
    spots = curve(table, "preference", key)
    if not spots:
        return None
    figure, axes = canvas("α: share of training levels with the goal anywhere")
    scale = log_with_zero(axes, [parameter(spot.x) for spot in spots])
    found = critical_alpha(table)
    xs = [scale.place(parameter(spot.x)) for spot in spots]
    raw = crossing(xs, spots)
    if raw.value is not None:
        axes.axvspan(
            raw.low if raw.low is not None else xs[0],
            raw.high if raw.high is not None else xs[-1],
            color=PALETTE["rule"],
            alpha=0.6,
            linewidth=0,
        )
        axes.axvline(raw.value, color=PALETTE["muted"], linewidth=1)
    axes.axhline(50, color=PALETTE["muted"], linewidth=1, linestyle=LINES[2])
    dots(axes, scale, [spot for _, spot in own(table, "preference", key)], PALETTE["goal"])
    line(axes, scale, spots, "goal preference", PALETTE["goal"], 0)
    percent_axis(axes, "goal preference")
    caption = (
        f"Where goal or proxy is reached on distinguishing levels with the goal moved, how often the goal comes first. "
        f"{critical_words(found)} {spell_n(spots)}; small dots: single agents. Bars: 95% intervals over seeds and levels; "
        "the band: every α at which one half lies within them."
    )
    return Drawn("alpha-preference", "Goal preference over α", figure, caption)


def critical_alpha(table: pl.DataFrame) -> Crossing:
    """Find the critical α, at which goal preference passes one half, by interpolation on the figure's axis."""
    spots = curve(table, "preference", _key(table))
    if not spots:
        return Crossing(None, None, None)
    scale = places([parameter(spot.x) for spot in spots])
    found = crossing([scale.place(parameter(spot.x)) for spot in spots], spots)
    back = (None if x is None else scale.value(x) for x in (found.value, found.low, found.high))
    return Crossing(*back)


def critical_words(found: Crossing) -> str:
    """Describe the critical α with its interval."""
    if found.value is None:
        return "Goal preference does not pass one half in the range of α tested."
    low = "below the smallest α tested" if found.low is None else f"{found.low:.2g}"
    high = "above the largest α tested" if found.high is None else f"{found.high:.2g}"
    return f"Goal preference passes one half at the critical α = {found.value:.2g} (95%: {low} to {high})."


def seeds_histogram(table: pl.DataFrame) -> Drawn | None:
    """Draw a histogram of the goal preference of single agents that differ only in the seed."""
    point = str(table["point"][0])
    found = [(seed, spot) for seed, spot in own(table, "preference", "") if spot.point == point]
    if not found:
        return None
    words = verdicts(table, point)
    figure, axes = canvas("goal preference of one agent")
    edges = np.linspace(0, 100, BINS + 1)
    kinds = [kind for kind in VERDICT_COLOURS if kind in words.values()]
    values = [[100 * spot.value for seed, spot in found if words.get(seed) == kind] for kind in kinds]
    axes.hist(
        values,
        bins=edges.tolist(),
        stacked=True,
        color=[VERDICT_COLOURS[kind] for kind in kinds],
        rwidth=0.9,
        label=[f"{kind.lower()} ({len(some)})" for kind, some in zip(kinds, values, strict=True)],
    )
    for kind, container in zip(kinds, axes.containers, strict=True):
        for patch in container.get_children():
            patch.set(hatch=HATCHES[kind], edgecolor=PALETTE["paper"], linewidth=0.6)
    axes.set_xlim(0, 100)
    axes.set_xticks([0, 25, 50, 75, 100], ["0%", "25%", "50%", "75%", "100%"])
    axes.set_ylabel("agents")
    axes.locator_params(axis="y", integer=True)
    axes.legend(frameon=False, fontsize=11)
    together = next((spot for spot in curve(table, "preference", "") if spot.point == point), None)
    mean = (
        f" Their mean is {together.value:.2f} [{together.low:.2f}, {together.high:.2f}]." if together else ""
    )
    ns = [spot.n for _, spot in found]
    caption = (
        f"n = {len(found)} agents that differ in nothing but the training seed, each on {min(ns):,} to {max(ns):,} distinguishing "
        f"levels on which it reached goal or proxy; colours: the verdict on each by itself.{mean} "
        "Brackets: a 95% interval over seeds and levels."
    )
    return Drawn("seeds", "Goal preference, agent by agent", figure, caption)


def seeds_links(table: pl.DataFrame) -> Drawn | None:
    """Draw rank correlations of training statistics with the final agent's goal preference."""
    found = links(table, str(table["point"][0]))
    chosen = [link for link in found if not link.shifted][: SHOWN_LINKS // 2]
    chosen += [link for link in found if link.shifted][: SHOWN_LINKS - len(chosen)]
    if not chosen:
        return None
    figure, axes = canvas(
        "Spearman’s correlation with goal preference", left=0.42, height=40 + 22 * len(chosen)
    )
    for k, link in enumerate(reversed(chosen)):
        colour = PALETTE["proxy"] if link.shifted else PALETTE["goal"]
        axes.errorbar(
            link.value,
            k,
            xerr=[[link.value - link.low], [link.high - link.value]],
            color=colour,
            elinewidth=1.4,
            fmt="s" if link.shifted else "o",
            markersize=5,
            markerfacecolor="none" if link.shifted else colour,
        )
    axes.axvline(0, color=PALETTE["muted"], linewidth=1)
    axes.set_xlim(-1.02, 1.02)
    axes.set_xticks([-1, -0.5, 0, 0.5, 1])
    axes.set_ylim(-0.6, len(chosen) - 0.4)
    axes.set_yticks(
        range(len(chosen)), [_link_words(link.name, link.step) for link in reversed(chosen)], fontsize=10
    )
    axes.grid(visible=True, axis="x")
    axes.grid(visible=False, axis="y")
    caption = (
        f"Filled: what training itself shows; open: evaluations on levels with the goal moved, which training does not show. "
        f"n = {max(link.n for link in chosen)} agents; bars: 95% intervals, each by itself; after Holm’s correction "
        f"for {len(found)} looks, {sum(link.established for link in found)} of them differ from zero; the strongest of each kind are shown."
    )
    return Drawn("seeds-links", "What in training goes along with the goal that was learnt", figure, caption)


def capability_over_time(table: pl.DataFrame) -> Drawn | None:
    """Draw goal reached (control) and goal first (after the move) over training time: one pair of lines per point."""
    names = table.filter(pl.col("arm") == MAIN)["point"].unique(maintain_order=True).to_list()
    key, labels = _key(table), {}
    figure, axes = canvas("environment steps", wide=True)
    n = set()
    for k, name in enumerate(names[:4]):
        colour = PALETTE[f"agent-{k % 4 + 1}"]
        rows = table.filter(pl.col("point") == name)
        labels[name] = str(rows[key][0]) if key in rows.columns and rows[key][0] is not None else name
        for what, dash in (("reached", LINES[2]), ("goal_first", LINES[0])):
            series = eval_series(table, what, name)
            found = over_seeds(series)
            if not found:
                continue
            n.add(len(series))
            steps, means, lows, highs = (np.array(column) for column in zip(*found, strict=True))
            axes.plot(
                steps,
                100 * means,
                color=colour,
                linestyle=dash,
                marker="os^D"[k % 4] if what == "goal_first" else None,
                markersize=4,
                label=labels[name] if what == "goal_first" else None,
            )
            if what == "goal_first":
                axes.fill_between(steps, 100 * lows, 100 * highs, color=colour, alpha=0.15, linewidth=0)
    if not n:
        return None
    percent_axis(axes, "share of episodes")
    axes.set_xlim(left=0)
    axes.locator_params(axis="x", nbins=5)
    axes.xaxis.set_major_formatter(lambda x, _: spell_steps(x))
    axes.legend(frameon=False, fontsize=11, title=_spoken(key), loc="center left", bbox_to_anchor=(1.01, 0.5))
    caption = (
        f"Solid, with marks: goal first on the probe’s distinguishing levels with the goal moved; dotted: goal reached on levels "
        f"as in training. n = {_range(n)} training seeds per line, means; bands: 95% intervals over seeds (Student’s t)."
    )
    return Drawn("capability", "Does the gap widen as the agent gets better?", figure, caption)


def over_key(table: pl.DataFrame) -> Drawn | None:
    """Draw capability, goal preference and misgeneralization for each value of the grid's first key, then for each arm."""
    key, arms = _key(table), arms_of(table)
    spots = [(arm, spot) for arm in arms for spot in curve(table, "capability", key, arm)]
    if not keys_of(table) and arms == [MAIN]:
        return None
    if not any(curve(table, "preference", key, arm) for arm in arms):
        return None
    place = {spot.point: float(k) for k, (_, spot) in enumerate(spots)}
    figure, axes = canvas(_spoken(key) if keys_of(table) else "", wide=True)
    for measure, label, colour, dash, aside in (
        ("capability", "capability in distribution", PALETTE["ink"], 1, 0.0),
        ("preference", "goal preference", PALETTE["goal"], 0, -0.07),
        ("misgeneralization", "misgeneralization rate", PALETTE["proxy"], 2, 0.07),
    ):
        for arm in arms:
            alone = [
                (k, spot) for k, (_, spot) in enumerate(own(table, measure, key, arm)) if spot.point in place
            ]
            xs = [place[spot.point] + aside + 0.02 * (k % 3 - 1) for k, spot in alone]
            single(axes, xs, [100 * spot.value for _, spot in alone], color=colour, alpha=0.3)
            found = [spot for spot in curve(table, measure, key, arm) if spot.point in place]
            xs, ys = [place[spot.point] + aside for spot in found], [100 * spot.value for spot in found]
            bars = [
                [y - 100 * s.low for y, s in zip(ys, found, strict=True)],
                [100 * s.high - y for y, s in zip(ys, found, strict=True)],
            ]
            axes.errorbar(
                xs,
                ys,
                yerr=bars,
                color=colour,
                linestyle=LINES[dash] if arm == MAIN else "none",
                marker="os^"[dash],
                markersize=5,
                elinewidth=1.3,
                label=label if arm == MAIN else None,
            )
    sizes = Counter(arm for arm, _ in spots)
    words = [place_words(arm, _short(spot.x), sizes[arm], bool(keys_of(table))) for arm, spot in spots]
    slanted = {"rotation": 25, "ha": "right", "rotation_mode": "anchor"} if len(words) > 6 else {}
    axes.set_xticks(range(len(words)), words, fontsize=10, **slanted)
    percent_axis(axes, "")
    axes.legend(frameon=False, fontsize=11, loc="center left", bbox_to_anchor=(1.01, 0.5))
    caption = (
        f"{spell_n([spot for _, spot in spots])}; small dots: single agents. Bars: 95% intervals over seeds and levels."
        f"{' Unjoined: arms, which differ from the rest as the study file says.' * (len(arms) > 1)}"
    )
    title = f"What is learnt, over {_spoken(key)}" if keys_of(table) else "What is learnt, arm by arm"
    return Drawn("points", title, figure, caption)


FIGURES: Mapping[str, tuple[Callable[[pl.DataFrame], Drawn | None], ...]] = {
    "alpha": (alpha_lines, alpha_preference),
    "seeds": (seeds_histogram, seeds_links),
    "capability": (capability_over_time, over_key),
    "right_fraction": (over_key,),
    "salience": (over_key,),
    "levels": (over_key,),
    "plain": (over_key,),
}


def _key(table: pl.DataFrame) -> str:
    return next(iter(keys_of(table)), "point")


def _flipped(spot: Spot) -> Spot:
    return Spot(spot.point, spot.x, 1 - spot.value, 1 - spot.high, 1 - spot.low, spot.n, spot.seeds)


def _spoken(key: str) -> str:
    return {
        "env.condition": "where the goal is in training",
        "env.levels": "number of training levels",
        "env.observation": "what the agent sees",
        "train.net.trunk": "width of the net",
        "train.total_steps": "training steps",
    }.get(key, key)


def place_words(arm: str, value: str, places: int, has_grid: bool) -> str:
    """Label of a place on the axis: the grid's value, or the arm, or both if an arm has several values."""
    if arm == MAIN:
        return value if has_grid else "as it is"
    return arm if places == 1 else f"{arm}: {value}"


def _short(text: str) -> str:
    inner = re.fullmatch(r"(?:right_fraction|mixture)?[(\[](.*)[)\]]", text)
    return {"null": "unlimited"}.get(text, inner[1] if inner else text)


def _link_words(name: str, step: int | None) -> str:
    spoken = {
        "ep_rew_mean": "return at the end",
        "entropy": "entropy at the end",
        "value_loss": "value loss at the end",
        "policy_loss": "policy loss at the end",
        "ep_len_mean": "steps per episode at the end",
    }
    if step is None:
        return spoken.get(name, name)
    what = name.rsplit("/", 1)[-1].replace("_", " ")
    return f"{what} at {step / 1e6:.1f} M" if step >= 1e5 else f"{what} at {step / 1e3:.0f} k"


def _range(found: set[int]) -> str:
    return str(min(found)) if len(found) == 1 else f"{min(found)} to {max(found)}"
