"""Forked processes: a fork does not copy polars' threads, so a child would wait for them forever.

A child forked after polars started its threads gets an error message, because they cannot be restarted there: from the functions
that ask, and from every query of polars, so that nothing waits where no function asked. Children that play, train with another
library or only import polars are not affected. Read next: `processes.py`.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

from goalposts.errors import UserError

TASKS = Path("/proc/self/task")
POOL = tuple(
    f"polars-{digit}" for digit in range(10)
)  # its threads are numbered; others are begun when it is imported
WAITING = {
    "": ("concat",),
    "LazyFrame": (
        "collect",
        "_collect_eager",
        "collect_async",
        "sink_parquet",
        "sink_csv",
        "sink_ipc",
        "sink_ndjson",
    ),
    "DataFrame": ("partition_by", "sample"),
    "Series": ("sort", "sample"),
}  # what waits for its threads; most of what a DataFrame does is a query of a LazyFrame
_begun_before_fork = _refused = False


def refuse_after_fork() -> None:
    """Raise UserError in a forked child that cannot use polars."""
    if _refused:
        raise UserError(
            "this process was forked from one that had evaluated, trained or used polars in another way; polars would wait here "
            "for ever. Start it afresh: multiprocessing.get_context('spawn'), or ProcessPoolExecutor(mp_context=…) with it"
        )


def _before_fork() -> None:
    global _begun_before_fork
    _begun_before_fork = "polars" in sys.modules and _polars_has_threads()


def _in_child() -> None:
    global _refused
    _refused = _refused or _begun_before_fork
    if _refused:
        _guard_queries()


def _guard_queries() -> None:
    """Make polars raise in this process where it could only wait."""
    polars = sys.modules["polars"]
    for kind, names in WAITING.items():
        owner = getattr(polars, kind) if kind else polars
        for name in names:
            if hasattr(owner, name):
                setattr(owner, name, _no_query)


def _no_query(*_: object, **__: object) -> None:
    refuse_after_fork()


def _polars_has_threads() -> bool:
    """Whether polars has started its threads; assumed if thread names are not available."""
    if not TASKS.is_dir():
        return True
    for task in TASKS.iterdir():
        with suppress(OSError):  # it ended meanwhile
            if (task / "comm").read_text(errors="replace").startswith(POOL):
                return True
    return False


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_child=_in_child)
