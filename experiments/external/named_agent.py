"""Agents from words of the command line: `module:NAME`, or a zip of stable-baselines3. Read next: `sb3_zip.py`."""

from __future__ import annotations

from typing import Any

from ...agents.named_code import load_code
from .agent_options import AgentOptions
from .sb3_zip import as_wrapped, load_sb3


def agent_named(word: str, options: AgentOptions) -> Any:
    """Load the agent of `module:NAME` (an agent, or a class or function that returns one) or of a zip; both run code.

    Raises UserError.
    """
    if word.endswith(".zip"):
        return load_sb3(word, **vars(options))
    made = load_code(word)
    agent = made() if isinstance(made, type) or not hasattr(made, "predict") else made
    return as_wrapped(agent, **vars(options))
