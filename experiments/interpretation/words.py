"""An explanation as text: short tables, and one table of plain answers. Read next: `explain.py`."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from ...envs.worlds.registry import get_world
from ..system.screen import table
from .explain import Explanation
from .influence import GOAL, PROXY, Influence
from .states import CONTROL, SHIFT

USED, NOT_AT_ALL = 0.05, 1e-6  # mean total variation of the policy when the goal is lit in one cell
VALUED = 0.5  # standard deviations of the value
Z = 1.959964
PROBE_COLUMNS = ("shuffled", "control_task", "selectivity", "minus_untrained")
ROLES = {CONTROL: "as in training", SHIFT: "shifted"}


def interval(mean: float | None, error: float | None) -> str:
    """A mean with its 95% interval by level."""
    if mean is None or error is None:
        return "—"
    return f"{mean + 0.0:.2f} [{mean - Z * error + 0.0:.2f}, {mean + Z * error + 0.0:.2f}]".replace("-", "−")


def explanation_text(explanations: Sequence[Explanation]) -> str:
    """Everything that the command prints."""
    world = get_world(explanations[0].world)
    goal, proxy = world.words.get("goal", "the goal"), world.words.get("proxy", "the proxy")
    parts = [
        f"What moves the policy: {goal} placed in one cell of the view, or {proxy}; all cells where it can be",
        influence_text(explanations),
        f"Policy against value: what changes if it is erased from held-out states as in training\n"
        f"  policy: probability that moves to other actions; value: in standard deviations of the agent's values\n"
        f"{effects_text(explanations)}{_null_line(explanations)}",
        *_lines(explanations),
        probes_text(explanations),
        use_text(explanations),
        pair_text(explanations),
        "In words",
        verdict_text(explanations),
    ]
    return "\n".join(part.rstrip("\n") for part in parts if part)


def influence_text(explanations: Sequence[Explanation]) -> str:
    """One row per agent, kind of states and thing."""
    rows = []
    for explanation in explanations:
        for (role, thing), summary in explanation.summaries.items():
            rows.append([explanation.name, ROLES[role], thing, *_cells(summary)])
    heads = ("agent", "states", "placed", "policy moves (0 to 1)", "pull towards it (−2 to 2)", "logits")
    return table(heads, rows) + _counts(explanations)


def _cells(influence: Influence) -> list[str]:
    logits = "—" if influence.logits is None else f"{influence.logits:.2f}"
    return [
        interval(influence.tv, influence.tv_error),
        interval(influence.pull, influence.pull_error),
        logits,
    ]


def _counts(explanations: Sequence[Explanation]) -> str:
    edits = sum(summary.edits for each in explanations for summary in each.summaries.values())
    levels = max(summary.levels for each in explanations for summary in each.summaries.values())
    return (
        f"  in brackets: 95% intervals by level; {levels} levels per kind of states, {edits:,} edits in all. Logits: mean absolute\n"
        "  change of a logit, which shows an influence that a saturated policy hides\n"
    )


def effects_text(explanations: Sequence[Explanation]) -> str:
    """Two columns, policy and value, by agent and what is erased."""
    rows = []
    for explanation in explanations:
        for row in explanation.effects.filter(pl.col("role") == CONTROL).iter_rows(named=True):
            if row["states"]:
                policy = interval(row["policy"], row["policy_error"])
                rows.append(
                    [
                        explanation.name,
                        row["erased"],
                        policy,
                        interval(row["value"], row["value_error"]),
                        row["states"],
                    ]
                )
    return table(("agent", "erased", "policy", "value", "states that show it"), rows)


def probes_text(explanations: Sequence[Explanation]) -> str:
    """One row per agent and representation; "" without probes."""
    rows = []
    for explanation in explanations:
        for row in explanation.probes.iter_rows(named=True):
            numbers = [f"{row[key]:.2f}".replace("-", "−") for key in PROBE_COLUMNS]
            rows.append([explanation.name, row["row"], interval(row["accuracy"], row["error"]), *numbers])
    if not rows:
        return ""
    heads = (
        "agent",
        "read from",
        "accuracy",
        "shuffled labels",
        "control task",
        "selectivity",
        "minus untrained",
    )
    title = "Linear probes: is the goal left or right of the agent? Last hidden layer, tested on other levels"
    return f"{title}\n{table(heads, rows)}"


def use_text(explanations: Sequence[Explanation]) -> str:
    """One row per agent and intervention; "" without interventions."""
    rows = []
    for explanation in explanations:
        for row in explanation.use.iter_rows(named=True):
            spans = "—"
            if row["random_preference"] is not None:
                low, high = row["random_preference_low"], row["random_preference_high"]
                spans = f"{row['random_preference']:.2f} [{low:.2f}, {high:.2f}]"
            able = "—" if row["random_capability"] is None else f"{row['random_capability']:.2f}"
            preference = "—" if row["preference"] is None else f"{row['preference']:.2f}"
            rows.append(
                [explanation.name, row["intervention"], preference, spans, f"{row['capability']:.2f}", able]
            )
    if not rows:
        return ""
    heads = ("agent", "intervention", "goal preference", "random directions", "capability", "random")
    title = "Use: interventions on the last hidden layer in real episodes; random directions: mean [smallest, largest]"
    return f"{title}\n{table(heads, rows)}"


def pair_text(explanations: Sequence[Explanation]) -> str:
    """One row per point between the first two nets and per graft; "" without them."""
    second = next((explanation for explanation in explanations if explanation.pair.height), None)
    if second is None:
        return ""
    rows = []
    for row in second.pair.iter_rows(named=True):
        numbers = [row[key] for key in ("preference", "random_preference", "capability", "random_capability")]
        cells = ["—" if value is None else f"{value:.2f}" for value in numbers]
        if row["change"] == "interpolated":
            change = f"{100 * float(row['what']):g}% of the way"
        else:
            names = (
                (explanations[0].name, second.name)
                if row["into"] == "second"
                else (second.name, explanations[0].name)
            )
            change = f"{row['what']}: {names[0]} into {names[1]}"
        rows.append([change, *cells])
    title = f"Between two nets: weights moved in a straight line from {explanations[0].name} to {second.name}, and blocks grafted"
    heads = ("change", "goal preference", "random changes", "capability", "random")
    return f"{title}\n{table(heads, rows)}"


def _null_line(explanations: Sequence[Explanation]) -> str:
    null = explanations[0].null
    if not null:
        return ""
    listing = ", ".join(f"{name} {null[name]:.2f}" for name in (GOAL, PROXY) if name in null)
    return f"  null, the largest effect on the value of any of five untrained nets: {listing}"


def _lines(explanations: Sequence[Explanation]) -> list[str]:
    lines = []
    for explanation in explanations:
        if explanation.progress is not None:
            lines.append(
                f"  {explanation.name}: rank correlation of value and steps left "
                + f"{explanation.progress.correlation:.2f}".replace("-", "−")
                + f" where neither goal nor proxy is in view (n = {explanation.progress.n} states)"
            )
        if explanation.drop is not None and explanation.trained:
            lines.append(f"  {explanation.name}: {explanation.drop.words()}")
        lines += [f"  {explanation.name}: {line}" for line in _support_lines(explanation)]
        if explanation.trunk and explanation.trained:
            lines.append(f"  {explanation.name}: {explanation.trunk}")
        lines += [f"  {explanation.name}: {note}" for note in explanation.notes]
    return lines


def _support_lines(explanation: Explanation) -> list[str]:
    if explanation.support is None:
        return []
    world = get_world(explanation.world)
    goal = next(tile.planes for tile in world.legend.tiles if tile.goal_object and tile.planes)[-1]
    row = explanation.support.filter(pl.col("plane") == goal)
    if not row.height:
        return [f"no input shows plane {goal}"]
    facts = row.row(0, named=True)
    counted = (
        ""
        if facts["ever_1"] is None
        else f"{facts['ever_1']} of {facts['bits']} bits were ever 1 in training, "
    )
    return [
        f"plane {goal}: {counted}{facts['changed']} of {facts['bits']} have other weights than before training"
    ]


def verdict_text(explanations: Sequence[Explanation]) -> str:
    """One row per agent: is the goal decodable, used, valued?"""
    rows = [
        [
            explanation.name,
            decodable(explanation),
            used(explanation, GOAL),
            used(explanation, PROXY),
            valued(explanation),
        ]
        for explanation in explanations
    ]
    return table(("agent", "goal decodable?", "goal used?", "proxy used?", "the critic values"), rows)


def used(explanation: Explanation, thing: str) -> str:
    """Whether the policy uses a thing, from the interval of its influence on states as in training and on shifted ones."""
    summaries = [summary for (_, which), summary in explanation.summaries.items() if which == thing]
    if not summaries:
        return "no map"
    if all(summary.largest < NOT_AT_ALL for summary in summaries):
        return "no: no bit changes anything"
    low = min(summary.tv - Z * summary.tv_error for summary in summaries)
    high = max(summary.tv + Z * summary.tv_error for summary in summaries)
    return "yes" if low >= USED else "hardly" if high < USED else "partly"


def decodable(explanation: Explanation) -> str:
    """Whether probes read the goal's side from the last hidden layer, better than from untrained nets."""
    if not explanation.probes.height:
        return (
            "—"
            if not explanation.trained
            else "not asked (explain --full)"
            if explanation.bits is not None
            else "needs weights"
        )
    last = explanation.probes.filter(pl.col("row") == "this agent").row(-1, named=True)
    if last["accuracy"] - Z * last["error"] <= last["untrained_high"]:
        return f"no more than in untrained nets ({last['accuracy']:.2f})"
    return f"yes ({last['accuracy']:.2f}, untrained {last['untrained']:.2f})"


def valued(explanation: Explanation) -> str:
    """What the critic values: what lowers the value if erased, by `VALUED` standard deviations and more than in any untrained net;
    and progress."""
    rows = {
        row["erased"]: row
        for row in explanation.effects.filter(pl.col("role") == CONTROL).iter_rows(named=True)
    }
    if all(row["value"] is None for row in rows.values()):
        return "no critic"
    if not explanation.trained:
        return "—"
    terms = []
    for thing in (GOAL, PROXY):
        row, least = rows.get(thing), max(VALUED, explanation.null.get(thing, 0.0))
        if (
            row is not None
            and row["value"] is not None
            and row["value"] + Z * (row["value_error"] or 0) <= -least
        ):
            terms.append(f"{thing} ({row['value']:.1f} SD without it)".replace("-", "−"))
    if explanation.progress is not None and explanation.progress.correlation <= -VALUED:
        terms.append("progress")
    return ", ".join(terms) or "none of goal, proxy, progress"
