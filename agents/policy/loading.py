"""`load_agent`: a trained agent from a run folder or a checkpoint folder. Executes nothing that stands in it.

Read next: `checkpoint.py`.
"""

from __future__ import annotations

from pathlib import Path

from .checkpoint import CheckpointError, PolicyAgent, load_policy


def load_agent(path: str | Path) -> PolicyAgent:
    """The agent of a checkpoint folder, or of the latest checkpoint of a run folder. Raises CheckpointError."""
    path = Path(path)
    if (path / "checkpoints").is_symlink():
        raise CheckpointError(
            f"{path / 'checkpoints'} is a link, which would be read from elsewhere; put a copy in its place"
        )
    if (path / "checkpoint.json").exists():
        return load_policy(path)
    found = [
        p
        for p in (path / "checkpoints").glob("*")
        if p.name.isdecimal() and not p.is_symlink() and (p / "checkpoint.json").exists()
    ]
    if not found:
        raise CheckpointError(
            f"{path} holds no agent: neither a checkpoint folder (with checkpoint.json) nor a run folder with a finished "
            "checkpoint. Train one with: goalposts train CONFIG"
        )
    return load_policy(max(found, key=lambda p: int(p.name)))
