"""Say in one line that a library cannot be loaded, or that a file that Python compiled is damaged, instead of a traceback.

A crash or a full disk can cut a file in `__pycache__`; Python then fails at each start and does not name the file. Set by the command
as `sys.excepthook`; other exceptions keep their traceback. Requires only the standard library.
"""

from __future__ import annotations

import os
import re
import sys
from types import TracebackType

from .isolation import ROOT
from .streams import warn

LOADS = re.compile(r"\s*(?:from|import)\s+(?P<name>[\w.]+)")
OWN = tuple(os.path.join(ROOT, name, "") for name in ("goalposts", "envs", "agents", "experiments"))
"""Folders of this code; in a checkout the folder that they lie in holds tests, and perhaps libraries, too."""


def show_broken_installation() -> None:
    """Let an exception that ends the command be one line, where the installation is its cause."""
    sys.excepthook = _shown


def _shown(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    message = cause_of(error)
    if message is None:
        sys.__excepthook__(kind, error, trace)
    else:
        warn(f"goalposts: {message}")


def cause_of(error: BaseException) -> str | None:
    """The message about a damaged installation; None for any other error."""
    if damaged := compiled_file(error):
        return f"the file {damaged}, which Python compiled, is damaged; delete it, and run the command again"
    if not isinstance(error, ImportError):
        return None
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename.startswith(OWN)]
    found = LOADS.match(own[-1].line or "") if own else None
    if found is None:  # code of the user's
        return None
    name = found["name"].lstrip(".").partition(".")[0] or "a part of Goalposts"
    reason = " ".join(str(error).split())[:300]
    return f"{name} cannot be loaded: {reason}; install it again, such as with: pip install --force-reinstall goalposts"


def compiled_file(error: BaseException | None) -> str | None:
    """The damaged file of compiled code that an import failed on; None for another error."""
    trace = None if error is None else error.__traceback__
    while trace is not None:
        frame = trace.tb_frame
        if frame.f_code.co_filename == "<frozen importlib._bootstrap_external>" and trace.tb_next is not None:
            reads = trace.tb_next.tb_frame.f_code.co_name == "_compile_bytecode"
            path = frame.f_locals.get("bytecode_path")
            if reads and isinstance(path, str):
                return path
        trace = trace.tb_next
    return None
