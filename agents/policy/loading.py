"""`load_agent`: load a trained agent from a run folder or checkpoint folder, without executing any of its contents.

Read next: `checkpoint.py`.
"""

from __future__ import annotations

from pathlib import Path

from goalposts.whole_numbers import is_step

from ..input_support import SUPPORT, InputSupport
from .checkpoint import CheckpointError, PolicyAgent, load_policy, read_tensors


def load_agent(path: str | Path) -> PolicyAgent:
    """Load the agent of a checkpoint folder, or of a run folder's latest checkpoint. Raises CheckpointError."""
    path = Path(path)
    if (path / "checkpoints").is_symlink():
        raise CheckpointError(
            f"{path / 'checkpoints'} is a link, which would be read from elsewhere; put a copy in its place"
        )
    if (path / "checkpoint.json").exists():
        return load_policy(path)
    folders = [
        p
        for p in (path / "checkpoints").glob("*")
        if is_step(p.name) and not p.is_symlink() and (p / "checkpoint.json").exists()
    ]
    if not folders:
        raise CheckpointError(
            f"{path} contains no agent: neither a checkpoint folder (with checkpoint.json) nor a run folder with a finished "
            "checkpoint. Train one with: goalposts train CONFIG"
        )
    return load_policy(max(folders, key=lambda p: int(p.name)))


def load_input_support(checkpoint: str | Path) -> InputSupport:
    """The counts of a checkpoint folder. Raises CheckpointError where none were recorded, or they are damaged."""
    path = Path(checkpoint) / SUPPORT
    if not path.exists():
        raise CheckpointError(f"{checkpoint} has no {SUPPORT}; train with record.support=true to keep it")
    tensors = read_tensors(path)
    if set(tensors) != {"ones", "observations"} or tensors["ones"].dim() != 3:
        raise CheckpointError(f"{path}: damaged; use another checkpoint or train again")
    support = InputSupport(tuple(tensors["ones"].shape))
    try:
        support.restore(tensors)
    except (ValueError, KeyError) as error:
        raise CheckpointError(f"{path}: damaged; use another checkpoint or train again") from error
    return support
