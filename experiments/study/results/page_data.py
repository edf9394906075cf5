"""The data of a study's page, from summary.csv and the recorded episodes of single agents. Does not need torch.

Read next: `experiments/report/page/study_page.py`, which renders it; `report.py`, figures and the docs' table.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from goalposts import __version__

from ....envs.worlds.contract.sources import from_here, shown_command
from ....envs.worlds.registry import get_world
from ...evaluation.replay import representative, rollouts_of
from ...evaluation.trajectories import read_trajectories
from ...measurement.episodes import read_episodes
from ...measurement.intervals import percent, unseen_share
from ...measurement.metrics import METRICS, Metric, withheld
from ...measurement.study_curves import MAIN
from ...publish.live_world import proxy_cells
from ...publish.report_live import by_clearness
from ...publish.run_report import preview
from ...publish.wording import names_in, notes_of, sprites_of, words_of
from ...report.data import Replay
from ...report.figures.drawn import Drawn
from ...report.figures.findings import bare, plain_value
from ...report.numbers import shown
from ...report.page.study_page import (
    StudyAgent,
    StudyFigure,
    StudyPage,
    StudyPoint,
    StudyTable,
    replay_of,
    write_study_page,
)
from ...report.words import phrase
from ..design.measures import GREEDY
from ..design.plan import Point, StudyPlan
from ..folder.folder import PAGE, SUMMARY, StudyFolder
from .point_names import base_name
from .report import GREEDY_VERDICT, figures_of, write_figures
from .summary import read_summary

LEVELS = 4  # recorded levels per agent
AGENTS = 150  # that can be picked; of more agents, the outliers and an even selection of the rest
ROWS = "points"  # the figure that shows the same as the page's rows of agents
VARIED = {
    "env.levels": "training levels",
    "env.observation": "what is shown",
    "train.net.trunk": "width of the net",
    "train.total_steps": "training steps",
}


def write_report(folder: StudyFolder, plan: StudyPlan) -> Path:
    """Write the figures and the page of a study that has its tables; return the page. Raises RunError."""
    table = read_summary(folder.path / SUMMARY, plan)
    figures = figures_of(plan, table)
    write_figures(folder, figures)
    return write_study_page(page_of(folder, plan, table, figures), folder.path / PAGE)


def page_of(folder: StudyFolder, plan: StudyPlan, table: pl.DataFrame, figures: Sequence[Drawn]) -> StudyPage:
    """Gather a study's page."""
    study = plan.study
    config = next(iter(plan.runs.values()))
    world = get_world(config.world)
    words = words_of(world)
    agents, runs = _agents(plan, table)
    condition = next(
        (name for name in table.filter(pl.col("measure") == "preference")["condition"] if name), None
    )
    replays, numbers = _recorded(folder, plan, agents, runs, condition)
    done = table.filter(pl.col("measure") == "verdict")["run"].n_unique() - 1
    return StudyPage(
        name=study.name,
        question=study.question,
        answer=f"{figures[0].title.rstrip('.')}." if figures else "",
        intro=f"{done} of {len(plan.runs)} agents trained and measured in {world.name}, on {study.levels:,} held-out levels per "
        f"condition. The goal is {words.goal}, which the reward is for; the proxy is {words.proxy}, which an agent could have learned to "
        f"want instead.",
        figures=[
            StudyFigure(figure.title, figure.inline(), figure.caption)
            for figure in figures
            if figure.name != ROWS or not agents
        ],
        agents=agents,
        agents_note=_note(plan, done, len(agents), bool(replays)),
        table=page_table(plan, table),
        command=shown_command("study", from_here(folder.path)),
        study=study.to_yaml(),
        version=__version__,
        world=words,
        points=_points(plan, table),
        varied=", ".join(
            f"{bare(words.goal)} in training" if key == "env.condition" else VARIED.get(key, key)
            for key in plan.keys
        ),
        where=f"levels {phrase(notes_of(world, [condition])[0], words)}" if condition else "",
        replays=replays,
        replay_note=f"The same {len(numbers)} levels for all agents, chosen by number in the proportions in which the agents at both "
        "ends of the line behave, not by hand; the clearest comes first.",
        sprites=sprites_of(world, names_in(replay.rollout for replay in replays)),
        preview=preview(replays, replays[0].condition) if replays else b"",
    )


def page_table(plan: StudyPlan, table: pl.DataFrame) -> StudyTable:
    """The page's table: one row per point, in per cent; numbers for specialists are in its CSV file only."""
    measured = set(table.filter(pl.col("value").is_not_null())["measure"].unique())
    worlds = {config.world for config in plan.runs.values()}
    metrics = [
        metric
        for metric in METRICS
        if metric.key in measured
        and not metric.detail
        and not any(withheld(metric.key, world) for world in worlds)
    ]
    greedy = f"{GREEDY}verdict" in set(table["measure"].unique())
    rows = []
    for point in plan.points:
        estimates = _estimates(table, point)
        if estimates:
            verdicts = [f"{GREEDY}verdict"] if greedy else []
            labels = [str((estimates.get(name) or {}).get("words") or "–") for name in ("verdict", *verdicts)]
            cells = [_cell(metric, estimates.get(metric.key)) for metric in metrics]
            rows.append([_row(plan, point), f"{estimates['verdict']['seeds']}", *labels, *cells])
    head = ["point", "seeds", "verdict on the procedure", *([GREEDY_VERDICT] if greedy else [])]
    fewest = min((len(point.runs) for point in plan.points), default=1)
    note = (
        f"Brackets: 95% intervals over training seeds and levels. With {fewest} seed{'s' * (fewest > 1)} per point, a kind of agent "
        f"that up to {percent(unseen_share(fewest))} of seeds produce may be missing (95% confidence). The CSV file holds more numbers."
    )
    meanings = [(metric.title, f"{metric.meaning} By chance: {metric.chance}.") for metric in metrics]
    csv = table.filter(pl.col("seed").is_null()).write_csv(float_precision=6)
    return StudyTable([*head, *(metric.name for metric in metrics)], rows, note, csv, meanings)


def _cell(metric: Metric, row: Mapping[str, Any] | None) -> str:
    estimate = shown(row)
    if estimate is None:
        return "–"
    return estimate.text if metric.unit == "share" else f"{estimate.point}\u00a0{estimate.interval}"


def _estimates(table: pl.DataFrame, point: Point) -> dict[str, dict[str, Any]]:
    """The rows of a point over all its seeds, by measure."""
    own = table.filter((pl.col("point") == point.name) & pl.col("seed").is_null() & pl.col("step").is_null())
    return {row["measure"]: row for row in own.iter_rows(named=True)}


def _value(key: str, text: str) -> str:
    """A grid's value in plain words: `mixture(0.03)` → "anywhere in 3%"."""
    mixed = re.fullmatch(r"mixture\(([\d.]+)\)", text)
    return f"anywhere in {100 * float(mixed[1]):g}%" if mixed else plain_value(key, text)


def _label(plan: StudyPlan, point: Point) -> str:
    """A point's values in plain words; without a grid, the name of its arm, or of the study's base."""
    values = ", ".join(_value(key, text) for key, text in point.values.items())
    if values:
        return values
    return base_name(plan) if point.arm == MAIN else point.arm.replace("_", " ")


def _row(plan: StudyPlan, point: Point) -> str:
    """A point's label, with its arm: unique on the page."""
    label = _label(plan, point)
    return f"{point.arm}: {label}" if point.arm != MAIN and point.values else label


def _points(plan: StudyPlan, table: pl.DataFrame) -> list[StudyPoint]:
    points = []
    for point in plan.points:
        rows = _estimates(table, point)
        if rows:
            several = sum(other.arm == point.arm for other in plan.points) > 1
            named = point.arm != MAIN and bool(point.values)
            points.append(
                StudyPoint(
                    _row(plan, point),
                    _label(plan, point) if several or not named else _row(plan, point),
                    point.arm.replace("_", " ") if named and several else "",
                    shown(rows.get("preference")),
                    shown(rows.get("capability")),
                )
            )
    return points


def _note(plan: StudyPlan, done: int, placed: int, playing: bool) -> str:
    lead = "Each dot is one trained agent; its colour is the verdict on it alone."
    lost = f" {done - placed} reached neither and have no dot." if done > placed else ""
    pick = " Pick one to see it play." if playing else ""
    return f"{lead}{lost}{pick}"


def _agents(plan: StudyPlan, table: pl.DataFrame) -> tuple[list[StudyAgent], dict[str, str]]:
    """List every agent that has a preference, and map its key to its run."""
    rows = table.filter(pl.col("seed").is_not_null() & pl.col("step").is_null())

    def words_by_agent(measure: str) -> dict[tuple[str, int], str]:
        chosen = rows.filter(pl.col("measure") == measure).select("point", "seed", "words")
        return {(point, seed): str(words or "") for point, seed, words in chosen.iter_rows()}

    odd, verdicts = words_by_agent("outlier"), words_by_agent("verdict")
    labels = {point.name: _row(plan, point) for point in plan.points}
    agents, runs = [], {}
    preferences = rows.filter((pl.col("measure") == "preference") & pl.col("value").is_not_null())
    for point, seed, run, value in preferences.select("point", "seed", "run", "value").iter_rows():
        key = f"{point}/{seed}"
        outlier = odd.get((point, seed), "").partition(": ")[2]
        verdict = verdicts.get((point, seed), "")
        agents.append(StudyAgent(key, labels[point], f"seed {seed}", value, verdict, outlier))
        runs[key] = run
    return agents, runs


def _chosen(agents: list[StudyAgent]) -> list[StudyAgent]:
    """Choose the agents whose episodes are shown."""
    if len(agents) <= AGENTS:
        return agents
    odd = [agent for agent in agents if agent.outlier][: AGENTS // 2]
    keys = {agent.key for agent in odd}
    rest = [agent for agent in agents if agent.key not in keys]
    step = len(rest) / (AGENTS - len(odd))
    return [*odd, *(rest[int(k * step)] for k in range(AGENTS - len(odd)))]


def _recorded(
    folder: StudyFolder,
    plan: StudyPlan,
    agents: list[StudyAgent],
    runs: Mapping[str, str],
    condition: str | None,
) -> tuple[list[Replay], list[int]]:
    """The recorded episodes of the agents that can be picked, clearest level first, and the numbers of their levels."""
    if condition is None or not agents:
        return [], []
    by_preference = sorted(agents, key=lambda agent: (agent.preference, agent.key))
    ends = dict.fromkeys((runs[by_preference[0].key], runs[by_preference[-1].key]))
    numbers = representative(
        [read_episodes(folder.run(run) / "episodes.parquet", follow=False) for run in ends], condition, LEVELS
    )
    config = next(iter(plan.runs.values()))
    world = get_world(config.world).name  # a config may name it by its module
    replays = []
    for agent in _chosen(agents):
        if folder.can_be_played(runs[agent.key]):
            steps = config.env.max_steps
            replays += _replays(folder, runs[agent.key], agent.key, condition, numbers, steps, world)
    clearest = next(
        (agent.key for agent in by_preference if any(r.condition == agent.key for r in replays)), ""
    )
    return by_clearness(replays, world, clearest), numbers


def _replays(
    folder: StudyFolder,
    run: str,
    key: str,
    condition: str,
    numbers: list[int],
    max_steps: int | None,
    world: str,
) -> list[Replay]:
    recorded = read_trajectories(folder.run(run) / "trajectories.parquet")
    recorded = recorded.filter((pl.col("condition") == condition) & pl.col("level_index").is_in(numbers))
    layouts = dict(recorded.select("level_index", "layout_hash").iter_rows())
    known = [number for number in numbers if number in layouts]
    rollouts = rollouts_of(recorded, condition, known, max_steps)
    return [
        replay_of(key, layouts[number], rollout, proxy_cells(rollout.level_text, world))
        for number, rollout in zip(known, rollouts, strict=True)
    ]
