"""Parse and format condition names such as `off_path` or `mixture(0.001)`.

Handles names only, without numpy or numba, so that checking a config is fast. The world's own file defines the
meaning of each name. Read next: `world.py`, the contract that declares conditions.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from goalposts.closest import closest
from goalposts.errors import UserError
from goalposts.registration import WORLDS

# Conditions with a parameter, and its meaning. All other conditions are bare names.
PARAMETERS: Mapping[str, str] = {
    "right_fraction": "the rightmost fraction of the level in which the goal may be",
    "region": "the fraction of the level's height and width, from the corner, in which the goal may be",
    "mixture": "the fraction of levels whose goal is anywhere",
}

_FORM = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]{0,63})\s*(?:\(([^()]*)\))?\s*")
_NUMBER = re.compile(r"[+-]?(\d{1,30}(\.\d{0,30})?|\.\d{1,30})([eE][+-]?\d{1,3})?")


class ConditionError(UserError, ValueError):
    """An unknown condition name, or one with a missing, superfluous or out-of-range parameter."""


def parse_condition(
    text: str, known: Collection[str] | None = None, parameters: Mapping[str, str] | None = None
) -> tuple[str, float | None]:
    """Parse a condition: `"mixture(0.001)"` → `("mixture", 0.001)`; `"edge"` → `("edge", None)`.

    With `known`, the name must be one of these; otherwise any well-formed name passes. `parameters`: additional names that
    take a parameter, and its meaning. Raises ConditionError.
    """
    meanings = {**PARAMETERS, **(parameters or {})}
    if not isinstance(text, str):
        raise ConditionError(f"a condition is a name such as 'edge' or 'mixture(0.1)', not {_short(text)}.")
    match = _FORM.fullmatch(text)
    if match is None:
        hint = _closest(text.partition("(")[0], known)
        raise ConditionError(
            f"{_short(text)} is not a condition; write a name such as edge or mixture(0.1).{hint}"
        )
    name, given = match[1], match[2]
    if known is not None and name not in known:
        hint = _closest(name, known)
        listing = ", ".join(_example(entry) for entry in known)
        raise ConditionError(f"there is no condition {_short(name)}; the conditions are {listing}.{hint}")
    if name not in meanings and (known is not None or given is None):
        if given is not None:
            raise ConditionError(
                f"the condition {name} takes no parameter; write {name}, not {_short(text)}."
            )
        return name, None
    meaning = f"{meanings.get(name, 'its parameter')}, a number from 0 to 1, as in {name}(0.1)"
    if given is None:
        raise ConditionError(f"the condition {name} needs a parameter: {meaning}.")
    number = _NUMBER.fullmatch(given.strip())
    value = float(number[0]) if number else float("nan")
    if not 0.0 <= value <= 1.0:
        raise ConditionError(f"{_short(text)} is out of range; the parameter is {meaning}.")
    return name, value + 0.0  # avoids negative zero


def format_condition(name: str, parameter: float | None = None) -> str:
    """Format a condition canonically: `format_condition("mixture", 1.0)` → `"mixture(1)"`."""
    if parameter is None:
        return name
    return f"{name}({repr(float(parameter)).removesuffix('.0')})"


def _closest(name: str, known: Collection[str] | None) -> str:
    """Suggestion such as ` Did you mean off_path?` from the known conditions (None: any shipped world's), or an empty string."""
    among = sorted(known or {name for entry in WORLDS.values() for name in entry.conditions})
    plain = re.sub(r"(?<=[a-z])(?=[A-Z])|[\s.-]+", "_", name.strip()[:64]).lower()
    return closest(plain, among, _example)


def _example(name: str) -> str:
    return f"{name}(0.1)" if name in PARAMETERS else name


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
