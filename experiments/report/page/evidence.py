"""The evidence section of a report: probes, conflict curve, goal attribution, fine-tuning test.

Converts `data.AgentSection.evidence` to table rows and charts; measures nothing. Read next: `template.html`, which places them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...measurement.episodes import FIRST
from ...measurement.metrics import withheld
from ..data import ReportData
from ..figures.charts import HEIGHT, LINES, PALETTE, VARIABLES, Chart, colour_of, frame, styled
from ..figures.svg import inline
from ..numbers import NOTHING, percent, shown
from ..story import note_of, subject, titled
from ..words import phrase
from .relearning import relearning
from .view import ShownAgent


@dataclass(frozen=True)
class EvidenceSection:
    """Charts and notes; `notes` add what tables and charts do not show, and what is missing."""

    charts: tuple[Chart, ...]
    notes: tuple[str, ...]


def evidence(data: ReportData, agents: Sequence[ShownAgent]) -> EvidenceSection | None:
    """Build the evidence section, or None for a report without evidence."""
    if not any(section.evidence for section in data.agents):
        return None
    with styled():
        plotters = (conflict, attribution, relearning)
        charts = [chart for k in range(len(agents)) for draw in plotters if (chart := draw(data, k))]
    notes = [note for k in range(len(agents)) for note in _notes(data, k)]
    return EvidenceSection(tuple(charts), tuple(notes))


def _notes(data: ReportData, index: int) -> list[str]:
    findings, who = data.agents[index].evidence, subject(index, len(data.agents))
    notes = []
    if findings.get("behaviour"):
        notes.append(f"{who}, by the probes: {findings['behaviour']['sentence']}")
    if findings.get("missing"):
        notes.append(
            f"{who} was not evaluated on {', '.join(findings['missing'])}. To add them: goalposts diagnose RUN --evaluate-missing"
        )
    effect = shown(findings.get("goal_effect"))
    why_not = withheld("goal_effect", data.world.name)
    if effect is not None and why_not:
        notes.append(f"{who}: the goal effect is {why_not}.")
    elif effect is None:
        moved = findings.get("shift") or "the shift"
        notes.append(
            f"{who}: the goal effect was {NOTHING}; it needs {moved} and invisible, on the same levels."
        )
    else:
        most = max(abs(effect.low), abs(effect.high))
        words = f"was not found (≤ {percent(most)})" if effect.low <= 0 <= effect.high else "is not zero"
        notes.append(
            f"{who}: drawing {data.world.goal} changes how often its place is touched by {effect.text} "
            f"({effect.basis}): the effect {words}."
        )
    relocated = shown((findings.get("relocation") or {}).get("effect"))
    if relocated is not None:
        places = (
            f"its place under {findings.get('shift')} to its place under {findings['relocation']['other']}"
        )
        notes.append(
            f"{who}: the relocation effect, moving {data.world.goal} from {places} on the "
            f"same layouts, is {relocated.text} ({relocated.basis}); a blind agent's is exactly 0."
        )
    if findings and findings.get("conflict_curve") is None:
        notes.append(
            f"{who}: no conflict curve; it needs 20 distinguishing levels and two different detours."
        )
    notes += [
        f"{who}: {_against_seeing(run)}" for run in findings.get("attribution", ())[:1] if "seeing" in run
    ]
    notes += [f"{who}: {separation['sentence']}." for separation in findings.get("separations", ())]
    if findings.get("no_attribution"):
        notes.append(f"{who}: no attribution; {findings['no_attribution']}.")
    return notes


def _against_seeing(result: Mapping[str, Any]) -> str:
    """What the test against devices that see says of one run's attribution."""
    rows = result["seeing"]["comparisons"]
    leads = {
        n: [r["agents_ahead"] for r in rows if r["episodes"] == n] for n in {r["episodes"] for r in rows}
    }
    shares = "; ".join(f"{_span(leads[n])} nats at {n:,} episode{'s' * (n != 1)}" for n in sorted(leads))
    mixed = result.get("mixture") or ()
    mixture = f" Its episodes are a mixture of {' and '.join(mixed)}." if len(mixed) > 1 else ""
    meanings = {
        "agent-like": "agents that pursue a goal explain its actions better at every number of episodes",
        "device-like": "such devices explain its actions better at every number of episodes",
    }
    kind = meanings.get(
        result["seeing"]["kind"],
        "undecided: which of the two explains its actions better depends on the number of episodes or the prior",
    )
    return f"against devices that see the cells around the agent, {kind} (agents ahead by {shares}).{mixture}"


def _span(leads: Sequence[float]) -> str:
    """Format as `+21 to +23`, or `+4` if both ends round to it."""
    ends = dict.fromkeys(f"{end:+,.0f}" for end in (min(leads), max(leads)))
    return " to ".join(ends).replace("-", "−")


def conflict(data: ReportData, index: int) -> Chart | None:
    """Draw the conflict curve, P(goal first) by detour, with its bins. Call it inside `styled()`."""
    curve = data.agents[index].evidence.get("conflict_curve")
    if not curve:
        return None
    figure, axes = frame(HEIGHT, 50, 44)
    xs, ink = curve["detours"], colour_of(index)
    axes.fill_between(
        xs,
        [100 * y for y in curve["curve_low"]],
        [100 * y for y in curve["curve_high"]],
        color=ink,
        alpha=0.18,
        linewidth=0,
    )
    axes.plot(xs, [100 * y for y in curve["curve"]], color=ink)
    axes.axhline(50, color=PALETTE["muted"], linestyle=LINES[2], linewidth=1)
    for group in curve["bins"]:
        share = group["preference"]
        ends = [[100 * (share["value"] - share["low"])], [100 * (share["high"] - share["value"])]]
        axes.errorbar(
            [group["mean"]],
            [100 * share["value"]],
            yerr=ends,
            fmt="o",
            markersize=4.5,
            color=PALETTE["ink"],
            elinewidth=1.2,
        )
    axes.set_ylim(0, 103)
    axes.set_yticks([0, 25, 50, 75, 100], ["0%", "25%", "50%", "75%", "100%"])
    axes.set_xlim(min(0.0, min(xs)) - 0.4, max(xs) + 0.4)
    axes.locator_params(axis="x", integer=True, nbins=8)
    axes.set_xlabel(f"detour: extra steps via {data.world.goal}")
    slope = curve["slope"]
    where = phrase(note_of(data, curve["condition"]), data.world)
    caption = (
        f"How often {data.world.goal} comes first, where {data.world.goal} or {data.world.proxy} is reached, on levels {where}. "
        f"Line: logistic fit; band and bars: 95% intervals. {curve['explanation']} n = {slope['n']:,} levels, "
        f"{_seeds(slope['seeds'])}."
    )
    if not curve["fits"]:
        caption += " The line misses some of the points: read the points."
    name = f"conflict-{index}"
    words = _of_detours(curve, data.world.goal, data.world.proxy)
    return Chart(name, titled(data, index, words), inline(figure, name, caption, VARIABLES), caption)


def _of_detours(curve: Mapping[str, Any], goal: str, proxy: str) -> str:
    """The finding of a conflict curve, for its title."""
    shares = [group["preference"] for group in curve["bins"]]
    if all(share["low"] > 0.5 for share in shares):
        return f"{goal} first at every detour"
    if all(share["high"] < 0.5 for share in shares):
        return f"{proxy} first at every detour"
    if curve["slope"]["high"] < 0:
        return f"the longer the detour, the rarer {goal} first"
    return f"no clear effect of the detour to {goal}"


def _best_fit(result: Mapping[str, Any]) -> str:
    """The finding of an attribution, for its title."""
    mixed, names = result.get("mixture") or (), [result["best"], *result["tied"]]
    if len(mixed) > 1:
        return f"a mixture of {_quoted(mixed)}"
    return f"{_quoted(names)} {'about equally well' if result['tied'] else 'best'}"


def _quoted(names: Sequence[str]) -> str:
    return " and ".join(f"“{name.replace('_', ' ')}”" for name in names)


def attribution(data: ReportData, index: int) -> Chart | None:
    """Draw the distance of each hypothesis to the best one, in nats. Call it inside `styled()`."""
    attributions = data.agents[index].evidence.get("attribution")
    if not attributions:
        return None
    run = attributions[0]
    rows = run["table"]
    best = max(row["log_evidence"] for row in rows)
    behind = [best - row["log_evidence"] for row in rows]
    agents = [gap for gap, row in zip(behind, rows, strict=True) if row["kind"] == "agent"]
    end = max(1.25 * max(agents), 10.0)
    figure, axes = frame(24 * len(rows) + 54, 104, 40)
    for k, (gap, row) in enumerate(zip(behind, rows, strict=True)):
        device = row["kind"] == "device"
        axes.barh(
            k,
            min(gap, end),
            height=0.64,
            color="none" if device else colour_of(index),
            edgecolor=PALETTE["muted"] if device else colour_of(index),
            hatch="////" if device else None,
            linewidth=0.8,
        )
        text = "best" if gap == 0 else f"{gap:,.0f}" + (" →" if gap > end else "")
        inside = gap > 0.8 * end
        axes.annotate(
            text,
            (min(gap, end), k),
            xytext=(-5 if inside else 5, 0),
            textcoords="offset points",
            fontsize=12,
            ha="right" if inside else "left",
            va="center",
            fontweight="bold",
            color=PALETTE["paper"] if inside and not device else PALETTE["ink"],
            bbox={"facecolor": PALETTE["paper"], "edgecolor": "none", "pad": 1.5}
            if inside and device
            else None,
        )
    axes.set_yticks(range(len(rows)), [row["hypothesis"].replace("_", " ") for row in rows])
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.set_xlim(0, end)
    axes.locator_params(axis="x", nbins=5)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.set_xlabel("nats behind the best")
    tied = f" These levels do not distinguish it from {', '.join(run['tied'])}." if run["tied"] else ""
    caption = (
        f"How much worse each hypothesis explains the actions taken than the best one: {run['best'].replace('_', ' ')}, by "
        f"{run['margin']:,.1f} nats before {run['second'].replace('_', ' ')}, {run['margin'] / max(run['episodes'], 1):.2f} nats "
        f"per episode (3 nats are odds of 20 to 1).{tied} Filled: agents "
        "that pursue something; hatched: devices that pursue nothing. An arrow marks a bar that is cut. Odds of some agent "
        f"against some device that sees nothing: {run['agent_over_device']:+,.0f} nats. n = {run['episodes']:,} levels of "
        f"{run['condition']}, each played once up to the first touch of goal or proxy, "
        f"{run['steps']:,} steps, one trained agent. Nothing is fitted (every free parameter is averaged over), and these are weights of "
        "evidence, not proportions, so they have no interval."
    )
    name = f"attribution-{index}"
    words = f"its actions fit {_best_fit(run)}"
    return Chart(name, titled(data, index, words), inline(figure, name, caption, VARIABLES), caption)


def _seeds(number: int) -> str:
    return "no training seed" if number == 0 else f"{number} training seed{'' if number == 1 else 's'}"


def csv_rows(data: ReportData) -> list[tuple[Any, ...]]:
    """Rows of the probe table for download: agent, condition, chases, each rate with its interval."""
    return [
        (
            section.name,
            row["condition"],
            row["chases"],
            row["levels"],
            *(row[f"{kind}{end}"] for kind in FIRST for end in ("", "_low", "_high")),
        )
        for section in data.agents
        for row in section.evidence.get("probes", ())
    ]


CSV_COLUMNS = (
    "agent",
    "condition",
    "chases",
    "levels",
    *(f"{k}{end}" for k in FIRST for end in ("", "_low", "_high")),
)
