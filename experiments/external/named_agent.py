"""Agents from words of the command line: `module:NAME`, or a zip of stable-baselines3. Read next: `sb3_zip.py`."""

from __future__ import annotations

import inspect
from typing import Any

from goalposts.errors import UserError

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
    agent = _called(word, made) if isinstance(made, type) or not hasattr(made, "predict") else made
    return as_wrapped(agent, **vars(options))


def _called(word: str, made: Any) -> Any:
    """The agent that a class or function returns. Raises UserError for one that needs arguments."""
    if not callable(made):
        raise UserError(
            f"{word} is {type(made).__name__}; give an agent with predict, or a class or function that returns one"
        )
    try:
        inspect.signature(made).bind()
    except ValueError:  # compiled code may have no signature
        pass
    except TypeError as error:
        raise UserError(
            f"{word} cannot be called without arguments ({error}); give an agent, or a function without arguments that returns one"
        ) from None
    return made()
