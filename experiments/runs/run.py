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
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from numbers import Real
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from goalposts.closest import near

from ..config.schema import ConfigError, ExperimentConfig, parse_config
from ..system.atomic_files import (
    RunError,
    disk_errors,
    read_limited,
    write_atomic,
)
from ..system.leftovers import made_here, sweep, unfinished
from ..system.links import refuse_links
from ..system.locks import FileLock, Timeout, is_held
from .checkpoints import Checkpoint, list_checkpoints, sweep_checkpoints, write_checkpoint
from .progress_csv import Row, append_row, read_rows, rewind_rows
from .provenance import Provenance, collect, now

__all__ = ["Checkpoint", "Run", "RunError", "Status", "default_out"]

CONFIG, PROVENANCE, STATUS, LOCK = "config.yaml", "provenance.json", "status.json", ".lock"
PROGRESS, EPISODES, CHECKPOINTS = "progress.csv", "episodes.parquet", "checkpoints"
READ = (
    *(CONFIG, PROVENANCE, STATUS, LOCK, PROGRESS, EPISODES, CHECKPOINTS, "tensorboard"),
    *("trajectories.parquet", "leakage.json", "explored.parquet", "finetune.csv", "finetune"),
    *("unfinished.json", "measures.json", "times.json"),
)
"""What is read or added to here, now or later: none of it may be a link."""
WRITTEN = re.compile("|".join(map(re.escape, (*READ, "report.html", "rollout.gif"))))
"""What else is written here is replaced as a whole."""
_OF_RUN = re.compile(
    rf"(?:{WRITTEN.pattern})|{CHECKPOINTS}/[0-9]+/(?:checkpoint|state)\.json|{CHECKPOINTS}/[0-9]+/(?:model|state)\.safetensors"
)
MAX_BYTES = 1_000_000  # of each of the small files

State = Literal["created", "running", "finished", "failed"]
ModelT = TypeVar("ModelT", bound=BaseModel)


class Status(BaseModel):
    """How far a run is. `running` may also mean killed: ask `Run.in_use`. Times are for people."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    state: State = "created"
    step: int = Field(default=0, ge=0)
    total: int = Field(ge=0)
    message: str = Field(default="", max_length=10_000)
    created: str = Field(max_length=40)
    started: str | None = Field(default=None, max_length=40)
    updated: str = Field(max_length=40)
    finished: str | None = Field(default=None, max_length=40)
    pid: int | None = None
    host: str = Field(default="", max_length=300)


class Run:
    """A run folder that has been checked. Make one with `Run.create`, read one with `Run.open`."""

    def __init__(self, path: Path, config: ExperimentConfig) -> None:
        self.path = path
        self.config = config
        self._lock = FileLock(path / LOCK, thread_local=False)

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"

    @classmethod
    def create(cls, path: str | os.PathLike[str], config: ExperimentConfig) -> Run:
        """A new run folder, or the unfinished one of the same config that exists already, to resume it.

        Raises RunError, with nothing changed, if the folder holds another config, a finished run or other files.
        """
        path = Path(path)
        _refuse_foreign(path)
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
        """An existing run, to read or to resume. Raises RunError if it is missing, damaged or edited."""
        path = Path(path)
        if not os.path.exists(path / CONFIG):
            raise RunError(_not_a_run(path))
        content = read_limited(path / CONFIG, MAX_BYTES)
        try:
            config = parse_config(content.decode("utf-8"), str(path / CONFIG))
        except (ConfigError, UnicodeDecodeError) as error:
            remedy = "Restore config.yaml from a copy of the run, or choose another."
            if isinstance(error, ConfigError) and len(error.problems) > 1:
                first, *more = error.args
                raise RunError(f"{path} is not a usable run folder. {first}", *more, remedy) from error
            raise RunError(f"{path} is not a usable run folder. {error} {remedy}") from error
        run = cls(path, config)
        if run.provenance().config_sha256 != hashlib.sha256(content).hexdigest():
            raise RunError(
                f"{path / CONFIG} was edited after the run began, so it does not describe this run any more. "
                "Undo the edit, or start a new run: goalposts train CONFIG --out another-folder."
            )
        run.status()
        return run

    def status(self) -> Status:
        """The state last written. Raises RunError if the file is damaged."""
        remedy = "Delete that file: the next training of this run writes it anew."
        if (self.path / STATUS).is_symlink() or not (self.path / STATUS).exists():
            last = self.latest_checkpoint()
            total = self.config.train.total_steps
            return Status(step=last.step if last else 0, total=total, created=now(), updated=now())
        return _read_json(Status, self.path / STATUS, remedy)

    def provenance(self) -> Provenance:
        """Where the run comes from. Raises RunError if the file is missing or damaged."""
        return _read_json(Provenance, self.path / PROVENANCE, "Restore it from a copy of the run.")

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
            host=_host(),
        )
        write_atomic(self.path / STATUS, _json(status))
        return status

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
            except Timeout:
                raise RunError(self._who_holds_it()) from None
        try:
            self._sweep()
            yield self
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
                f"See it with: goalposts report {path}, or train again into another folder with --out."
            )
        return run

    def _write_first_files(self) -> None:
        """config.yaml comes last: a folder without it is not a run yet."""
        content = self.config.to_yaml().encode()
        digest = hashlib.sha256(content).hexdigest()
        facts = collect(self.config.seed, self.config.hash(), digest)
        status = Status(total=self.config.train.total_steps, created=now(), updated=now(), host=_host())
        write_atomic(self.path / PROVENANCE, _json(facts))
        write_atomic(self.path / STATUS, _json(status))
        write_atomic(self.path / CONFIG, content)

    def _take_back(self, folders: list[Path]) -> None:
        """Remove what a failed `create` made, and nothing else."""
        if os.path.exists(self.path / CONFIG) or self.path not in folders:
            return
        with suppress(OSError):
            for name in (PROVENANCE, STATUS, LOCK):
                (self.path / name).unlink(missing_ok=True)
            for folder in folders:
                folder.rmdir()

    def _need_lock(self) -> None:
        if not self._lock.is_locked:
            raise RunError(f"{self.path} is not locked by this process: write inside `with run.lock():`.")

    def _who_holds_it(self) -> str:
        who = ""
        with suppress(RunError):
            status = self.status()
            who = f" (process {status.pid} on {status.host}, since {status.started})" if status.pid else ""
        return (
            f"{self.path} is in use by another process{who}. Nothing was changed. "
            "Wait until it is done, or choose another folder with --out."
        )

    def _sweep(self) -> None:
        """Remove what dead processes left unfinished. Only with the lock held."""
        sweep(self.path, WRITTEN)
        sweep_checkpoints(self.path / CHECKPOINTS)


def is_of_run(path: str) -> bool:
    """Whether a file is one that a training or evaluation writes, by its path from the run folder."""
    return _OF_RUN.fullmatch(path) is not None


def default_out(config: ExperimentConfig) -> Path:
    """The default folder of a run: `runs/<name>-s<seed>`."""
    return Path("runs") / f"{config.name}-s{config.seed}"


def _refuse_foreign(path: Path) -> None:
    """A folder that is neither missing, nor empty, nor ours, is not written to."""
    if not os.path.lexists(path):
        return
    if not os.path.isdir(path):
        raise RunError(f"{path} is not a folder. Nothing was changed. Choose another with --out.")
    with disk_errors(path, "read"):
        names = sorted(os.listdir(path))
    ours = {part.name for part in unfinished(path) if made_here(part, WRITTEN)}
    ours |= {name for name, is_ours in _FIRST.items() if CONFIG not in names and is_ours(path / name)}
    foreign = [name for name in names if name not in ours]
    if foreign and CONFIG not in names:
        raise RunError(
            f"{path} is not empty and not a run folder (it holds {', '.join(foreign[:3])}). Nothing was changed. "
            "Choose a new folder with --out."
        )


def _is_json(model: type[BaseModel], path: Path) -> bool:
    try:
        _read_json(model, path, "")
    except RunError:
        return False
    return not path.is_symlink()


_FIRST: dict[str, Callable[[Path], bool]] = {
    PROVENANCE: lambda path: _is_json(Provenance, path),
    STATUS: lambda path: _is_json(Status, path),
    LOCK: lambda path: path.is_file() and not path.is_symlink() and path.stat().st_size == 0,
}
"""What a killed process may have left of a run that has no config.yaml yet, and whether a file of that name is one."""


def _not_a_run(path: Path) -> str:
    if os.path.isfile(path.parent / CONFIG):
        return f"{path} is a part of a run; give the run folder: {path.parent}"
    what = (
        f"{path} is a file, not a run folder." if os.path.isfile(path) else f"there is no run folder {path}."
    )
    here = path if os.path.isdir(path) else path.parent
    if not path.is_absolute() and os.path.isfile(Path("runs") / path / CONFIG):
        return f"{what} Did you mean {Path('runs') / path}?"
    with suppress(OSError):
        runs = sorted(entry.name for entry in os.scandir(here) if os.path.isfile(Path(entry.path) / CONFIG))
        close = near(path.name, runs, 3) or runs[:5]
        if close:
            hint = f" Runs that are there: {', '.join(str(here / name) for name in close)}."
        else:
            hint = " Train one first: goalposts train coinrun/edge"
        if os.path.isdir(path):
            return f"{path} is not a run folder: it has no {CONFIG}.{hint}"
        return f"{what}{hint}"
    return f"{what} Train one first: goalposts train coinrun/edge"


def differences(one: ExperimentConfig, two: ExperimentConfig, but: tuple[str, ...] = ()) -> str:
    """What two configs differ in, as "train.gamma 0.99 and 0.5, …", apart from names, notes and the keys in `but`."""
    a, b = dict(_flat(one.to_dict())), dict(_flat(two.to_dict()))
    keys = [key for key in b if a.get(key) != b[key] and key not in ("name", "notes", *but)]
    listing = ", ".join(f"{key} {a.get(key)} and {b[key]}" for key in keys[:4])
    return listing + (f" and {len(keys) - 4} more" if len(keys) > 4 else "")


def _flat(data: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in data.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def _json(model: BaseModel) -> bytes:
    return model.model_dump_json(indent=2).encode() + b"\n"


def _read_json(model: type[ModelT], path: Path, remedy: str) -> ModelT:
    try:
        return model.model_validate_json(read_limited(path, MAX_BYTES), strict=True)
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"]))
        raise RunError(f"{path} is damaged{f' at {where}' if where else ''}. {remedy}") from error


def _host() -> str:
    return os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME", "")
