"""The study folder: written only by the driver, one run at a time, each atomically.

    study.yaml  runs/<id>/  failed/<id>.log  episodes.parquet  summary.csv  figures/  report.html  calls.jsonl

A folder under runs/ is a complete finished run. Unfinished files of a killed driver have hidden names and are removed by the
next one. Local workers work in `.work/`, from which a killed run resumes. Read next: `experiments/study/driver.py`.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from goalposts.errors import UserError
from goalposts.safe_folder import guard, make_folder, names_in, pinned, remove_file, remove_tree, rename
from goalposts.safe_read import read_beginning

from ....envs.worlds.contract.sources import shown_command
from ...config.fields import Amount, Whole
from ...config.yaml_document import shorten
from ...runs.folder_names import is_of_run
from ...system.atomic_files import RunError, disk_errors, read_limited, sync_folder, sync_tree, write_atomic
from ...system.leftovers import discard, made_here, of_name, sweep, unfinished, unfinished_name
from ...system.links import refuse_links
from ...system.locks import HELD, FolderLock, Timeout, is_held
from ..design.config import StudyConfig, read_study
from ..design.study_file import STUDY as STUDY
from ..design.study_file import check_study_folder
from ..workers.job import TIMES, Done, Failed, Times

RUNS, FAILED, WORK, LOCK = "runs", "failed", ".work", ".lock"
EPISODES, SUMMARY, FIGURES, PAGE = "episodes.parquet", "summary.csv", "figures", "report.html"
CALLS, MADE = "calls.jsonl", ".made.json"
RECORDED = "recorded.json"  # marks a run that came from a file of recorded rows: tables only, no agent
MAX_BYTES = 1 << 20
MAX_LINE = 1 << 12  # bytes of a log that are read for the reason of a failure

SHALLOW = (LOCK, STUDY, RUNS, FAILED, EPISODES, SUMMARY, FIGURES, CALLS, MADE)
"""What is read or written here: none of it may be a link, nor hold one. What lies in a run is checked when it is read."""

_ID = re.compile(r"[0-9a-f]{16}")
_WRITTEN = {
    "": re.compile("|".join(map(re.escape, (STUDY, EPISODES, SUMMARY, PAGE, CALLS, MADE, WORK)))),
    RUNS: _ID,
    FAILED: re.compile(rf"{_ID.pattern}\.log"),
    FIGURES: re.compile(r".+\.(svg|png)"),
    WORK: _ID,
}
"""Names that are written in each folder of a study."""


@dataclass(frozen=True)
class Call:
    """Record of one call of a study: runs done, elapsed seconds, and the driver's own CPU seconds."""

    ended: str
    done: Whole
    failed: Whole
    seconds: Amount
    driver_cpu: Amount
    workers: Whole
    engine: str


_CALL = TypeAdapter(Call)


class StudyFolder:
    """A folder that holds, or will hold, a study."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        guard(self.path)
        self._lock = FolderLock(self.path / LOCK)

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> StudyFolder:
        """Open an existing study folder. Raises RunError."""
        check_study_folder(path)
        folder = cls(path)
        folder.check()
        return folder

    def check(self) -> None:
        """Raise RunError if anything that is read or written here is a link."""
        refuse_links(self.path, SHALLOW, deep=False)
        refuse_links(self.path, (WORK,))

    @contextmanager
    def begin(self, study: StudyConfig) -> Iterator[None]:
        """Create the folder if necessary and hold it for writing.

        Resumes a study of the same name even if it has changed, because finished runs are found by id. Raises RunError for a
        folder of something else, or one that another process writes.
        """
        self.check()
        self.refuse_foreign(study)
        with disk_errors(self.path, "write"):
            self.path.mkdir(parents=True, exist_ok=True)
            make_folder(self.path / RUNS, exist_ok=True)
        with self.hold():
            self._sweep()
            self._write_study(study)
            yield

    def _write_study(self, study: StudyConfig) -> None:
        """Write study.yaml. A hand-written file is kept: unchanged, or next to the new one if their contents differ."""
        path, text = self.path / STUDY, study.to_yaml()
        if path.exists():
            content = read_limited(path, MAX_BYTES)
            known: StudyConfig | None = None
            with suppress(UserError):
                known = read_study(self.path)[0]
            if known is not None and known.to_yaml() == text:
                return
            if known is None or known.to_yaml().split() != content.decode("utf-8", "replace").split():
                names = ("study-before.yaml", *(f"study-before-{k}.yaml" for k in range(2, 1000)))
                free = next(self.path / name for name in names if not os.path.lexists(self.path / name))
                write_atomic(free, content)
        write_atomic(path, text.encode())

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Hold the folder for writing. Raises RunError if another process does."""
        self.check()
        with disk_errors(self.path, "write"):
            try:
                self._lock.acquire(timeout=3)  # workers of a driver that was just killed may still be ending
            except Timeout as error:
                text = f"another process runs this study{error.who and f' ({error.who})'}. Wait for it, or look at it with: "
                raise RunError(
                    f"{self.path} is in use: {text}{shown_command('study', 'status', self.path)}"
                ) from None
        try:
            yield
            self._lock.check()
        except (RunError, OSError):
            self._lock.check()
            raise
        finally:
            self._lock.release()

    def finished(self) -> set[str]:
        """Ids of the finished runs."""
        with suppress(FileNotFoundError, NotADirectoryError):
            return {name for name in names_in(self.path / RUNS) if _ID.fullmatch(name)}
        return set()

    def failed(self) -> dict[str, str]:
        """Reasons of failed runs at their last attempt, by id."""
        logs: list[Path] = []
        with suppress(FileNotFoundError, NotADirectoryError):
            paths = (self.path / FAILED / name for name in sorted(names_in(self.path / FAILED)))
            logs = [log for log in paths if log.suffix == ".log" and _ID.fullmatch(log.stem)]
        return {log.stem: _first_line(log) for log in logs}

    def run(self, run_id: str) -> Path:
        """Path of a finished run."""
        return self.path / RUNS / run_id

    def can_be_played(self, run_id: str) -> bool:
        """Whether a finished run has its agent and its recorded episodes; False for one that came from recorded rows."""
        return not (self.run(run_id) / RECORDED).exists()

    def scratch(self, run_id: str) -> Path:
        """Path of a local worker's scratch folder for a run."""
        return self.path / WORK / run_id

    def log(self, run_id: str) -> Path:
        """Path of a failed run's log."""
        return self.path / FAILED / f"{run_id}.log"

    def keep(self, done: Done) -> bool:
        """Store a finished run atomically; False if it already exists. Raises RunError."""
        self._lock.check()
        final = self.run(done.id)
        if not final.exists():
            part = unfinished_name(final)
            with disk_errors(final, "write"):
                try:
                    make_folder(part)
                    with pinned(part) as place:
                        for name, content in done.files.items():
                            (place / name).parent.mkdir(parents=True, exist_ok=True)
                            (place / name).write_bytes(content)
                        sync_tree(place)
                    rename(part, final)
                    sync_folder(final.parent)
                except BaseException:
                    remove_tree(part)
                    raise
            kept = True
        else:
            kept = False
        remove_file(self.log(done.id))
        with suppress(OSError):  # other failed runs have logs there
            self.log(done.id).parent.rmdir()
        self._discard(self.scratch(done.id))
        return kept

    def note(self, failed: Failed) -> Path:
        """Store the log of a failed run; return its path. Removes the scratch folder, so the next attempt starts from scratch."""
        path = self.log(failed.id)
        with disk_errors(path, "write"):
            make_folder(path.parent, exist_ok=True)
        write_atomic(path, f"{failed.message}\n\n{failed.log}\n".encode())
        self._discard(self.scratch(failed.id))
        return path

    def end_work(self) -> None:
        """Remove the workers' scratch folders, once no run is missing."""
        self._discard(self.path / WORK)

    def times(self, run_id: str) -> Times | None:
        """Times of a finished run; None if they cannot be read."""
        try:
            return Times.from_json(read_limited(self.run(run_id) / TIMES, MAX_BYTES))
        except (RunError, ValueError):
            return None

    def note_call(self, call: Call) -> None:
        """Append a call to the log of calls, which no table depends on. Raises RunError."""
        path = self.path / CALLS
        before = read_limited(path, MAX_BYTES) if path.exists() else b""
        write_atomic(path, before + _CALL.dump_json(call) + b"\n")

    def calls(self) -> list[Call]:
        """Read the calls that ended normally; empty if they cannot be read."""
        try:
            lines = read_limited(self.path / CALLS, MAX_BYTES).splitlines()
            return [_CALL.validate_json(line, strict=True) for line in lines]
        except (RunError, ValueError):
            return []

    def in_use(self) -> bool:
        """Whether a driver runs this study now."""
        return is_held(self.path / LOCK)

    def refuse_foreign(self, study: StudyConfig) -> None:
        """Raise RunError if the folder holds anything but a study of this name."""
        if not os.path.lexists(self.path):
            return
        if not self.path.is_dir():
            raise RunError(f"{self.path} is not a folder. Nothing was changed. Choose another with --out.")
        with disk_errors(self.path, "read"):
            names = os.listdir(self.path)
        ours = {LOCK, LOCK + HELD, RUNS, WORK, FAILED, STUDY}
        ours |= {part.name for part in unfinished(self.path) if made_here(part, of_name(STUDY))}
        foreign = sorted(name for name in names if name not in ours)
        if STUDY not in names and foreign:
            raise RunError(
                f"{self.path} is not empty and not a study folder (it holds {', '.join(foreign[:3])}). Nothing was changed. "
                "Choose a new folder with --out."
            )
        if STUDY in names:
            from ...config.yaml_document import read_document

            name = read_document(self.path / STUDY).data.get("name")
            if name != study.name:
                raise RunError(
                    f"{self.path} holds the study {name!r}, not {study.name!r}. Nothing was changed. Choose another folder "
                    "with --out."
                )

    def _discard(self, place: Path) -> None:
        """Remove a scratch folder. If it holds other files, keep it under a name that no worker uses."""
        if (
            discard(place, lambda path: is_of_run(path) or is_of_run(path.partition("/")[2]))
            and place != self.path / WORK
        ):
            with suppress(OSError):
                rename(place, place.with_name(f"{place.name}-kept-{secrets.token_hex(4)}"))

    def _sweep(self) -> None:
        for name, written in _WRITTEN.items():
            sweep(self.path / name, written, own=True)


def _first_line(log: Path) -> str:
    with disk_errors(log, "read"):
        content = read_beginning(log, MAX_LINE, follow=False)
    return shorten(content.decode("utf-8", "replace").split("\n", 1)[0], 600, quote=False)
