"""Names for agents that are not runs, so that no two agents in use share one.

Episodes of two agents under one name would be judged as one agent's. Read next: `evaluate.py`, which writes the names into the
episodes table.
"""

from __future__ import annotations

import gc
import inspect
import itertools
import sys
import weakref
from collections.abc import Mapping
from typing import Any

import numpy as np

from goalposts.errors import UserError

from ..measurement.episodes import MAX_NAME

LIBRARY = "goalposts.agents."  # whose agents are what they were constructed with, although they keep notes while they play

_names: dict[int, tuple[Any, str]] = {}  # by id: (the object, as a weak reference if possible; its name)
_taken: set[str] = set()
_own: dict[tuple[str, int | None], list[Any]] = {}  # by own name and training seed: the objects that have it


def name_of(agent: Any, seed: int | None = None) -> str:
    """Name an agent: its own `name`, else its class, numbered if another object of that class came before.

    seed: its training seed; agents of one name with different seeds come from one procedure. Raises UserError if another object
    in use, which is not the same agent constructed again, has that name as its own.
    """
    own = getattr(agent, "name", None)
    if isinstance(own, str) and own:
        _take(checked_name(own), agent, seed)
        return own
    known = _names.get(id(agent))
    if known is not None and _held(known[0]) is agent:
        return known[1]
    kind = type(agent).__name__
    name = next(word for k in itertools.count(1) if (word := kind if k == 1 else f"{kind}-{k}") not in _taken)
    _names[id(agent)] = (_reference(agent), name)
    _taken.add(name)
    return name


def _take(name: str, agent: Any, seed: int | None) -> None:
    """Note whose name it is. Raises UserError if another agent in use has it."""
    holders = [held for held in _own.get((name, seed), []) if _held(held) is not None]
    others = [held for held in holders if _held(held) is not agent]
    if any(not _same(_held(held), agent) for held in others):
        gc.collect()  # until then, an agent in a cycle of references is kept although it is out of use
        holders = [held for held in holders if _held(held) is not None]
        others = [held for held in holders if _held(held) is not agent]
    if any(not _same(_held(held), agent) for held in others):
        raise UserError(
            f"another agent in use is named {name!r} too, and episodes of both would pass for those of one agent. Give them different "
            "names, evaluate(agent, name='…'); or, if they are one training procedure with different seeds, evaluate(agent, seed=…)"
        )
    _own[name, seed] = holders if len(others) < len(holders) else [*holders, _reference(agent)]


def _same(one: Any, other: Any) -> bool:
    """Whether two objects are the same agent, constructed twice: of one class, with equal attributes."""
    try:
        return _equal_parts(one, other)
    except RecursionError:  # an agent that holds itself
        return False


def _equal_parts(one: Any, other: Any) -> bool:
    if one is other:
        return True
    if type(one) is not type(other) or not hasattr(one, "__dict__"):
        return False
    if type(one).__module__.startswith(LIBRARY):
        words = [word for word in inspect.signature(type(one)).parameters if hasattr(one, word)]
    else:
        words = list(vars(one))
        if words != list(vars(other)):
            return False
    return all(_equal(getattr(one, word), getattr(other, word)) for word in words)


def _equal(one: Any, other: Any) -> bool:
    if callable(getattr(one, "predict", None)):
        return _equal_parts(one, other)
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(one, torch.nn.Module) and type(one) is type(other):
        return _equal_weights(one.state_dict(), other.state_dict())
    try:
        return bool(np.array_equal(one, other)) if isinstance(one, np.ndarray) else bool(one == other)
    except RecursionError:
        raise
    except (TypeError, ValueError, RuntimeError):  # it does not compare, so it is not known to be equal
        return False


def _equal_weights(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return one.keys() == other.keys() and all(
        weights.shape == other[name].shape and bool((weights == other[name]).all())
        for name, weights in one.items()
    )


def checked_name(name: object) -> str:
    """Check that a name fits the tables. Raises UserError."""
    if not isinstance(name, str) or not name.strip() or len(name) > MAX_NAME or not name.isprintable():
        raise UserError(f"name={name!r}: an agent's name must be 1 to {MAX_NAME} printable characters")
    return name


def checked_seed(seed: object) -> int:
    """Check a training seed; return it as an int. Raises UserError."""
    if isinstance(seed, bool) or not hasattr(seed, "__index__") or not 0 <= int(seed) < 1 << 63:  # type: ignore[call-overload]
        raise UserError(f"seed={seed!r}: a training seed is a whole number from 0 to 2**63 − 1")
    return int(seed)  # type: ignore[call-overload]


def _reference(agent: Any) -> Any:
    try:
        return weakref.ref(agent)
    except TypeError:  # keep it alive, so that no other object gets its id
        return agent


def _held(held: Any) -> Any:
    return held() if isinstance(held, weakref.ref) else held
