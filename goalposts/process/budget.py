"""Budget of a command for reading untrusted files: 2 GB of memory and 60 s of processor time, or e.g. GOALPOSTS_BUDGET=8GB,600s.

Every reader of untrusted files asks here, with sizes *after* unpacking, before it allocates memory:

    budget = reading_budget()
    with budget.clock(path):                 # counts time, and raises OverBudget when it runs out
        budget.claim(bytes_needed, path)     # raises OverBudget if that no longer fits
        table = …
    budget.hold(table, bytes_of_table)       # counted until the table is deleted

Memory counts what is held simultaneously. Time adds up over a command (`begin`, called by the command line), and the limit grows by 1 s per
5 MB read, so that a study of thousands of runs has enough; in a long-lived process, such as a notebook, each outermost `clock` starts
at zero. Does not measure files: each reader knows its own format.
"""

from __future__ import annotations

import os
import re
import time
import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ..errors import UserError

VARIABLE = "GOALPOSTS_BUDGET"
MEMORY, SECONDS = 2 * 10**9, 60.0
UNITS = {"kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
OFTEN = 16  # number of loop items between two checks of the clock

T = TypeVar("T")


class OverBudget(UserError):
    """Reading a file would take more memory or time than this command may spend on untrusted files."""


@dataclass
class Budget:
    """Allowed and spent bytes and seconds. total: time adds up over everything that is read."""

    memory: int = MEMORY
    seconds: float = SECONDS
    total: bool = False
    held: int = 0
    spent: float = 0.0
    extra: float = 0.0  # additional seconds, for the bytes read
    _began: list[float] = field(default_factory=list)

    def claim(self, size: float, what: object) -> None:
        """Raise OverBudget if `size` bytes do not fit in addition to those held."""
        if size > self.memory - self.held:
            beside = (
                f" in addition to the {_mb(self.held)} that other files take" if self.held > 10**7 else ""
            )
            raise OverBudget(
                f"{what} would take {_mb(size)} of memory to read{beside}; a command may spend {_mb(self.memory)} on files. "
                f"If you trust it, allow more: {VARIABLE}={_more(size + self.held)}"
            )

    def hold(self, thing: T, size: float, what: object = "this file") -> T:
        """Count `size` bytes until `thing` is deleted. Raises OverBudget if they do not fit."""
        self.claim(size, what)
        self.held += int(size)
        weakref.finalize(thing, self._release, int(size)).atexit = False
        return thing

    def _release(self, size: int) -> None:
        self.held -= size

    @contextmanager
    def clock(self, what: object) -> Iterator[None]:
        """Count the processor time of a block. Raises OverBudget after it if the time ran out; `each` and `check` raise inside it."""
        self._began.append(time.process_time())
        try:
            yield
            self.check(what)
        finally:
            began = self._began.pop()
            if not self._began:
                self.spent = self.spent + time.process_time() - began if self.total else 0.0
                self.extra = self.extra if self.total else 0.0

    def spend(self, seconds: float) -> None:
        """Count time that another process spent reading for this one."""
        self.spent += seconds

    def read(self, size: int, seconds_a_byte: float = 2e-7) -> None:
        """Record `size` bytes read from a file, which extends the time limit accordingly."""
        self.extra += size * seconds_a_byte

    def left(self) -> float:
        """Remaining seconds, at least 0."""
        return max(
            self.seconds
            + self.extra
            - self.spent
            - (time.process_time() - self._began[0] if self._began else 0.0),
            0.0,
        )

    def check(self, what: object) -> None:
        """Raise OverBudget if the time has run out."""
        if not self.left():
            raise self.too_slow(what)

    def too_slow(self, what: object) -> OverBudget:
        """Build the error for exceeding the time limit."""
        return OverBudget(
            f"reading {what} took longer than the {self.seconds:,.3g} s of processor time that a command may spend on files. "
            f"If you trust it, allow more: {VARIABLE}={self.memory / 10**9:.3g}GB,{max(10 * self.seconds, 1):.0f}s"
        )

    def each(self, items: Iterable[T], what: object) -> Iterator[T]:
        """Iterate over the items of a file. Raises OverBudget when the time runs out."""
        with self.clock(what):
            for number, item in enumerate(items):
                if number % OFTEN == 0:
                    self.check(what)
                yield item


_now: Budget | None = None


def reading_budget() -> Budget:
    """Return the budget of this process. Raises UserError if GOALPOSTS_BUDGET is invalid."""
    global _now
    memory, seconds = parse_budget(os.environ.get(VARIABLE, ""))
    if _now is None:
        _now = Budget()
    _now.memory, _now.seconds = memory, seconds
    return _now


def begin() -> None:
    """Start the budget of a command, in which time adds up. Raises UserError if GOALPOSTS_BUDGET is invalid."""
    budget = reading_budget()
    budget.total, budget.spent, budget.extra = True, 0.0, 0.0


def parse_budget(text: str) -> tuple[int, float]:
    """Parse `8GB`, `300s` or `8GB,300s` to bytes and seconds, with defaults for missing parts. Raises UserError."""
    memory, seconds = MEMORY, SECONDS
    for part in filter(None, re.split(r"[\s,]+", text.strip())):
        match = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)(kb|mb|gb|tb|s|min)", part.lower())
        if match is None or not float(match[1]):
            raise UserError(
                f"{VARIABLE}={text} is not allowed; write memory and processor time, such as {VARIABLE}=8GB,300s"
            )
        number, unit = float(match[1]), match[2]
        if unit in UNITS:
            memory = int(number * UNITS[unit])
        else:
            seconds = number * (60 if unit == "min" else 1)
    return memory, seconds


def _mb(size: float) -> str:
    return f"{size / 10**6:,.0f} MB"


def _more(size: Any) -> str:
    """Format a sufficient round amount of memory."""
    return f"{max(4, -(-int(size * 1.5) // 10**9))}GB"
