"""Child processes: their commands, environment and signals; and the memory use of this process.

Read next: `experiments/study/demo.py`, `experiments/study/workers/local.py`.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from goalposts.process.isolation import safe_environment

LIBRARIES = ("OMP", "MKL", "OPENBLAS", "NUMBA")
# Environment variables that limit a process to one thread in every library.
ONE_THREAD: dict[str, str] = {f"{name}_NUM_THREADS": "1" for name in LIBRARIES} | {"POLARS_MAX_THREADS": "1"}


def python_module(name: str) -> list[str]:
    """Command that runs a Goalposts module in a new Python from any working directory; use with `safe_environment`."""
    return [sys.executable, "-P", "-m", name]


@contextmanager
def imports_from_elsewhere() -> Iterator[None]:
    """Keep processes that `multiprocessing` starts meanwhile from importing from the working directory."""
    with environment(safe_environment()):
        yield


@contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables temporarily."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def interrupts_held_back() -> Iterator[None]:
    """Keep processes started meanwhile from receiving Ctrl-C, which a terminal sends to all; this process handles it."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def most_memory() -> float:
    """Peak memory of this process in MB; 0 if unknown."""
    try:  # prefer /proc: getrusage also counts the parent's memory at the time this process started
        lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
        return next(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        pass
    try:
        import resource
    except ImportError:  # Windows
        return 0.0
    return (
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6
    )
