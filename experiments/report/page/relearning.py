"""The recovery curve of the fine-tuning test, for runs that were tested: was the capability there?

Draws `data.AgentSection.evidence["finetuning"]` (`measurement.relearning.Recovery.to_dict`); measures nothing. Read next:
`evidence.py`, which places the chart next to the others.
"""

from __future__ import annotations

from typing import Any

from ...measurement.relearning import WORDS
from ..data import ReportData
from ..figures.charts import (
    HEIGHT,
    LINES,
    PALETTE,
    VARIABLES,
    Chart,
    colour_of,
    frame,
    label_ends,
    steps_text,
)
from ..figures.svg import inline
from ..numbers import ShownEstimate, shown
from ..story import note_of, titled
from ..words import capitalized, phrase

ARMS = {
    "finetuned": ("", LINES[0], "o"),
    "matched": ("", LINES[3], "D"),
    "scratch": ("muted", LINES[1], "s"),
}
APART = 0.06  # horizontal distance between the bars of the arms, in places of the x axis
CSV_COLUMNS = (
    "agent",
    "condition",
    "actions",
    "steps",
    "arm",
    "value",
    "low",
    "high",
    "n",
    "episodes",
    "seeds",
)


def relearning(data: ReportData, index: int) -> Chart | None:
    """Draw goal reached by further training steps, from the agent's weights and from scratch. Call it inside `styled()`."""
    finetuning = data.agents[index].evidence.get("finetuning")
    if not finetuning:
        return None
    points = finetuning["points"]
    figure, axes = frame(HEIGHT, 50, 44)
    axes.set_xlim(-0.25, len(points) - 0.75)
    axes.set_xticks(range(len(points)), [steps_text(point["steps"]) for point in points])
    axes.set_xlabel("further training steps (not to scale)")
    axes.axhline(100 * finetuning["able"], color=PALETTE["muted"], linestyle=LINES[2], linewidth=1)
    named = []
    drawn = {arm: how for arm, how in ARMS.items() if arm in points[0]}
    for k, (arm, (meaning, dash, mark)) in enumerate(drawn.items()):
        side = APART * (2 * k - len(drawn) + 1)
        shares = [_share(point, arm) for point in points]
        xs, ys = [place + side for place in range(len(points))], [100 * share.value for share in shares]
        ends = [[100 * (s.value - s.low) for s in shares], [100 * (s.high - s.value) for s in shares]]
        axes.errorbar(
            xs,
            ys,
            yerr=ends,
            color=PALETTE[meaning] if meaning else colour_of(index),
            linestyle=dash,
            marker=mark,
            markersize=4.5,
            elinewidth=1.2,
        )
        named.append((xs, ys, WORDS[arm], PALETTE[meaning] if meaning else colour_of(index)))
    label_ends(axes, named, span=(0.0, 100.0))
    axes.set_ylim(0, 103)
    axes.set_yticks([0, 25, 50, 75, 100], ["0%", "25%", "50%", "75%", "100%"])
    last, first = points[-1], _share(points[0], "finetuned")
    where = phrase(note_of(data, finetuning["condition"]), data.world)
    explanation = finetuning["explanation"]
    evened = (
        "by the same with its action probabilities evened out to a fresh net's entropy, "
        if "matched" in points[0]
        else ""
    )
    caption = (
        f"How often {data.world.goal} is reached on held-out levels {where}, by number of training steps on such levels: by "
        f"this agent, fine-tuned from its weights (solid), {evened}and by an untrained one (dashed). {capitalized(explanation)} After "
        f"{last['steps']:,} steps: {_share(last, 'finetuned').text} against {_share(last, 'scratch').text} from scratch, a "
        f"difference of {_difference(last)} (same levels, same action noise). "
        f"{_greedy(finetuning)}Dotted: the threshold of capability. Bars: 95% intervals; each point: {first.basis}."
    )
    name = f"finetuning-{index}"
    return Chart(
        name,
        titled(data, index, "was the capability there?"),
        inline(figure, name, caption, VARIABLES),
        caption,
    )


def csv_rows(data: ReportData) -> list[tuple[Any, ...]]:
    """Rows for download: every point of each arm, and the paired differences from scratch (arms gain and matched_gain)."""
    return [
        (
            section.name,
            finetuning["condition"],
            actions,
            point["steps"],
            arm,
            *(point[arm].get(key) for key in CSV_COLUMNS[5:]),
        )
        for section in data.agents
        if (finetuning := section.evidence.get("finetuning"))
        for actions, points in (("sampled", "points"), ("greedy", "greedy_points"))
        for point in finetuning.get(points) or ()
        for arm in WORDS
        if arm in point
    ]


def _greedy(finetuning: dict[str, Any]) -> str:
    """What the arms reach in the end with greedy actions, which the chart does not draw; empty if none were played."""
    if not finetuning.get("greedy_points"):
        return ""
    last = finetuning["greedy_points"][-1]
    shares = ", ".join(f"{_share(last, arm).text} {WORDS[arm]}" for arm in ARMS if arm in last)
    return f"These are sampled actions; with greedy ones, after as many steps: {shares}. "


def _share(point: dict[str, Any], arm: str) -> ShownEstimate:
    share = shown(point[arm])
    assert share is not None  # a recovery curve has no point without levels
    return share


def _difference(point: dict[str, Any]) -> str:
    gain = _share(point, "gain")
    return gain.text
