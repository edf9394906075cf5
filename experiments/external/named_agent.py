"""Agents from words of the command line: `module:NAME`, or a zip of stable-baselines3. Read next: `sb3_zip.py`."""

from __future__ import annotations

from typing import Any

from ...agents.frame_stacked import FrameStacked
from ...agents.named_code import load_code
from .sb3_zip import load_sb3


def agent_named(word: str, trust: bool = False, frames: int = 1) -> Any:
    """Load the agent of `module:NAME` (an agent, or a class or function that returns one) or of a zip; both run code.

    trust: that the zip may be unpickled. frames: number of stacked observations that it sees. Raises UserError.
    """
    if word.endswith(".zip"):
        return load_sb3(word, trust=trust, frames=frames)
    made = load_code(word)
    agent = made() if isinstance(made, type) or not hasattr(made, "predict") else made
    return FrameStacked(agent, frames) if frames > 1 else agent
