"""The report of a study: its figures as files, and its page, from summary.csv.

Reads only the recorded episodes of single agents from the runs' folders. Does not need torch. Read next:
`experiments/report/figures/study_charts.py`, `experiments/report/page/study_page.py`; `docs_page.py`, the page for the docs.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from goalposts import __version__
from goalposts.safe_folder import make_folder

from ....envs.worlds.contract.sources import from_here, shown_command
from ....envs.worlds.registry import get_world
from ...evaluation.replay import representative, rollouts_of
from ...evaluation.trajectories import read_trajectories
from ...measurement.episodes import read_episodes
from ...measurement.intervals import percent, unseen_share
from ...measurement.metrics import METRICS, withheld
from ...publish.wording import names_in, notes_of, sprites_of, words_of
from ...report.figures.drawn import Drawn
from ...report.figures.study_charts import draw
from ...report.page.study_page import StudyAgent, StudyFigure, StudyPage, StudyTable, write_study_page
from ...report.words import phrase
from ...system.atomic_files import disk_errors, write_together
from ..design.plan import StudyPlan
from ..folder.folder import FIGURES, PAGE, SUMMARY, StudyFolder
from .summary import read_summary

LEVELS = 4  # recorded levels per agent
AGENTS = 150  # that can be picked; of more agents, the outliers and an even selection of the rest


def figures_of(plan: StudyPlan, table: pl.DataFrame) -> list[Drawn]:
    """Draw the study's figures from its summary."""
    return draw(plan.study.figure, table, words_of(get_world(next(iter(plan.runs.values())).world)))


def file_stem(study: str, figure: str) -> str:
    """Name of a figure's files in the docs, without the suffix."""
    return figure if figure == study or figure.startswith(f"{study}-") else f"{study}-{figure}"


def write_figures(folder: StudyFolder, figures: list[Drawn]) -> list[Path]:
    """Write figures as SVG and PNG, under figures/. Raises RunError."""
    place = folder.path / FIGURES
    with disk_errors(place, "write"):
        make_folder(place, exist_ok=True)
    contents = {}
    for one in figures:
        contents |= {place / f"{one.name}.svg": one.svg(), place / f"{one.name}.png": one.png()}
    write_together(contents)
    return sorted(contents)


def write_report(folder: StudyFolder, plan: StudyPlan) -> Path:
    """Write the figures and the page of a study that has its tables; return the page. Raises RunError."""
    table = read_summary(folder.path / SUMMARY, plan)
    figures = figures_of(plan, table)
    write_figures(folder, figures)
    return write_study_page(_page(folder, plan, table, figures), folder.path / PAGE)


def points_table(plan: StudyPlan, table: pl.DataFrame) -> StudyTable:
    """Build the table of a study: one row per point, with the estimates over its seeds."""
    keys = plan.keys
    measured = table.filter(pl.col("value").is_not_null())["measure"].unique()
    worlds = sorted({config.world for config in plan.runs.values()})
    shown = {metric.key: metric.name for metric in METRICS if metric.key in measured}
    hidden = {(key, why) for key in shown for world in worlds if (why := withheld(key, world))}
    left_out = [f" The {shown[key]} is {why}." for key, why in sorted(hidden)]
    shown = {key: name for key, name in shown.items() if key not in dict(hidden)}
    arms = len({point.arm for point in plan.points}) > 1
    rows = []
    for point in plan.points:
        own = table.filter((pl.col("point") == point.name) & pl.col("seed").is_null())
        if not own.height:
            continue
        found = {row["measure"]: row for row in own.filter(pl.col("step").is_null()).iter_rows(named=True)}
        label = ", ".join(point.values.get(key, "") for key in keys)
        if arms and point.arm != "main":
            label = f"{point.arm}: {label}" if label else point.arm
        cells = [label or ("as it is" if arms else point.name), f"{found['verdict']['seeds']}"]
        cells += [_cell(found.get(name)) for name in shown]
        rows.append([*cells, found["verdict"]["words"]])
    head = [", ".join(keys) or "point", "seeds", *shown.values(), "verdict on the procedure"]
    note = f"Brackets: 95% intervals over training seeds and levels; {plan.study.levels:,} held-out levels per condition. "
    fewest = min((len(point.runs) for point in plan.points), default=1)
    note += (
        f"With {fewest} seed{'s' * (fewest > 1)} per point, a kind of agent that up to {percent(unseen_share(fewest))} of seeds produce "
        "may be missing (95% confidence)."
    )
    note += "".join(left_out)
    return StudyTable(head, rows, note, table.filter(pl.col("seed").is_null()).write_csv(float_precision=6))


def _cell(row: dict | None) -> str:
    if row is None or row["value"] is None:
        return "–"
    return f"{row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}]"


def _page(folder: StudyFolder, plan: StudyPlan, table: pl.DataFrame, figures: list[Drawn]) -> StudyPage:
    study = plan.study
    config = next(iter(plan.runs.values()))
    world = get_world(config.world)
    agents, runs = _agents(plan, table)
    by_preference = sorted(agents, key=lambda agent: (agent.preference, agent.key))
    condition = next(
        (name for name in table.filter(pl.col("measure") == "preference")["condition"] if name), None
    )
    chosen = _chosen(agents)
    replays, numbers = [], []
    if condition is not None and chosen:
        ends = [runs[by_preference[0].key], runs[by_preference[-1].key]]
        numbers = _levels_to_show(folder, ends, condition)
        for agent in (agent for agent in chosen if folder.can_be_played(runs[agent.key])):
            replays += _replays(folder, runs[agent.key], agent.key, condition, numbers, config.env.max_steps)
    done = table.filter(pl.col("measure") == "verdict")["run"].n_unique() - 1
    words = words_of(world)
    return StudyPage(
        name=study.name,
        question=study.question,
        intro=f"{done} of {len(plan.runs)} agents trained and measured in {world.name}, each on {study.levels:,} held-out levels of "
        f"{', '.join(study.conditions)}.",
        figures=[StudyFigure(one.title, one.inline(), one.caption) for one in figures],
        agents=agents,
        agents_note="Each dot is one trained agent at its goal preference; its colour is the verdict on it. Pick one to see it play. "
        "A rim marks agents that differ from the others of their point by more than chance.",
        table=points_table(plan, table),
        command=shown_command("study", from_here(folder.path)),
        study=study.to_yaml(),
        version=__version__,
        world=words,
        where=f"levels {phrase(notes_of(world, [condition])[0], words)}" if condition else "",
        replays=replays,
        replay_note=f"The same {len(numbers)} levels for all agents, chosen by number in the proportions in which the agents at both "
        "ends of the line behave, not by hand.",
        sprites=sprites_of(world, names_in(rollout for _, _, rollout in replays)),
    )


def _agents(plan: StudyPlan, table: pl.DataFrame) -> tuple[list[StudyAgent], dict[str, str]]:
    """List every agent that has a preference, and map its key to its run."""
    rows = table.filter(pl.col("seed").is_not_null() & pl.col("step").is_null())
    odd = {
        (p, s): w
        for p, s, w in rows.filter(pl.col("measure") == "outlier")
        .select("point", "seed", "words")
        .iter_rows()
    }
    words = {
        (p, s): w
        for p, s, w in rows.filter(pl.col("measure") == "verdict")
        .select("point", "seed", "words")
        .iter_rows()
    }
    labels = {point.name: ", ".join(point.values.values()) or point.name for point in plan.points}
    arms = {point.name: point.arm for point in plan.points}
    found, runs = [], {}
    preferences = rows.filter((pl.col("measure") == "preference") & pl.col("value").is_not_null())
    for point, seed, run, value in preferences.select("point", "seed", "run", "value").iter_rows():
        key = f"{point}/{seed}"
        label = labels[point] if arms[point] == "main" else f"{arms[point]}: {labels[point]}"
        outlier = str(odd.get((point, seed)) or "").partition(": ")[2]
        found.append(
            StudyAgent(key, label, f"seed {seed}", value, str(words.get((point, seed), "")), outlier)
        )
        runs[key] = run
    return found, runs


def _chosen(agents: list[StudyAgent]) -> list[StudyAgent]:
    """Choose the agents whose episodes are shown."""
    if len(agents) <= AGENTS:
        return agents
    odd = [agent for agent in agents if agent.outlier][: AGENTS // 2]
    shown = {agent.key for agent in odd}
    rest = [agent for agent in agents if agent.key not in shown]
    step = len(rest) / (AGENTS - len(odd))
    return [*odd, *(rest[int(k * step)] for k in range(AGENTS - len(odd)))]


def _levels_to_show(folder: StudyFolder, runs: list[str], condition: str) -> list[int]:
    """Choose representative levels for the agents with the lowest and the highest preference."""
    ends = dict.fromkeys((runs[0], runs[-1]))
    return representative(
        [read_episodes(folder.run(one) / "episodes.parquet", follow=False) for one in ends], condition, LEVELS
    )


def _replays(
    folder: StudyFolder, run: str, key: str, condition: str, numbers: list[int], max_steps: int | None
):
    recorded = read_trajectories(folder.run(run) / "trajectories.parquet")
    recorded = recorded.filter((pl.col("condition") == condition) & pl.col("level_index").is_in(numbers))
    layouts = dict(recorded.select("level_index", "layout_hash").iter_rows())
    known = [number for number in numbers if number in layouts]
    found = rollouts_of(recorded, condition, known, max_steps)
    return [(key, layouts[number], rollout) for number, rollout in zip(known, found, strict=True)]
