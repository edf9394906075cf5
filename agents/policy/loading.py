"""`load_agent`: load a trained agent from a run folder or checkpoint folder, without executing any of its contents.

Read next: `checkpoint.py`.
"""

from __future__ import annotations

from pathlib import Path

from .checkpoint import CheckpointError, PolicyAgent, load_policy


def load_agent(path: str | Path) -> PolicyAgent:
    """Load the agent of a checkpoint folder, or of a run folder's latest checkpoint. Raises CheckpointError."""
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
            f"{path} contains no agent: neither a checkpoint folder (with checkpoint.json) nor a run folder with a finished "
            "checkpoint. Train one with: goalposts train CONFIG"
        )
    return load_policy(max(found, key=lambda p: int(p.name)))
