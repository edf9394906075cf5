"""Results of single agents, kept as files, so that a long analysis that is stopped loses at most one agent.

Delete the folder after a change of the protocol: what is kept is not computed again. Read next: `numbers.py`, `full.py`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from goalposts.errors import UserError

from ...runs.run import Run
from ...system.atomic_files import write_atomic

PARTS = Path("studies") / "explain"  # by default


def kept(folder: Path, run: Run, make: Callable[[Run], Any]) -> Any:
    """The JSON value that `make` computes of a run, read from the folder if it is there. Raises UserError for a damaged file."""
    path = folder / f"{run.path.name}.json"
    if path.exists():
        try:
            return json.loads(path.read_text("utf-8"))
        except ValueError:
            raise UserError(f"{path} is damaged; delete it, and run the command again") from None
    folder.mkdir(parents=True, exist_ok=True)
    content = make(run)
    write_atomic(path, json.dumps(content).encode())
    return content
