"""The Ray engine: does the runs of a study on a Ray cluster, from one machine to thousands of cores (extra `ray`).

Every run is one task on one core. Ray assigns tasks to nodes, and reassigns them if a worker or a node dies. A result returns
through the object store as the bytes of the run's folder, so no shared disk is needed, and only the driver writes. Tasks are
submitted as cores become free, so that few of them wait, however large the study.
Read next: `local.py`, the same on this machine; docs/scaling.md, how to start a cluster.
"""

from __future__ import annotations

import logging
import os
import shlex
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from goalposts import __version__
from goalposts.errors import UserError

from ...system.processes import imports_from_elsewhere
from .job import Done, Failed, Job, perform
from .local import TICK, TRIES, At

OTHER_VERSIONS = ("version mismatch", "versions differ", "incompatible with server")  # Ray's words
AHEAD = 2  # tasks submitted per core, so that no core waits for the driver


def cluster_of_environment() -> str | None:
    """The cluster that RAY_ADDRESS names; `local` names none."""
    named = os.environ.get("RAY_ADDRESS", "").strip()
    return named if named not in ("", "local") else None


class RayEngine:
    """The cores of a Ray cluster, or of a temporary one started here.

    address: of a cluster (`auto`, `host:6379`, `ray://host:10001`); None: this machine, with `workers` cores.
    Raises UserError if Ray is not installed or the cluster cannot be reached.
    """

    def __init__(self, address: str | None = None, workers: int | None = None) -> None:
        try:
            import ray
        except ImportError:
            raise UserError(
                "the engine ray needs Ray, which is not installed; install it with: pip install 'goalposts[ray]'"
            ) from None
        address = address or cluster_of_environment()  # as Ray does, but named in messages
        self._ray: Any = ray
        options: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
        if address is None:
            options |= {"num_cpus": workers, "include_dashboard": False}
        try:
            with _nowhere(), imports_from_elsewhere():
                ray.init(address=address, ignore_reinit_error=True, **options)
        except Exception as error:
            raise UserError(_why_not(error, address)) from None
        self._task = ray.remote(num_cpus=1, max_retries=TRIES, retry_exceptions=False)(_work)

    @property
    def workers(self) -> int:
        """Current number of cores of the cluster."""
        return max(1, int(self._ray.cluster_resources().get("CPU", 1)))

    def at(self) -> list[At]:
        """Always empty: a Ray task reports only its result, not its progress."""
        return []

    def run(self, jobs: Iterable[Job]) -> Iterator[Done | Failed | None]:
        """See `Executor.run`. If the cluster loses nodes, it continues with the remaining ones, and uses new ones."""
        queue = iter(jobs)
        waiting: dict[Any, tuple[Job, int]] = {}
        try:
            while True:
                while len(waiting) < AHEAD * self.workers and (job := next(queue, None)) is not None:
                    waiting[self._task.remote(job, __version__)] = (job, 1)
                if not waiting:
                    return
                ready, _ = self._ray.wait(list(waiting), num_returns=1, timeout=TICK)
                if not ready:
                    yield None
                for ref in ready:
                    job, tries = waiting.pop(ref)
                    outcome = self._fetch(ref, job, tries)
                    if outcome is None:
                        waiting[self._task.remote(job, __version__)] = (job, tries + 1)
                    else:
                        yield outcome
        finally:
            for ref in waiting:
                with suppress(Exception):
                    self._ray.cancel(ref, force=True)

    def close(self) -> None:
        """Disconnect from the cluster; stop it if it was started here."""
        self._ray.shutdown()

    def _fetch(self, ref: Any, job: Job, tries: int) -> Done | Failed | None:
        """Fetch the result of a run; None if it was lost and the run must be submitted again."""
        errors = self._ray.exceptions
        try:
            return self._ray.get(ref)
        except (
            errors.ObjectLostError,
            errors.OwnerDiedError,
            errors.NodeDiedError,
            errors.WorkerCrashedError,
        ) as error:
            if tries < TRIES:
                return None
            message = f"its worker died or its result was lost {TRIES} times ({type(error).__name__})"
        except errors.RayError as error:
            message = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        return Failed(job.id, message, f"{message}\n\n{job.config.to_yaml()}")


@contextmanager
def _nowhere() -> Iterator[None]:
    """Change to the root folder temporarily: Ray's workers import modules from the folder in which the driver connects."""
    try:
        before = os.open(os.curdir, os.O_RDONLY)
    except OSError:  # a folder that was removed
        before = None
    os.chdir(os.sep)
    try:
        yield
    finally:
        if before is not None:
            os.chdir(before)
            os.close(before)


def _work(job: Job, version: str) -> Done | Failed:
    if version != __version__:
        message = (
            f"this node has Goalposts {__version__}, the driver {version}; install the same on all nodes"
        )
        return Failed(job.id, message, message)
    return perform(job)


def _why_not(error: Exception, address: str | None) -> str:
    """What was tried, what Ray says, and the remedy."""
    reason = " ".join(str(error).split())[:200].rstrip(".")
    if address:
        named = " (RAY_ADDRESS)" if cluster_of_environment() == address else ""
        if any(words in reason.lower() for words in OTHER_VERSIONS):
            return f"the Ray cluster {address!r}{named} runs other versions: {reason}. Install the same Python and Ray here as there"
        if address.startswith(("http://", "https://")):
            return f"{address!r}{named} is Ray's dashboard, not a cluster; give host:6379, ray://host:10001 or auto"
        return (
            f"the Ray cluster {address!r}{named} cannot be reached: {reason}. Is it up? Ask it with: "
            f"ray status --address {shlex.quote(address)}"
        )
    names = sorted(name for name in os.environ if name.startswith("RAY_"))
    remedy = f"unset {', '.join(names)}, which Ray reads, or" if names else "either install Ray again, or"
    return f"Ray cannot be started here: {reason}; {remedy} leave out --engine ray to use local processes"
