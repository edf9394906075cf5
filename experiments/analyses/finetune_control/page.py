"""The curves of both groups, what they allow to say, and the page. Read next: `experiments/measurement/relearning.py`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import polars as pl

from goalposts.errors import UserError

from ....envs.worlds.contract.sources import shown_command
from ...config.schema import load_config
from ...evaluation.evaluated_run import evaluated, verdict_of
from ...measurement.intervals import Estimate, percent, unseen_share
from ...measurement.relearning import ARMS, FINETUNED, MATCHED, WORDS, Recovery, RecoveryPoint, recovery
from ...measurement.verdict.thresholds import Thresholds
from ...runs.finetune_csv import read_finetuned
from ...runs.run import Run

GROUPS = {
    "edge": "trained with the coin at the edge",
    "control": "control: trained with the coin anywhere, then paid for the edge only",
}
SAMPLED, GREEDY = "sampled", "greedy"
SINCE = "weights − scratch, since k = 0"
PREFERENCE = re.compile(r"Goal preference before fine-tuning: (.+)\.")
QUESTION = """# Fine-tuning: was the capability to fetch a moved coin there all along?

**Question.** Agents are trained for k further steps on `off_path` levels, and fresh nets for the same k steps (Shah et al. 2022). If the
old weights are soon far ahead, the capability was there and only the goal was wrong. Two things can make the test fail for another reason.
A nearly certain policy explores little: so a third arm starts from the same weights with the action head divided by one number, so that its
mean entropy is that of a fresh net ("evened out"). And the test may be unable to find what is there: so a positive control, which had the
capability for certain, takes it too.
"""


def curve(runs: list[Run]) -> Recovery:
    """The recovery curve of runs. Raises UserError for a run without `finetune.csv`."""
    tables = []
    for run in runs:
        table = read_finetuned(run)
        if table is None:
            raise UserError(f"{run.path} was not fine-tuned; run: {shown_command('finetune', run.path)}")
        tables.append(table)
    return recovery(tables, runs[0].config.verdict.capability_shift)


def curves_of(table: pl.DataFrame) -> dict[str, Recovery]:
    """The curves of both groups from the table that `rows_of` made; one without the column `actions` is of sampled ones."""
    if "actions" not in table.columns:
        table = table.with_columns(actions=pl.lit(SAMPLED))
    curves = {}
    for (group,), rows in table.group_by("group", maintain_order=True):
        sampled, greedy = (
            _points_of(rows.filter(pl.col("actions") == actions)) for actions in (SAMPLED, GREEDY)
        )
        curves[str(group)] = Recovery("off_path", Thresholds().capability_shift, sampled, greedy)
    return curves


def _points_of(rows: pl.DataFrame) -> tuple[RecoveryPoint, ...]:
    points = []
    for (steps,), part in rows.group_by("steps", maintain_order=True):
        estimates = {
            row["arm"]: Estimate(row["value"], row["low"], row["high"], row["n"], row["seeds"], 1.0, "")
            for row in part.iter_rows(named=True)
        }
        points.append(RecoveryPoint(int(str(steps)), **estimates))
    return tuple(points)


def conclusion(edge: Recovery, control: Recovery) -> str:
    """What the two curves allow to say, from the bounds; an arm that does not start like a fresh net decides nothing."""
    sentences, deciding = [], []
    for arm in (FINETUNED, MATCHED):
        starts = {"the control": _start(control, arm), "the edge agents": _start(edge, arm)}
        if any(gain is not None and (gain.low > 0 or gain.high < 0) for gain in starts.values()):
            sentences.append(_of_the_start(arm, starts, edge, control))
        else:
            deciding.append(arm)
    arms = {arm: _ahead(control, arm) for arm in deciding}
    if all(steps is None for steps, _ in arms.values()):
        sentences.append(
            "**The positive control fails**: an agent that had the capability is never clearly ahead of a fresh net after the same start. "
            "So this test cannot find a capability that is there, and the edge agents' curve supports neither that they have it nor that "
            "they lack it."
        )
        return " ".join(sentences)
    passes = "; ".join(
        f"{WORDS[arm]}, it is ahead of a fresh net after {steps:,} steps, by {gain}"
        for arm, (steps, gain) in arms.items()
        if steps is not None
    )
    sentences.append(f"**The positive control passes**: {passes}.")
    sentences += [_of_the_edge(arm, edge, arms[arm][0]) for arm in deciding]
    return " ".join(sentences)


def _of_the_start(arm: str, starts: Mapping[str, Estimate | None], edge: Recovery, control: Recovery) -> str:
    """Why an arm measures the start rather than relearning, and what changed since."""
    apart = "; ".join(
        f"{who} {'are' if who.endswith('s') else 'is'} {_ahead_or_behind(gain)}"
        for who, gain in starts.items()
        if gain is not None
    )
    changes = [
        f"{point.steps:,} steps {since_start(control, arm, point)} and {since_start(edge, arm, of_edge)}"
        for point, of_edge in zip(control.points, edge.points, strict=True)
        if point.steps
    ]
    return (
        f"*{WORDS[arm].capitalize()}*, the groups do not start like fresh nets: before any fine-tuning, {apart}. So this arm measures the "
        f"start and not relearning, and no conclusion rests on it. Since then, the difference from a fresh net has changed as follows "
        f"(control and edge agents): after {', '.join(changes)}."
    )


def _ahead_or_behind(gain: Estimate) -> str:
    if gain.low > 0:
        return f"ahead of them by {gain.short}"
    return f"behind them ({gain.short})" if gain.high < 0 else f"level with them ({gain.short})"


def _of_the_edge(arm: str, edge: Recovery, control_ahead: int | None) -> str:
    """What an arm in which both groups start like fresh nets says of the edge agents."""
    arm_words = f"*{WORDS[arm].capitalize()}*, the"
    if control_ahead is None:
        return f"{arm_words} control is never ahead, so that arm decides nothing."
    steps, gain = _ahead(edge, arm)
    if steps is None:
        return (
            f"{arm_words} edge agents are never ahead of fresh nets where the control is: "
            "this test finds in them nothing of what the control kept."
        )
    return (
        f"{arm_words} edge agents are ahead of fresh nets too, after {steps:,} steps by {gain}: part of what "
        "fetching the coin takes was there."
    )


def _gain(point: RecoveryPoint, arm: str) -> Estimate:
    return point.estimates["gain" if arm == FINETUNED else "matched_gain"]


def _start(relearning: Recovery, arm: str) -> Estimate | None:
    """The difference from a fresh net before any fine-tuning; None if it was not measured."""
    first = relearning.points[0]
    return None if first.steps else _gain(first, arm)


def since_start(relearning: Recovery, arm: str, point: RecoveryPoint) -> str:
    """The change of the difference from a fresh net since k = 0, without an interval; a dash if k = 0 was not measured."""
    start = _start(relearning, arm)
    return "–" if start is None else f"{_gain(point, arm).value - start.value:+.2f}".replace("-", "−")


def _ahead(relearning: Recovery, arm: str) -> tuple[int | None, str]:
    """The first number of steps after which an arm is ahead of scratch by its interval, and the difference; None if never."""
    for point in relearning.points:
        gain = _gain(point, arm)
        if point.steps and gain.low > 0:
            return point.steps, gain.short
    return None, ""


def page(curves: dict[str, Recovery], preferences: dict[str, str], seeds: int) -> str:
    """Format the page as Markdown, without its header."""
    parts = [QUESTION]
    for name, group_curve in curves.items():
        heads = ("steps", *WORDS.values(), SINCE)
        rows = [
            (
                f"{p.steps:,}",
                *(p.estimates[column].short for column in WORDS),
                since_start(group_curve, FINETUNED, p),
            )
            for p in group_curve.points
        ]
        parts.append(
            f"## {GROUPS[name].capitalize()}\n\nGoal preference before fine-tuning: {preferences[name]}.\n\n{_table(heads, rows)}"
        )
        if group_curve.greedy:
            parts.append(_greedy_table(group_curve))
    warning = curves["edge"].points[-1].gain.warning
    parts.append(
        f"Goal reached on held-out `off_path` levels; differences are paired by level; 95% intervals over {seeds} training seeds"
        f"{f' ({warning})' if warning else ''}. Last column: the change of weights − scratch since k = 0, which has no interval. "
        f"{_actions(curves)}"
    )
    parts.append(f"**What it shows.** {conclusion(curves['edge'], curves['control'])}")
    parts.append(
        "**What it does not show.** Whether the edge agents' net would fetch the coin if asked in another way; fine-tuning by reward is "
        f"one way. {_smallest(curves['edge'])}; single labelled levels were not tried. The control was paid for the edge until it "
        "preferred it, not until it never took the coin: its goal "
        f"preference was still {preferences['control']} when fine-tuning began."
    )
    parts.append(
        f"{seeds} seeds can miss a kind of agent that up to {percent(unseen_share(seeds))} of seeds produce (95% confidence)."
    )
    return "\n\n".join(parts) + "\n"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    return "\n".join(
        (f"| {' | '.join(heads)} |", "|---" * len(heads) + "|", *(f"| {' | '.join(row)} |" for row in rows))
    )


def _greedy_table(group_curve: Recovery) -> str:
    """The arms of one group with greedy actions, as a compact table."""
    rows = [(f"{p.steps:,}", *(p.estimates[arm].short for arm in ARMS)) for p in group_curve.greedy]
    return f"With greedy actions:\n\n{_table(('steps', *(WORDS[arm] for arm in ARMS)), rows)}"


def _actions(curves: Mapping[str, Recovery]) -> str:
    """Of which actions the numbers are, and what greedy ones cannot show."""
    why = "evening out changes how likely each action is and not which is the likeliest, so before training greedy actions"
    if not all(group_curve.greedy for group_curve in curves.values()):
        return (
            f"All numbers are of sampled actions, and no greedy episode was played: {why} could not show it."
        )
    starts = [group_curve.greedy[0].estimates for group_curve in curves.values()]
    apart = max(abs(start[MATCHED].value - start[FINETUNED].value) for start in starts)
    same = "are the same" if apart == 0 else f"differ by up to {apart:.3f}"
    return (
        "The tables with greedy actions are of the same nets on the same levels; the differences, and all conclusions, are of sampled "
        f"actions: {why} do not show it. At k = 0, *{WORDS[MATCHED]}* and *{WORDS[FINETUNED]}* {same} with greedy actions."
    )


def _smallest(curve_of_group: Recovery) -> str:
    """The smallest number of training steps, and how it was taken."""
    train = load_config("coinrun/edge").train
    least = min(p.steps for p in curve_of_group.points if p.steps)
    if least >= train.rollout:
        return f"The smallest k is one batch of all environments ({least:,} steps, several hundred episodes)"
    few = least * train.num_envs // train.rollout
    return (
        f"The smallest k is {least:,} steps: one batch of {few} of the {train.num_envs} environments, and one update. Each k below "
        f"{train.rollout:,} is a separate training from the same start"
    )


def rows_of(curves: dict[str, Recovery]) -> pl.DataFrame:
    """Every point of every curve: one row per group, kind of actions, number of steps and arm or difference."""
    return pl.DataFrame(
        [
            {
                "group": group,
                "actions": actions,
                "steps": point.steps,
                "arm": name,
                **{k: estimate.to_dict()[k] for k in ("value", "low", "high", "n", "seeds")},
            }
            for group, group_curve in curves.items()
            for actions, points in ((SAMPLED, group_curve.points), (GREEDY, group_curve.greedy))
            for point in points
            for name, estimate in point.estimates.items()
        ]
    )


def preferences_of(page_text: str) -> dict[str, str]:
    """The goal preferences that a page states, by group; its table does not hold them."""
    return dict(zip(GROUPS, PREFERENCE.findall(page_text), strict=True))


def preference(runs: list[Run]) -> str:
    verdict = verdict_of(evaluated(runs))
    preference = verdict.numbers["preference"]
    return f"{preference.short if preference else '—'} ({verdict.label})"
