"""One writer at a time: the lock of a run or study folder, which the system frees when its holder dies."""

from __future__ import annotations

from pathlib import Path

from filelock import FileLock, Timeout

__all__ = ["FileLock", "Timeout", "is_held"]


def is_held(lock: Path) -> bool:
    """Whether some process holds a lock now; never waits. A link is no lock of ours."""
    if not lock.exists() or lock.is_symlink():
        return False
    probe = FileLock(lock, thread_local=False)
    try:
        probe.acquire(timeout=0)
    except Timeout:
        return True
    except OSError:  # a folder that cannot be written: nobody works there
        return False
    probe.release()
    return False
