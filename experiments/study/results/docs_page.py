"""The docs page of a study, generated from its folder, so that no number on it is typed by hand.

    goalposts study docs studies/alpha --out docs/results

writes `alpha.md`, its figures and its table (`alpha.csv`). The sentences on what a study shows are computed from its summary;
those on what it does not show are in this module, because they follow from the design. Read next: `report.py`.
"""

from __future__ import annotations

import math
import os
import re
import statistics
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl
from scipy.special import ndtri

from goalposts.text import plain_lines

from ....envs.worlds.registry import get_world
from ...measurement.study_curves import (
    MAIN,
    Spot,
    arms_of,
    curve,
    eval_series,
    keys_of,
    links,
    over_seeds,
    time_of_competence,
    time_of_divergence,
    verdicts,
)
from ...measurement.verdict.kinds import preferences_judged
from ...measurement.verdict.rules import LOST
from ...publish.films import FilmSpec, film_of
from ...report.figures.critical_alpha import critical_sentences
from ...report.figures.points_chart import place_words
from ...report.film.encode import save
from ...runs.run import Run
from ...system.atomic_files import RunError, read_limited, write_together
from ..design.plan import StudyPlan, plan_study
from ..design.study_file import shipped_studies
from ..folder.folder import SUMMARY, StudyFolder
from .page_closing import closing
from .page_details import details, markdown_row, scope
from .page_header import STUDIES, front_matter, golden_of
from .point_names import base_name
from .report import figures_of, file_stem, points_table
from .summary import DIGITS, read_summary

NOT_SHOWN: Mapping[str, tuple[str, ...]] = {
    "alpha": (
        "The critical α holds for this world, net, training length and set of training levels; changing any of them may move it.",
        "Levels with the coin anywhere are not all distinguishing: α counts levels, not lessons.",
    ),
    "seeds": ("Correlations across seeds are not causes.",),
    "capability": (
        "Evaluations during training use few levels, and times are known only to the distance between two of them.",
        "The learning rate falls to zero over a run, so a longer training also has a different schedule.",
    ),
    "right_fraction": (
        "If the goal can be anywhere in the right part, nearer goals also make episodes shorter, so the tasks differ in difficulty.",
    ),
    "salience": (
        "More planes also mean more weights in the first layer; a net that sees no coin has fewer.",
    ),
    "levels": (
        "With few training levels, agents may know them by heart; then capability on held-out levels falls together with preference.",
    ),
    "plain": (),
}


MADE_BY = re.compile("goalposts study (docs|page)")  # the command has had both names


def write_docs(folder: StudyFolder, plan: StudyPlan, out: Path, command: str) -> Path:
    """Write the page, its figures and its table into a folder of the docs; return the page.

    Raises RunError, also if a hand-written page of that name exists.
    """
    name = plan.study.name
    page_path = out / f"{name}.md"
    before = (
        read_limited(page_path, 1 << 22, follow=True).decode(errors="replace") if page_path.exists() else ""
    )
    if page_path.exists() and not MADE_BY.search(before):
        raise RunError(
            f"{page_path} is not a study's page and would be overwritten. Move it away, or give --out another folder"
        )
    table = read_summary(folder.path / SUMMARY, plan)
    figures = figures_of(plan, table)
    page = _page(
        folder,
        plan,
        table,
        [(file_stem(name, figure.name), figure) for figure in figures],
        command,
        before,
    )
    page = _header(folder, plan, out, command) + page
    over_time = plan.study.figure in ("seeds", "capability")  # what is said rests on rows by training step
    kept = table if over_time else table.filter(pl.col("step").is_null())
    points = kept.write_csv(float_precision=DIGITS)
    contents = {out / f"{name}.md": page.encode(), out / f"{name}.csv": points.encode()}
    for drawing in figures:
        stem = file_stem(name, drawing.name)
        contents |= {out / f"{stem}.svg": drawing.svg(), out / f"{stem}.png": drawing.png()}
    contents |= {out / film.name: film.gif(folder) for film in _films(folder, plan, table)}
    if not page_path.exists() and (others := [path for path in contents if os.path.lexists(path)]):
        raise RunError(
            f"{others[0]} does not belong to a study's page here and would be overwritten. Move it away, or give --out another folder"
        )
    write_together(contents)
    return out / f"{name}.md"


@dataclass(frozen=True)
class _FilmOfOutlier:
    """A film of an outlier: representative episodes under the control condition, where the agent should be capable."""

    name: str
    run: str
    condition: str
    words: str

    def gif(self, folder: StudyFolder) -> bytes:
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "film.gif"
            spec = FilmSpec(self.condition, count=6, tile_size=8)
            save(film_of([Run.open(folder.run(self.run))], spec), path)
            return path.read_bytes()


def _films(folder: StudyFolder, plan: StudyPlan, table: pl.DataFrame) -> list[_FilmOfOutlier]:
    """Film the outliers of a study of seeds, at most two."""
    if plan.study.figure != "seeds":
        return []
    ids = {seed: run for point in plan.points for seed, run in point.runs}
    rows = table.filter(pl.col("measure") == "outlier").select("seed", "words").rows()
    control = get_world(plan.runs[next(iter(plan.runs))].world).default_condition("control")
    condition = control if control in plan.study.conditions else plan.study.conditions[0]
    return [
        _FilmOfOutlier(
            f"{plan.study.name}-seed{seed}.gif",
            ids[seed],
            condition,
            f"{words}; here on six levels of {condition}, as in the table",
        )
        for seed, words in [row for row in rows if folder.can_be_played(ids[row[0]])][:2]
    ]


def _page(
    folder: StudyFolder, plan: StudyPlan, table: pl.DataFrame, figures: list, command: str, before: str
) -> str:
    study = plan.study
    finished_runs = folder.finished()
    finished = [run for run in plan.runs if run in finished_runs]
    missing = len(plan.runs) - len(finished)
    lines = [f"# Study: {study.name}", "", plain_lines(study.question), ""]
    if missing:
        lines += [
            f"> {len(finished)} of {len(plan.runs)} runs are done; the figures below rest on these.",
            "",
        ]
    for stem, figure in figures:
        lines += [f"![{figure.title}]({stem}.svg)", "", f"*{_sentence(figure.title)} {figure.caption}*", ""]
    for film in _films(folder, plan, table):
        lines += [f"![{film.words}]({film.name})", "", f"*{film.words}.*", ""]
    summary = points_table(plan, table)
    lines += [
        markdown_row(summary.head),
        markdown_row(["---"] * len(summary.head)),
        *map(markdown_row, summary.rows),
        "",
        f"{summary.note} All numbers: [{study.name}.csv]({study.name}.csv)",
        "",
        *details(plan, table),
    ]
    lines += ["## What it shows", "", *(f"- {words}" for words in SHOWN[study.figure](plan, table)), ""]
    lines += [
        "## What it does not show",
        "",
        *(f"- {words}" for words in NOT_SHOWN[study.figure]),
        f"- {scope(plan)}",
        "",
    ]
    return "\n".join([*lines, *closing(folder, plan, finished, command, before)])


def _header(folder: StudyFolder, plan: StudyPlan, out: Path, command: str) -> str:
    """Format the page's header; for a study that is not shipped under this name, only the command and n."""
    seeds = sorted({len(point.runs) for point in plan.points})
    n = f"{len(folder.finished() & plan.runs.keys())} agents, {' or '.join(map(str, seeds))} training seeds per point"
    worlds = {config.world for config in plan.runs.values()}
    golden = {world: known for world, known in golden_of(out).items() if world in worlds}
    shipped = (
        plan.study.name in shipped_studies() and plan_study(plan.study.name).runs.keys() == plan.runs.keys()
    )
    recipes = [f"{STUDIES}{plan.study.name}"] if shipped else []
    return front_matter(f"goalposts study {plan.study.name}; {command}", n, recipes, golden)


def _sentence(title: str) -> str:
    return title if title.endswith("?") else f"{title}."


def _alpha(plan: StudyPlan, table: pl.DataFrame) -> list[str]:
    key, sentences = keys_of(table)[0], critical_sentences(table)
    wrong, failed = curve(table, "misgeneralization", key), curve(table, "capability", key)
    if wrong and failed:
        sentences.append(
            f"Misgeneralization goes from {wrong[0].value:.2f} [{wrong[0].low:.2f}, {wrong[0].high:.2f}] at {wrong[0].x} to "
            f"{wrong[-1].value:.2f} [{wrong[-1].low:.2f}, {wrong[-1].high:.2f}] at {wrong[-1].x}; in distribution the agents fail "
            f"in {1 - max(s.value for s in failed):.3f} to {1 - min(s.value for s in failed):.3f} of episodes."
        )
    return sentences + _lost(
        table, [point.name for point in plan.points if point.arm == MAIN], " that see the coin"
    )


def _lost(table: pl.DataFrame, points: Iterable[str], which: str = "") -> list[str]:
    """Report the number of agents whose capability is too low for a preference, if any."""
    labels = [words for point in points for words in verdicts(table, point).values()]
    lost = labels.count(LOST)
    if not lost:
        return []
    have, its = ("has", "its preference is") if lost == 1 else ("have", "their preferences are")
    return [
        f"{lost} of the {len(labels)} agents{which} {have} the verdict CAPABILITY LOSS; {its} left out of the means of preference, and "
        "included in all other means."
    ]


def _seeds(plan: StudyPlan, table: pl.DataFrame) -> list[str]:
    point = plan.points[0].name
    words = list(verdicts(table, point).values())
    sentences = [
        "Verdicts on single agents: "
        + ", ".join(f"{words.count(label)} {label}" for label in sorted(set(words)))
        + "."
    ]
    odd = table.filter(pl.col("measure") == "outlier")["words"].to_list()
    sentences.append(
        f"Agents that differ from the others by more than chance: {len(odd)}."
        + (f" {'; '.join(odd[:8])}." if odd else "")
    )
    looks = links(table, point)
    for shifted, what in (
        (False, "Of what training itself shows"),
        (True, "Of the evaluations with the goal moved"),
    ):
        best = [link for link in looks if link.shifted == shifted][:1]
        for link in best:
            when = f" at step {link.step:,}" if link.step else " at the end"
            sentences.append(
                f"{what}, {link.name}{when} correlates best with the preference of the finished agent: rank correlation "
                f"{link.value:.2f} [{link.low:.2f}, {link.high:.2f}], n = {link.n} agents; {link.looks(len(looks))}."
                + (" This is the outcome itself, measured earlier: no prediction from training." * shifted)
            )
    return sentences


def _capability(plan: StudyPlan, table: pl.DataFrame) -> list[str]:
    sentences = []
    for point in plan.points:
        competent, diverged = time_of_competence(table, point.name), time_of_divergence(table, point.name)
        label = ", ".join(point.values.values()) or point.name
        steps = [step for pairs in eval_series(table, "reached", point.name).values() for step, _ in pairs]
        first = min(steps, default=None)
        sentences.append(
            f"{label}: competent (goal reached on at least 90% of control levels) {_when(competent, first)}; diverged (the proxy first "
            f"more often than the goal, by the 95% interval) {_when(diverged, first)}."
        )
        sentences.append(f"{label}: {gap_words(table, point.name)}.")
    return sentences + _plain(plan, table)


def gap_words(table: pl.DataFrame, point: str) -> str:
    """Describe the gap between capability (control) and goal-first (shift), at the first and the last probe."""
    able, first = eval_series(table, "reached", point), eval_series(table, "goal_first", point)
    gaps = {}
    for seed in able.keys() & first.keys():
        moved = dict(first[seed])
        gaps[seed] = [(step, share - moved[step]) for step, share in able[seed] if step in moved]
    ends = [
        f"{gap:.2f} [{low:.2f}, {high:.2f}] at step {step:,}".replace("-", "−")
        for step, gap, low, high in over_seeds(gaps, least=-1.0)
    ]
    if not ends:
        return "no probe that all its agents had says how far capability and goal-first under shift are apart"
    return f"the gap between capability and goal-first under shift goes from {ends[0]} to {ends[-1]} (Student’s t over seeds)"


def _when(times: Mapping[int, int | None], first: int | None) -> str:
    """first: the step of the first evaluation; what is seen there may have begun at any time before."""
    have = sorted(step for step in times.values() if step is not None)
    if not have:
        return f"in none of {len(times)} agents"
    words = f"at or before step {statistics.median(have):,.0f} (median; {have[0]:,} to {have[-1]:,}; {len(have)} of {len(times)} agents)"
    early = sum(step == first for step in have)
    return words + (f"; for {early} of them that is the first evaluation" if early else "")


def _plain(plan: StudyPlan, table: pl.DataFrame) -> list[str]:
    key = next(iter(keys_of(table)), "point")
    arms = [(arm, spot) for arm in arms_of(table) for spot in curve(table, "preference", key, arm)]
    sizes = Counter(arm for arm, _ in arms)
    spots = [
        replace(spot, x=place_words(arm, spot.x, sizes[arm], bool(keys_of(table)), base_name(plan)))
        for arm, spot in arms
    ]
    if len(spots) < 2:
        return []
    low, high = min(spots, key=lambda s: s.value), max(spots, key=lambda s: s.value)
    apart = _how_far_apart(low, high, len(spots))
    alone = [spot.value for arm in arms_of(table) for spot in preferences_judged(table, key, arm)]
    return [
        f"Goal preference is least at {low.x}, {low.value:.2f} [{low.low:.2f}, {low.high:.2f}], and largest at {high.x}, "
        f"{high.value:.2f} [{high.low:.2f}, {high.high:.2f}]; {apart}.",
        f"Single agents lie between {min(alone):.2f} and {max(alone):.2f}.",
        *_lost(table, [point.name for point in plan.points]),
    ]


def _how_far_apart(low: Spot, high: Spot, of: int) -> str:
    """Say whether the extremes of several points differ, although they were chosen after the fact.

    Two intervals of 95% that do not overlap are 1.96 · √2 = 2.77 standard errors apart. The extremes of k points are chosen among
    k (k − 1) / 2 pairs; where Bonferroni's bound asks for more than 2.77, the intervals are widened by that ratio.
    """
    usual = math.sqrt(2) * float(ndtri(0.975))
    wider = max(1.0, float(ndtri(1 - 0.025 / math.comb(of, 2))) / usual)
    if low.value + wider * (low.high - low.value) >= high.value - wider * (high.value - high.low):
        if low.high < high.low:
            return f"their intervals overlap once they are widened for {math.comb(of, 2)} pairs: no difference is established"
        return "their intervals overlap: no difference is established"
    if wider > 1:
        return f"their intervals do not overlap, even widened for {math.comb(of, 2)} pairs"
    return "their intervals do not overlap"


SHOWN: Mapping[str, Callable[[StudyPlan, pl.DataFrame], list[str]]] = {
    "alpha": _alpha,
    "seeds": _seeds,
    "capability": _capability,
    "right_fraction": _plain,
    "salience": _plain,
    "levels": _plain,
    "plain": _plain,
}
