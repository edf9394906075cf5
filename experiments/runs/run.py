"""The run folder: one training, complete and self-describing, whole at every moment.

    config.yaml  provenance.json  status.json  progress.csv  checkpoints/<step>/  episodes.parquet  report.html

Every file appears in one piece, every checkpoint folder too; what a killed process left unfinished has a
hidden name, is never read and is swept by the next one that locks the run. One process at a time writes
(`with run.lock()`), any may read. Knows nothing about training or the content of a checkpoint. Read next:
`experiments/training/train.py`, which fills it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from numbers import Real
from pathlib import Path
from typing import Any

from goalposts.safe_folder import guard, remove_file
from goalposts.safe_read import decode_text

from ...envs.worlds.contract.sources import shown_command
from ..config.schema import ConfigError, ExperimentConfig, parse_config
from ..system.atomic_files import RunError, disk_errors, read_limited, write_atomic
from ..system.leftovers import sweep
from ..system.links import refuse_links
from ..system.locks import FolderGone, FolderLock, Timeout, folder_gone, is_held
from .checkpoints import Checkpoint, list_checkpoints, sweep_checkpoints, write_checkpoint
from .folder_names import (
    CHECKPOINTS,
    CONFIG,
    EPISODES,
    LOCK,
    PROGRESS,
    PROVENANCE,
    READ,
    STATUS,
    WRITTEN,
    not_a_run,
    refuse_foreign,
)
from .progress_csv import Row, append_row, read_rows, rewind_rows
from .provenance import Provenance, collect, now
from .status import MAX_BYTES, State, Status, host_name, read_json, write_json

__all__ = ["Checkpoint", "Run", "RunError", "Status", "default_out"]


class Run:
    """A run folder that has been checked. Make one with `Run.create`, read one with `Run.open`."""

    def __init__(self, path: Path, config: ExperimentConfig) -> None:
        self.path = path
        self.config = config
        guard(path)
        self._lock = FolderLock(path / LOCK)
        self._gone = False  # whether FolderGone was raised
        self._began = False  # whether there was a config.yaml while the lock was held

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"

    @classmethod
    def create(cls, path: str | os.PathLike[str], config: ExperimentConfig) -> Run:
        """Create a run folder, or open an existing unfinished one of the same config to resume it.

        Raises RunError, with nothing changed, if the folder holds another config, a finished run or other files.
        """
        path = Path(path)
        refuse_foreign(path)
        if os.path.exists(path / CONFIG):
            return cls._go_on(path, config)
        missing = [folder for folder in (path, *path.parents) if not os.path.exists(folder)]
        run = cls(path, config)
        try:
            with disk_errors(path, "write"):
                path.mkdir(parents=True, exist_ok=True)
            with run.lock(wait=10):
                if not (path / CONFIG).exists():
                    run._write_first_files()
        except BaseException:
            run._take_back(missing)
            raise
        return cls._go_on(path, config)

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Run:
        """Open an existing run, to read or to resume it. Raises RunError if it is missing, damaged or edited."""
        path = Path(path)
        if not os.path.exists(path / CONFIG):
            raise RunError(not_a_run(path))
        content = read_limited(path / CONFIG, MAX_BYTES)
        try:
            config = parse_config(decode_text(content), str(path / CONFIG))
        except (ConfigError, UnicodeDecodeError) as error:
            remedy = "Restore config.yaml from a copy of the run, or choose another."
            if isinstance(error, ConfigError) and len(error.problems) > 1:
                first, *more = error.args
                raise RunError(f"{path} is not a usable run folder. {first}", *more, remedy) from error
            raise RunError(f"{path} is not a usable run folder. {error} {remedy}") from error
        run = cls(path, config)
        if run.provenance().config_sha256 not in _digests(content, config):
            raise RunError(
                f"{path / CONFIG} was edited after the run began, so it does not describe this run any more. "
                "Undo the edit, or start a new run: goalposts train CONFIG --out another-folder."
            )
        run.status()
        return run

    def status(self) -> Status:
        """The state last written. Raises RunError if the file is damaged."""
        remedy = "Delete that file: the next training of this run writes it again."
        if (self.path / STATUS).is_symlink() or not (self.path / STATUS).exists():
            last = self.latest_checkpoint()
            total = self.config.train.total_steps
            return Status(step=last.step if last else 0, total=total, created=now(), updated=now())
        return read_json(Status, self.path / STATUS, remedy)

    def provenance(self) -> Provenance:
        """Read the run's provenance. Raises RunError if the file is missing or damaged."""
        return read_json(Provenance, self.path / PROVENANCE, "Restore it from a copy of the run.")

    def set_status(self, state: State | None = None, step: int | None = None, message: str = "") -> Status:
        """Write the state; what is not given stays, the message excepted. Needs the lock."""
        self._need_lock()
        old, time = self.status(), now()
        state = state or old.state
        status = Status(
            state=state,
            step=old.step if step is None else step,
            total=self.config.train.total_steps,
            message=message[:2000],
            created=old.created,
            started=old.started or (time if state == "running" else None),
            updated=time,
            finished=time if state in ("finished", "failed") else None,
            pid=os.getpid() if state == "running" else None,
            host=host_name(),
        )
        write_atomic(self.path / STATUS, write_json(status))
        return status

    def note_callbacks(self, callbacks: Iterable[object]) -> None:
        """Record in provenance.json which callbacks the training was given; without any, nothing is written. Needs the lock."""
        self._need_lock()
        names = tuple(f"{type(callback).__module__}.{type(callback).__qualname__}" for callback in callbacks)
        if names:
            facts = self.provenance().model_copy(update={"callbacks": names})
            write_atomic(self.path / PROVENANCE, write_json(facts))

    def note_spent(self, spent: Mapping[str, float | None]) -> None:
        """Record in provenance.json what a run by a method took; what is undefined is left out. Needs the lock."""
        self._need_lock()
        known = {name: float(value) for name, value in spent.items() if value is not None}
        facts = self.provenance().model_copy(update={"spent": known})
        write_atomic(self.path / PROVENANCE, write_json(facts))

    def note_plan(self, file: str, sha256: str) -> None:
        """Record in provenance.json the plan that was written before this run. Needs the lock."""
        self._need_lock()
        facts = self.provenance()
        if facts.plan != {file: sha256}:
            write_atomic(
                self.path / PROVENANCE, write_json(facts.model_copy(update={"plan": {file: sha256}}))
            )

    # --- one writer at a time

    @contextmanager
    def lock(self, wait: float = 0.0) -> Iterator[Run]:
        """Hold the run for writing. The system frees the lock when the process dies, however it dies.

        Raises RunError if another process holds it for longer than `wait` seconds. May be nested.
        """
        if self._lock.is_locked:
            yield self
            return
        refuse_links(self.path, READ)
        with disk_errors(self.path / LOCK, "write"):
            try:
                self._lock.acquire(timeout=wait)
            except Timeout as error:
                raise RunError(self._who_holds_it(error.who)) from None
        try:
            self._sweep()
            yield self
            if not self._gone:  # said once
                self.check_there()
        except (RunError, OSError):
            self.check_there()
            raise
        finally:
            self._lock.release()

    def in_use(self) -> bool:
        """Whether some process holds the lock now; a `running` run that is not in use was killed."""
        if self._lock.is_locked:
            return True
        return is_held(self.path / LOCK)

    # --- what training leaves

    def checkpoints(self) -> tuple[Checkpoint, ...]:
        """The complete checkpoints, oldest first."""
        return list_checkpoints(self.path / CHECKPOINTS)

    def latest_checkpoint(self) -> Checkpoint | None:
        """The checkpoint of the most steps, if there is any."""
        return next(reversed(self.checkpoints()), None)

    def save_checkpoint(
        self, step: int, writer: Callable[[Path], object], keep: int | None = 3
    ) -> Checkpoint:
        """Let `writer` fill a folder; it becomes `checkpoints/<step>/` in one step once all of it is on the disk.

        The last `keep` checkpoints stay, this one among them (at least 2; None: all). Needs the lock. Raises RunError
        when the disk refuses; then, as after an error of the writer, all checkpoints are as they were.
        """
        self._need_lock()
        return write_checkpoint(self.path / CHECKPOINTS, step, writer, keep)

    def append_progress(self, row: Mapping[str, Real | float | None]) -> None:
        """Append one row to progress.csv; it needs a growing `step`. Needs the lock."""
        self._need_lock()
        append_row(self.path / PROGRESS, row)

    def progress(self) -> list[Row]:
        """All rows of progress.csv, oldest first."""
        return read_rows(self.path / PROGRESS)

    def rewind_progress(self, step: int) -> None:
        """Remove the rows beyond `step`, before training resumes from a checkpoint. Needs the lock."""
        self._need_lock()
        rewind_rows(self.path / PROGRESS, step)

    @property
    def episodes_path(self) -> Path:
        """The path of the episodes table, whether or not it exists yet."""
        return self.path / EPISODES

    # --- within

    @classmethod
    def _go_on(cls, path: Path, config: ExperimentConfig) -> Run:
        run = cls.open(path)
        if run.config.hash() != config.hash():
            raise RunError(
                f"{path} holds a run of another config ({differences(run.config, config)}: there, and here). Nothing was "
                "changed. "
                "Choose another folder with --out, or give the config another name."
            )
        if run.status().state == "finished":
            raise RunError(
                f"{path} already holds the finished run of this config. Nothing was changed. "
                f"See it with: {shown_command('report', path)}, or train again into another folder with --out."
            )
        return run

    def _write_first_files(self) -> None:
        """config.yaml comes last: a folder without it is not a run yet."""
        content = self.config.to_yaml().encode()
        digest = hashlib.sha256(content).hexdigest()
        facts = collect(self.config.seed, self.config.hash(), digest)
        status = Status(total=self.config.train.total_steps, created=now(), updated=now(), host=host_name())
        write_atomic(self.path / PROVENANCE, write_json(facts))
        write_atomic(self.path / STATUS, write_json(status))
        write_atomic(self.path / CONFIG, content)

    def _take_back(self, folders: list[Path]) -> None:
        """Remove what a failed `create` made, and nothing else."""
        if os.path.exists(self.path / CONFIG) or self.path not in folders:
            return
        with suppress(OSError):
            for name in (PROVENANCE, STATUS, LOCK):
                remove_file(self.path / name)
            for folder in folders:
                folder.rmdir()

    def _need_lock(self) -> None:
        if not self._lock.is_locked:
            raise RunError(f"{self.path} is not locked by this process: write inside `with run.lock():`.")
        self.check_there()

    def check_there(self) -> None:
        """Raise FolderGone if the folder was removed, emptied or replaced while this process held its lock."""
        if self._lock.is_locked and os.path.lexists(self.path / CONFIG):
            self._began = True
        self._gone = True
        self._lock.check()
        if self._began and not os.path.lexists(self.path / CONFIG):
            raise FolderGone(folder_gone(self.path / CONFIG))
        self._gone = False

    def _who_holds_it(self, who: str = "") -> str:
        who = who and f" ({who})"
        with suppress(RunError):
            status = self.status()
            if status.pid and not who:
                who = f" (process {status.pid} on {status.host}, since {status.started})"
        return (
            f"{self.path} is in use by another process{who}. Nothing was changed. "
            "Wait until it is done, or choose another folder with --out."
        )

    def _sweep(self) -> None:
        """Remove what dead processes left unfinished. Only with the lock held."""
        sweep(self.path, WRITTEN)
        sweep_checkpoints(self.path / CHECKPOINTS)


def default_out(config: ExperimentConfig) -> Path:
    """The default folder of a run: `runs/<name>-s<seed>`."""
    return Path("runs") / f"{config.name}-s{config.seed}"


def _digests(content: bytes, config: ExperimentConfig) -> set[str]:
    """Digests of config.yaml: of its bytes, of its bytes with Unix line endings (git may change those), and of its values."""
    plain = decode_text(content).replace("\r\n", "\n").encode()
    return {hashlib.sha256(text).hexdigest() for text in (content, plain, config.to_yaml().encode())}


def differences(config: ExperimentConfig, two: ExperimentConfig, but: tuple[str, ...] = ()) -> str:
    """List the differences of two configs, as "train.gamma 0.99 and 0.5, …", except for names, notes and the keys in `but`."""
    a, b = dict(_flat(config.to_dict())), dict(_flat(two.to_dict()))
    keys = [key for key in b if a.get(key) != b[key] and key not in ("name", "notes", *but)]
    listing = ", ".join(f"{key} {a.get(key)} and {b[key]}" for key in keys[:4])
    return listing + (f" and {len(keys) - 4} more" if len(keys) > 4 else "")


def _flat(data: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in data.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value
