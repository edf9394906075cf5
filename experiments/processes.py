"""What every process that begins others owes them. Read next: `demo.py` and `engines.py`, which begin some."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

LIBRARIES = ("OMP", "MKL", "OPENBLAS", "NUMBA")
# For the environment of a process that is to take one thread, whatever library asks.
ONE_THREAD: dict[str, str] = {f"{name}_NUM_THREADS": "1" for name in LIBRARIES} | {"POLARS_MAX_THREADS": "1"}


@contextmanager
def interrupts_held_back() -> Iterator[None]:
    """Processes that are begun meanwhile never see Ctrl-C, which a terminal sends to all: this one speaks for them."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
