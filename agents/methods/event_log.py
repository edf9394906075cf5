"""tensorboard's log of a method: the rows of progress.csv, and the statistics of each learner, at the steps of the whole task.

Without a folder, without tensorboard or on a disk that refuses, nothing is logged and training continues. Read next: `task.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from stable_baselines3.common.logger import KVWriter, Logger, TensorBoardOutputFormat

ROWS = "goalposts/"
"""Prefix of what progress.csv holds too."""


class EventLog:
    """Writes into one folder. folder: None logs nothing."""

    def __init__(self, folder: Path | None = None) -> None:
        self._writer: KVWriter | None = None
        if folder is not None:
            with suppress(ImportError, AssertionError, OSError):  # not installed, or not writable
                self._writer = TensorBoardOutputFormat(str(folder))

    def row(self, row: Mapping[str, Any]) -> None:
        """Log the numbers of a row of progress.csv at its step."""
        numbers = {ROWS + name: value for name, value in row.items() if isinstance(value, int | float)}
        self.write(numbers, dict.fromkeys(numbers, ()), row["step"])

    def write(self, values: dict[str, Any], excluded: dict[str, tuple[str, ...]], step: int) -> None:
        """Log values by name, as `KVWriter` does."""
        try:
            if self._writer is not None:
                self._writer.write(values, excluded, step)
        except OSError:  # errors of this log stop no training; the run's own files will report a full disk
            self._writer = None

    def logger(self, steps: Callable[[], int]) -> Logger:
        """Logger for a learner. steps: the number of steps at which its statistics are logged, instead of the learner's count."""
        return Logger(None, [_Statistics(self, steps)])

    def close(self) -> None:
        """Close the file."""
        if self._writer is not None:
            with suppress(OSError):
                self._writer.close()
        self._writer = None


class _Statistics(KVWriter):
    """What an algorithm reports of its updates; the task logs the rows of progress.csv itself."""

    def __init__(self, log: EventLog, steps: Callable[[], int]) -> None:
        self._log, self._steps = log, steps

    def write(
        self, key_values: dict[str, Any], key_excluded: dict[str, tuple[str, ...]], step: int = 0
    ) -> None:
        names = [name for name in key_values if not name.startswith(ROWS)]
        self._log.write(
            {name: key_values[name] for name in names},
            {name: key_excluded[name] for name in names},
            self._steps(),
        )

    def close(self) -> None:
        """Do nothing: the log belongs to the task, and other learners may use it."""
