"""How to load an agent that the command line names. Loads no torch, so that every command can import it. Read next: `named_agent.py`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class AgentOptions:
    """How to load an agent of the command line. trust: pickled files may be read; frames, vec_normalize: see `load_sb3`."""

    trust: bool = False
    frames: int = 1
    vec_normalize: Path | None = None
