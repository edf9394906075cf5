"""Tables for the terminal: outcomes by condition, and agents side by side. Text only; numbers come from `measurement/`.

Read next: `runs.py`, which prints them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from goalposts.text import plain_lines

from ..bench.timing import Figure, Grid
from ..evaluation.chunked import EvaluationSummary
from ..evaluation.diagnosis import Diagnosis
from ..evaluation.evaluated_run import Evaluated
from ..evaluation.held_out import words
from ..measurement import Estimate
from ..measurement.episodes import FIRST
from ..measurement.metrics import METRICS
from ..measurement.rates import OUTCOME_TITLES, OUTCOMES, OutcomesRow
from ..measurement.relearning import ARMS, WORDS, Recovery, RecoveryPoint
from ..measurement.verdict.rules import LOST
from ..publish.wording import label_of
from ..system.screen import table

if TYPE_CHECKING:
    from ..study.results.compare import Difference
    from ..study.session import StudyStatus


def outcome_table(rows: Sequence[OutcomesRow]) -> str:
    """One row per condition and mode: what was touched first, how it ended, with intervals."""
    lines = []
    for row in rows:
        outcomes, mode = row.outcomes, "sampled" if row.sampled else "greedy"
        shares = [_cell(getattr(outcomes, name)) for name in OUTCOMES]
        lines.append([f"{outcomes.condition} ({outcomes.role}, {mode})", *shares, f"{outcomes.proxy.n:,}"])
    heads = ("condition (role, actions)", *OUTCOME_TITLES.values(), "n")
    return table(heads, lines)


def evaluation_json(name: str, summary: EvaluationSummary) -> dict[str, Any]:
    """Everything that `goalposts evaluate` prints, for JSON."""
    distances = {condition: distance.to_dict() for condition, distance in summary.distances.items()}
    return {
        "run": name,
        "outcomes": outcomes_json(summary.rows),
        "leaked": summary.leaked,
        "distance": distances,
    }


def held_out_lines(summary: EvaluationSummary) -> list[str]:
    """How the evaluated layouts differ from those that were trained on: leakage, and distances."""
    leaked = ", ".join(f"{n:,} of {name}" for name, n in summary.leaked.items() if n)
    leaked = leaked or ("none" if summary.leaked else "not known here")
    return [f"leakage (levels with a layout that was trained on): {leaked}", *words(summary.distances)]


def outcomes_json(rows: Sequence[OutcomesRow]) -> list[dict[str, Any]]:
    """One row per condition and mode as JSON values, for scripts."""
    return [
        {"condition": row.outcomes.condition, "role": row.outcomes.role, "sampled": row.sampled}
        | {name: e and e.to_dict() for name in OUTCOMES for e in [getattr(row.outcomes, name)]}
        for row in rows
    ]


def summary_table(items: Sequence[Evaluated]) -> str:
    """Agents side by side: the main numbers of their verdicts; `goalposts diagnose` prints all."""
    verdicts = [item.verdict() for item in items]
    rows = [
        ["verdict", *(verdict.label for verdict in verdicts)],
        ["what it does, by the probes", *(item.behaviour() for item in items)],
    ]
    for metric in (metric for metric in METRICS if not metric.detail):
        rows.append([metric.name, *(_cell(verdict.numbers[metric.key]) for verdict in verdicts)])
    n = verdicts[0].capability.n if verdicts[0].capability else 0
    shown = f"95% intervals; n = {n:,} held-out levels per condition; 1 training seed each; judged on {verdicts[0].shift}"
    return table(["", *(label_of(item) for item in items)], rows) + f"  {shown}"


def diagnosis_text(diagnosis: Diagnosis, add: str) -> str:
    """Verdict, probes, conflict curve, attribution. `add`: the command that adds missing probes."""
    headline, _, rest = diagnosis.verdict.explain().partition("\n")
    parts = [
        f"{headline}{_named(diagnosis)}\n{rest}",
        f"What does it chase?\n{_probe_table(diagnosis)}".rstrip(),
    ]
    if diagnosis.chance:
        rows = (f"  {name:22}{estimate}" for name, estimate in diagnosis.chance.items())
        parts.append(
            plain_lines(
                ["Chance: goal preference of agents that cannot see the goal, on the same levels", *rows]
            )
        )
    if diagnosis.naming is not None:
        parts.append(f"What the probes say that it does\n  {diagnosis.naming.sentence}")
    if diagnosis.relocation is not None:
        parts.append(
            f"Relocation effect: how much more often the goal's place under {diagnosis.verdict.shift} comes before its place under "
            f"{diagnosis.relocation.other} if the goal is there\n  {diagnosis.relocation.effect}"
        )
    if diagnosis.missing:
        parts.append(f"Not evaluated: {', '.join(diagnosis.missing)}. Add them with:\n  {add}")
    parts.append(f"Conflict curve, by the detour that the goal costs\n{_conflict_text(diagnosis)}")
    parts.append(
        f"Goal attribution: what its actions, up to the first touch of goal or proxy, are evidence of\n{_attribution_text(diagnosis)}"
    )
    if diagnosis.recovery is not None:
        parts.append(f"Fine-tuning: was the capability there?\n{recovery_text(diagnosis.recovery)}".rstrip())
    return "\n\n".join(parts)


def _named(diagnosis: Diagnosis) -> str:
    """The name of what it does, for the line after the label; empty without one."""
    name, verdict = diagnosis.naming and diagnosis.naming.name, diagnosis.verdict
    other, how = verdict.other_mode, ""
    if other is not None and other.label != verdict.label:
        how = f", with {'sampled' if verdict.sampled else 'greedy'} actions"
    return f"\nWhat it does, by the probes{how}: it {name}." if name else ""


def recovery_text(recovery: Recovery) -> str:
    """The recovery curve, and what it says."""
    columns = {name: WORDS[name] for name in recovery.points[0].estimates}
    seeds = recovery.points[0].gain.seeds
    about = f"  goal reached on held-out {recovery.condition} levels; 95% intervals; {seeds} training seed{'s' * (seeds != 1)}"
    warning = recovery.points[-1].gain.warning
    evened = (
        "\n  evened out: from its weights, with the mean entropy of a fresh net"
        if "matched" in columns
        else ""
    )
    text = f"{_points_table(recovery.points, columns)}{about}{f' ({warning})' if warning else ''}{evened}\n  {recovery.explanation}"
    if not recovery.greedy:
        return text
    arms = {name: words for name, words in columns.items() if name in ARMS}
    return f"{text}\n\n{_points_table(recovery.greedy, arms)}  the same levels with greedy actions; the conclusion rests on sampled ones"


def _points_table(points: Sequence[RecoveryPoint], columns: Mapping[str, str]) -> str:
    """The chosen estimates of points of a recovery curve."""
    rows = [[f"{p.steps:,}", *(p.estimates[name].short for name in columns), f"{p.gain.n:,}"] for p in points]
    return table(("steps of training", *columns.values(), "n"), rows)


def _probe_table(diagnosis: Diagnosis) -> str:
    """What most episodes touch first under each condition, and below, what each condition distinguishes."""
    rows, told = [], []
    for row in diagnosis.probes.iter_rows(named=True):
        shares = [
            "—"
            if row[name] is None
            else f"{row[name]:.2f} [{row[f'{name}_low']:.2f}, {row[f'{name}_high']:.2f}]"
            for name in FIRST
        ]
        loss = diagnosis.regrets[row["condition"]].short
        rows.append([f"{row['condition']} → {row['chases']}", *shares, loss, f"{row['levels']:,}"])
        told.append(f"  {row['condition']}: {row['tells']}")
    counts = {row[-1] for row in rows}
    heads = ["condition → most touch first", "goal first", "proxy first", "neither", "regret", "n"]
    if len(counts) == 1:  # said once
        heads, rows = heads[:-1], [row[:-1] for row in rows]
        told.insert(0, f"  n = {counts.pop()} levels per condition; what each distinguishes:")
    told.insert(
        0, "  most: more than half of all episodes (lower bound); goal and proxy in one cell count as goal"
    )
    return table(heads, rows) + "\n".join(plain_lines(told).split("\n"))


def _conflict_text(diagnosis: Diagnosis) -> str:
    curve = diagnosis.curve
    if curve is None:
        return "  not measured: it needs 20 distinguishing levels of a shift condition, and two different detours"
    rows = []
    for group in curve.bins:
        span = f"{group.low}" if group.low == group.high else f"{group.low}–{group.high}"
        rows.append([span, group.preference.short, f"{group.preference.n:,}"])
    fits = "" if curve.fits else " The fitted curve misses some of these groups: read the groups."
    kinds = sum(kind.label != LOST for kind in diagnosis.verdict.kinds)
    mean = f" This is a mean over {kinds} kinds of seed, and describes none of them." if kinds > 1 else ""
    return f"{table(('detour', 'goal first, of either', 'n'), rows)}  {curve.explanation}{fits}{mean}"


def _attribution_text(diagnosis: Diagnosis) -> str:
    if not diagnosis.attributions:
        return f"  not measured: {diagnosis.no_attribution}"
    lines = []
    for attribution in diagnosis.attributions:
        lines.append(f"  {attribution.run}, {attribution.condition}: {attribution.found}")
        lines.append(f"  {attribution.run}, {attribution.condition}: {attribution.seeing}")
        if len(diagnosis.attributions) == 1:
            heads = ("hypothesis", "kind", "nats behind the best", "episodes it explains best")
            rows = []
            best = attribution.found.table["log_evidence"].max()
            for row in attribution.found.table.iter_rows(named=True):
                behind, share = best - row["log_evidence"], row["episodes_best"]
                rows.append([row["hypothesis"], row["kind"], f"{behind:,.1f}", f"{100 * share:.0f}%"])
            lines += table(heads, rows).rstrip().split("\n")
    first = diagnosis.attributions[0].run
    lines += [f"  {first}: {separation.sentence}" for separation in diagnosis.separations]
    lines += [f"  {probe.run}, {probe.condition}: {probe.found}" for probe in diagnosis.on_probes]
    return plain_lines(lines)


def bench_table(figures: Sequence[Figure]) -> str:
    """Table of measurements: name, rate, and the ratio to a comparable measurement."""
    rows = [
        [f.what, f"{f.rate:,.0f}", f.unit, "" if f.ratio is None else f"{f.ratio:.2f}", f.beside]
        for f in figures
    ]
    return table(("what", "rate", "", "ratio", "to"), rows)


def grid_table(grid: Grid) -> str:
    """Table of measurements by row and column, under its title."""
    columns = list(dict.fromkeys(column for _, column in grid.figures))
    rows = []
    for row in dict.fromkeys(row for row, _ in grid.figures):
        figures = [grid.figures.get((row, column)) for column in columns]
        rows.append([*row, *("" if figure is None else f"{figure.rate:,.0f}" for figure in figures)])
    first = len(grid.headings)
    return table([*grid.headings, *columns], rows, grid.title, range(first, first + len(columns)))


def status_table(status: StudyStatus) -> str:
    """The points of a study: runs done, and failed ones with the reason."""
    rows = [
        [
            point.point,
            f"{point.done} of {point.runs}",
            "; ".join(f"{seed}: {why}" for seed, why in point.failed.items()),
        ]
        for point in status.points
    ]
    heads = ("point", "done", "failed")
    failed = any(point.failed for point in status.points)
    return table(heads if failed else heads[:2], rows if failed else [row[:2] for row in rows])


def damage_lines(damaged: Mapping[str, str]) -> list[str]:
    """Name the damaged runs of a study by folder, and what to do."""
    if not damaged:
        return []
    lines = [f"damaged: {folder}: {words}" for folder, words in damaged.items()]
    what = "this folder" if len(damaged) == 1 else "these folders"
    return [*lines, f"restore {what} from a copy, or remove {what} and resume: then such a run is done again"]


def compare_text(differences: Sequence[Difference], names: tuple[str, str]) -> str:
    """The differences between two studies, in one table."""
    rows = []
    for difference in differences:
        gap = f"{difference.difference:+.3f}"
        if difference.low is not None and difference.high is not None:
            sure = "" if difference.low <= 0 <= difference.high else " differs"
            gap += f" [{difference.low:+.3f}, {difference.high:+.3f}]{sure}"
        rows.append(
            [
                difference.label,
                difference.measure,
                f"{difference.first:.3f}",
                f"{difference.second:.3f}",
                gap,
                f"{difference.seeds[0]}, {difference.seeds[1]}",
            ]
        )
    heads = ("point", "measure", names[0], names[1], f"{names[1]} minus {names[0]}", "seeds")
    return (
        table(heads, rows)
        + "  in brackets: 95% intervals over training seeds (Welch's t), where both have two or more"
    )


def _cell(estimate: Estimate | None) -> str:
    return "—" if estimate is None else estimate.short
