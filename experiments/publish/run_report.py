"""Gather the data of a report page from run folders.

Needs neither torch nor an agent, because the evaluation recorded everything. Read next: `experiments/report/data.py`.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import polars as pl
from PIL import Image

from goalposts import __version__

from ...envs.worlds.contract.sources import from_here, shown_command
from ..evaluation.diagnosis import Diagnosis
from ..evaluation.evaluated_run import SHOWN, Evaluated, evaluated
from ..evaluation.held_out import held_out
from ..evaluation.replay import Rollout, representative, rollouts_of
from ..evaluation.trajectories import FILE as TRAJECTORIES
from ..measurement import Verdict, outcomes
from ..report.data import AgentSection, Leakage, OutcomeRow, Replay, ReportData
from ..runs.run import Run
from ..system.atomic_files import RunError
from .explained import explained
from .explorer import Seen, explored
from .live_world import proxy_cells
from .report_live import by_clearness, live_of_report, recorded_episodes
from .wording import label_of, names_in, notes_of, sprites_of, words_of

PREVIEW_PX = 16  # pixels per cell of the preview picture


def report_data(runs: Sequence[Run], command: str, title: str = "", levels: int = SHOWN) -> ReportData:
    """Gather the report of one run, or of several side by side (twins share their levels). Raises RunError."""
    items = evaluated(runs)
    first = items[0]
    if any(item.world is not first.world for item in items):
        raise RunError("the runs are of different worlds; make one report for each world")
    world, words = first.world, words_of(first.world)
    diagnoses = [item.diagnosis() for item in items]
    names = [first.config.env.condition, *(name for item in items for name in item.conditions())]
    names += [
        agent_diagnosis.recovery.condition
        for agent_diagnosis in diagnoses
        if agent_diagnosis.recovery is not None
    ]
    names = list(dict.fromkeys(names))
    verdicts = [item.verdict() for item in items]
    sections = [
        _section(item, verdict, diagnosis)
        for item, verdict, diagnosis in zip(items, verdicts, diagnoses, strict=True)
    ]
    shift = verdicts[0].shift or world.default_condition("shift")
    replays = by_clearness(_replays(items, shift, levels), world.name, shift)
    control = world.default_condition("control")
    boards, no_boards = live_of_report(items, replays, control, shift)
    explorations = explored([Seen(item.name, item.run, item.episodes) for item in items])
    rollouts = [replay.rollout for replay in replays]
    rollouts += [
        rollout
        for level in explorations
        for places in level.places.values()
        for p in places
        for rollout in p.rollouts
    ]
    return ReportData(
        title=title or f"{world.name}: {' and '.join(item.name for item in items)}",
        intro=world.story,
        world=words,
        agents=sections,
        conditions=notes_of(world, names),
        replays=replays,
        explorations=explorations,
        sprites=sprites_of(world, names_in(rollouts)),
        preview=preview(replays, shift),
        boards=boards,
        no_boards=no_boards,
        recorded=recorded_episodes(items, [shift, control]) if boards is not None else (),
        inside=explained(items),
        moved=shift,
        replay_note=(
            f"Chosen by number, not by hand: the first levels of {shift} whose outcomes occur in the proportions of "
            "the table"
            + (", over all agents together" if len(items) > 1 else "")
            + "; the clearest comes first."
        ),
        leakage=[row for item in items for row in _leakage(item)],
        command=command,
        version=__version__,
    )


def _leakage(item: Evaluated) -> list[Leakage]:
    """How many of the layouts that a run was judged on also occurred in its training, by condition."""
    layouts = dict(item.episodes.group_by("condition").agg(pl.col("layout_hash").n_unique()).iter_rows())
    roles = dict(item.episodes.select("condition", "role").unique().iter_rows())
    judged = [name for name in item.leaked if roles.get(name) in ("control", "shift")]
    far = [name for name in item.leaked if name.endswith("_far")]
    apart = held_out(item.config, [*judged, *far], int(item.episodes["level_index"].n_unique()))
    return [
        Leakage(item.name, name, layouts.get(name, 0), shared, str(apart.get(name, "")))
        for name, shared in item.leaked.items()
    ]


def _section(item: Evaluated, verdict: Verdict, diagnosis: Diagnosis) -> AgentSection:
    """Gather everything that a page shows of one run."""
    return AgentSection(
        item.name,
        label_of(item),
        verdict.to_dict(),
        [
            OutcomeRow.of(outcomes(item.episodes, condition=name, sampled=sampled), sampled)
            for name in item.conditions()
            for sampled in item.episodes.filter(pl.col("condition") == name)["sampled"]
            .unique()
            .sort(descending=True)
        ],
        item.run.progress(),
        item.config.to_yaml(),
        item.run.provenance().model_dump(mode="json"),
        _again(from_here(item.run.path), item.name),
        item.config.notes,
        diagnosis.to_dict(),
    )


def _replays(items: Sequence[Evaluated], shift: str, count: int) -> list[Replay]:
    numbers = representative([item.episodes for item in items], shift, count)
    control = items[0].world.default_condition("control")
    replays = []
    for item in items:
        if not (item.run.path / TRAJECTORIES).exists():
            continue
        recorded = item.trajectories()
        for condition in (control, shift):
            if condition not in item.conditions():
                continue
            here = recorded.filter(pl.col("condition") == condition)
            layouts = dict(here.select("level_index", "layout_hash").iter_rows())
            known = [k for k in numbers if k in layouts]
            for k, rollout in zip(
                known, rollouts_of(recorded, condition, known, item.config.env.max_steps), strict=True
            ):
                cells = proxy_cells(rollout.level_text, item.world.name)
                replays.append(Replay(item.name, layouts[k], condition, rollout, cells))
    return replays


def _again(path: Path, name: str) -> str:
    """The command that trains this run again, next to it."""
    beside = (
        path.with_name(f"{path.name}-again") if path.name not in ("", "..") else path / ".." / f"{name}-again"
    )
    return shown_command("train", path / "config.yaml", "--out", beside)


def preview(replays: Sequence[Replay], shift: str) -> bytes:
    """A small picture of the first agent's episode after the change, for previews of the page's address."""
    rollout = next((replay.rollout for replay in replays if replay.condition == shift), None)
    if not isinstance(rollout, Rollout):
        return b""
    buffer = io.BytesIO()
    Image.fromarray(rollout.images(PREVIEW_PX)[-1]).quantize(64).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
