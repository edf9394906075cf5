"""Show progress while large libraries are imported, which can take seconds before a command's first output.

Requires only the standard library. Read next: `notices.py`; `goalposts/__main__.py`, which starts it.
"""

import sys
import threading

LARGE = {
    "torch": "PyTorch",
    "numba": "numba",
    "polars": "polars",
    "matplotlib": "matplotlib",
    "pygame": "pygame",
}
AFTER, EVERY, UNTIL = 1.2, 0.3, 30.0  # seconds


def watch_imports() -> threading.Event:
    """Start watching imports; set the returned event to stop. Shows at most one line; without a terminal, only for PyTorch."""
    stopped, names = threading.Event(), tuple(LARGE) if sys.stderr.isatty() else ("torch",)
    threading.Thread(target=_watch, args=(stopped, names), name="goalposts-patience", daemon=True).start()
    return stopped


def importing(names: tuple[str, ...] = tuple(LARGE)) -> str | None:
    """Name of the large library being imported, or None."""
    for name, shown in ((name, LARGE[name]) for name in names):
        if getattr(getattr(sys.modules.get(name), "__spec__", None), "_initializing", False):
            return shown
    return None


def _watch(stopped: threading.Event, names: tuple[str, ...]) -> None:
    from .notices import progress

    waited = AFTER
    while not stopped.wait(AFTER if waited == AFTER else EVERY) and waited < UNTIL:
        waited += EVERY
        if shown := importing(names):
            progress(f"loading {shown} …")
            return
