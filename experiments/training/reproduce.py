"""Reproduce a run: train and evaluate it again from its folder alone, and compare the results.

The run itself is only read. The re-run is made in a hidden folder next to it, which is removed at the end, or in a folder
that the caller names. Read next: `run_comparison.py`, which compares the two.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from goalposts.safe_folder import remove_tree

from ...envs.worlds.contract.sources import shown_command
from ..evaluation.evaluate import evaluate_fully, subject_of
from ..evaluation.trajectories import FILE as TRAJECTORIES
from ..evaluation.trajectories import LEAKAGE, record
from ..measurement.episodes import read_episodes
from ..runs.checkpoints import CHECKPOINT_FILES
from ..runs.run import Run
from ..system.atomic_files import RunError
from ..system.leftovers import of_name, sweep, unfinished_name
from .run_comparison import (
    PROCESSOR,
    Changed,
    Compared,
    Rate,
    agree,
    compare_environments,
    compare_files,
    compare_rates,
)
from .train import train

Tell = Callable[[int, int, str], None]  # (step, total, message)

SAME = ("same bytes", "same content", "was not there")


@dataclass(frozen=True)
class Reproduction:
    """Result of reproducing a run.

    files     comparison of every result of the run with that of the re-run
    changed   differences in code, versions or machine since the run was made
    rates     if the episodes differ: every rate, with the recorded interval
    kept      the folder of the re-run, if it is kept
    """

    run: Path
    files: tuple[Compared, ...]
    changed: tuple[Changed, ...]
    rates: tuple[Rate, ...]
    kept: Path | None

    @property
    def same(self) -> bool:
        """Whether all results are identical."""
        return all(file.state in SAME for file in self.files)

    @property
    def other_processor(self) -> bool:
        """Whether torch may have summed in another order on this processor, so that bytes may differ."""
        return any(change.what == PROCESSOR for change in self.changed)

    @property
    def agrees(self) -> bool:
        """Whether the results are identical; or, if only processor features differ, whether the rates agree."""
        return self.same or (self.other_processor and agree(self.rates))

    def to_dict(self) -> dict[str, Any]:
        """Return all fields for JSON."""
        return {
            "run": str(self.run),
            "same": self.same,
            "agrees": self.agrees,
            "changed": [asdict(change) for change in self.changed],
            "files": [asdict(file) for file in self.files],
            "rates": [{**asdict(rate), "within": rate.within} for rate in self.rates],
            "kept": None if self.kept is None else str(self.kept),
        }


def reproduce(
    path: str | os.PathLike[str], out: str | os.PathLike[str] | None = None, tell: Tell | None = None
) -> Reproduction:
    """Train a finished run again and evaluate it as it was evaluated; compare the two folders.

    out: keep the re-run there; an unfinished re-run in that folder is resumed. Raises RunError if the run is unfinished or
    damaged, or if `out` holds something else.
    """
    run = Run.open(path)
    status = run.status()
    if status.state != "finished":
        raise RunError(
            f"{run.path} is not finished ({status.state}, step {status.step:,} of {status.total:,}), so there is nothing to "
            f"compare with. Finish it first: {shown_command('train', run.path / 'config.yaml', '--out', run.path)}"
        )
    _refuse_incomplete(run)
    if out is not None and os.path.realpath(out) == os.path.realpath(run.path):
        raise RunError(f"{out} is the run itself; give --out another folder, or leave it out")
    table = (
        read_episodes(run.episodes_path, follow=False) if run.episodes_path.exists() else None
    )  # report damage now
    with _place(run, out) as place:
        again = _again(run, table, place, tell or (lambda step, total, words: None))
        files = compare_files(run, again)
        tables = {file.file: file.state for file in files}
        others = tables.get("episodes.parquet") == "differs" and again.episodes_path.exists()
        return Reproduction(
            run.path,
            files,
            compare_environments(run.provenance(), again.provenance()),
            compare_rates(run, again) if others else (),
            None if out is None else again.path,
        )


def _refuse_incomplete(run: Run) -> None:
    """Raise RunError if a file is missing without which there is nothing to compare."""
    restore = "Restore it from a copy of the run"
    last = run.latest_checkpoint()
    if last is None:
        raise RunError(f"{run.path} no longer has a checkpoint, so there is no agent to compare with.")
    for name in CHECKPOINT_FILES:
        if not (last.path / name).exists():
            raise RunError(f"{last.path / name} is missing, so there is no agent to compare with. {restore}")
    played = [name for name in (TRAJECTORIES, LEAKAGE) if (run.path / name).exists()]
    if played and not run.episodes_path.exists():
        raise RunError(
            f"{run.episodes_path} is missing, although the run was evaluated ({played[0]} is there), so there are no episodes to "
            f"compare with. {restore}, or evaluate the run again: {shown_command('evaluate', run.path)}"
        )


def _again(run: Run, table: pl.DataFrame | None, place: Path, tell: Tell) -> Run:
    """Train the re-run and evaluate it as `table` was; resumes an unfinished re-run."""
    if (place / "config.yaml").exists() and Run.open(place).status().state == "finished":
        again = Run.open(place)
        if again.config != run.config:
            raise RunError(
                f"{place} holds a run of another config. Nothing was changed. Give --out a new folder."
            )
    else:
        again = train(run.config, place, tell, evaluate=False)
    if table is not None and not again.episodes_path.exists():
        conditions = table["condition"].unique(maintain_order=True).to_list()
        total = run.config.train.total_steps
        tell(total, total, "evaluating")
        with again.lock():
            evaluation = evaluate_fully(
                replace(subject_of(again), run=table["run"][0]),  # a study names its runs by id
                conditions,
                table["level_index"].n_unique(),
                greedy=not table["sampled"].all(),
            )
            record(again, evaluation)
    return again


@contextmanager
def _place(run: Run, out: str | os.PathLike[str] | None) -> Iterator[Path]:
    """Provide the folder of the re-run; removes a temporary one afterwards, and those left by dead processes."""
    if out is not None:
        yield Path(out)
        return
    path = run.path.resolve()
    sweep(path.parent, of_name(path.name), folders_only=True)
    place = unfinished_name(path)
    try:
        yield place
    finally:
        remove_tree(place)
