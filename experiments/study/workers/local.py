"""The process pool: does jobs in processes on this machine. An executor takes jobs and yields their results.

Every worker is a pool of one process (spawned, one thread), so that a dying worker affects only its own run, which is known.
That run is tried again; after the third death it fails. Studies and the demo use it.
Read next: `ray_cluster.py`, the same on a cluster; `experiments/study/driver.py`, which drives either.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from ...system.processes import ONE_THREAD, environment, imports_from_elsewhere, interrupts_held_back
from .job import Done, Failed, Job

TRIES = 3
GRACE = 10  # seconds for a killed process to end
TICK = 0.2  # seconds; short, because with polars' handler of Ctrl-C a long wait would continue

_progress: Any = None  # in a worker: shared memory for its progress
_outbox: Any = None  # and the queue for its progress messages, if there is a listener


@dataclass(frozen=True)
class At:
    """The current work of a worker."""

    id: str
    step: int
    total: int


class Executor(Protocol):
    """An executor of jobs, on this machine or elsewhere."""

    @property
    def workers(self) -> int:
        """Number of jobs at a time."""
        ...

    def run(self, jobs: Iterable[Job]) -> Iterator[Done | Failed | None]:
        """Yield the results of jobs in the order in which they end, and None regularly in between.

        Closing the iterator stops all workers immediately.
        """
        ...

    def at(self) -> list[At]:
        """List the current work of all workers."""
        ...


class LocalEngine:
    """Executor with `workers` processes on this machine.

    inbox: a queue of the spawn context that receives (job id, step, total, message) for every progress report.
    """

    def __init__(self, workers: int, inbox: Any = None) -> None:
        self._workers, self._inbox = workers, inbox
        self._slots: list[_Slot] = []

    @property
    def workers(self) -> int:
        """Number of processes."""
        return self._workers

    def at(self) -> list[At]:
        """List the current work of each busy worker."""
        return [
            At(slot.job.id, int(slot.told[0]), int(slot.told[1]))
            for slot in self._slots
            if slot.job is not None
        ]

    def run(self, jobs: Iterable[Job]) -> Generator[Done | Failed | None, None, None]:
        """See `Executor.run`."""
        queue = iter(jobs)
        self._slots = [_Slot(self._inbox) for _ in range(self.workers)]
        busy: dict[Future[Done | Failed], _Slot] = {}
        try:
            for slot in self._slots:
                _begin(slot, queue, busy)
            while busy:
                done, _ = wait(busy, TICK, FIRST_COMPLETED)
                if not done:
                    yield None
                for future in done:
                    slot = busy.pop(future)
                    result = slot.result(future)
                    if result is None:
                        busy[slot.again()] = slot
                        continue
                    _begin(
                        slot, queue, busy
                    )  # before the driver stores the result, so that the worker does not wait
                    yield result
        finally:
            for slot in self._slots:
                slot.end()
            self._slots = []


class _Slot:
    """One worker process and its current run."""

    def __init__(self, inbox: Any) -> None:
        self.context = multiprocessing.get_context("spawn")
        self.inbox = inbox
        self.told = self.context.RawArray(
            "q", 2
        )  # without a lock, which a killed process would never release
        self.job: Job | None = None
        self.tries = 0
        self._pool: ProcessPoolExecutor | None = None

    def begin(self, job: Job) -> Future[Done | Failed]:
        self.job, self.tries = job, 0
        return self.again()

    def again(self) -> Future[Done | Failed]:
        assert self.job is not None
        self.tries += 1
        self.told[0], self.told[1] = 0, self.job.config.train.total_steps
        with interrupts_held_back(), imports_from_elsewhere(), environment(ONE_THREAD):
            if self._pool is None:
                self._pool = ProcessPoolExecutor(1, self.context, _settle_in, (self.told, self.inbox))
            try:
                return self._pool.submit(_work, self.job)
            except BrokenProcessPool:  # it died while idle
                self._close()
                self._pool = ProcessPoolExecutor(1, self.context, _settle_in, (self.told, self.inbox))
                return self._pool.submit(_work, self.job)

    def result(self, future: Future[Done | Failed]) -> Done | Failed | None:
        """Result of the run; None if its worker died and the run must be tried again."""
        assert self.job is not None
        job = self.job
        try:
            outcome = future.result()
        except BrokenProcessPool:
            self._close()
            if self.tries < TRIES:
                return None
            message = (
                f"its process died {TRIES} times (out of memory or processor time, or killed from outside?)"
            )
            outcome = Failed(job.id, message, f"{message}\n\n{job.config.to_yaml()}")
        except Exception as error:  # its result could not be transferred
            outcome = Failed(
                job.id, f"{type(error).__name__}: {error}", f"{error!r}\n\n{job.config.to_yaml()}", error
            )
        self.job = None
        return outcome

    def end(self) -> None:
        """Kill the process; its run can resume from the last checkpoint. The folder is locked until the process has ended."""
        if self._pool is not None:
            processes = list((self._pool._processes or {}).values())
            for process in processes:
                with suppress(Exception):
                    process.kill()
            self._close()
            for process in processes:
                with suppress(Exception):
                    process.join(GRACE)

    def _close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None


def _begin(slot: _Slot, queue: Iterator[Job], busy: dict[Future[Done | Failed], _Slot]) -> None:
    job = next(queue, None)
    if job is not None:
        busy[slot.begin(job)] = slot


def _settle_in(told: Any, outbox: Any) -> None:
    """Initialize a worker: set where it reports progress, leave Ctrl-C to the parent, and end with the parent."""
    global _progress, _outbox
    _progress, _outbox = told, outbox
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def follow() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


def _work(job: Job) -> Done | Failed:
    def tell(step: int, total: int, words: str) -> None:
        _progress[0], _progress[1] = step, total
        if _outbox is not None:
            _outbox.put((job.id, step, total, words))

    return job.do(tell)
