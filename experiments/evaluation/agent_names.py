"""Names for agents that are not runs, so that two agents of the same class get different names.

Read next: `evaluate.py`, which writes them into the episodes table.
"""

from __future__ import annotations

import itertools
import weakref
from typing import Any

from goalposts.errors import UserError

from ..measurement.episodes import MAX_NAME

_names: dict[int, tuple[Any, str]] = {}  # by id: (the object, as a weak reference if possible; its name)
_taken: set[str] = set()


def name_of(agent: Any) -> str:
    """Name an agent: its own `name`, else its class, numbered if another object of that class came before."""
    own = getattr(agent, "name", None)
    if isinstance(own, str) and own:
        return checked_name(own)
    known = _names.get(id(agent))
    if known is not None and _held(known[0]) is agent:
        return known[1]
    kind = type(agent).__name__
    name = next(word for k in itertools.count(1) if (word := kind if k == 1 else f"{kind}-{k}") not in _taken)
    try:
        held: Any = weakref.ref(agent)
    except TypeError:  # keep it alive, so that no other object gets its id
        held = agent
    _names[id(agent)] = (held, name)
    _taken.add(name)
    return name


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


def _held(held: Any) -> Any:
    return held() if isinstance(held, weakref.ref) else held
