"""Whole-number arguments given as Python or NumPy integers or as zero-dimensional arrays; bools are refused.

A NumPy integer can overflow in later sums (`np.uint8(254) + np.uint8(2)` is 0), so public functions convert to int first.
Imports nothing heavy, NumPy included.
"""

import re
from operator import index
from typing import Any

from goalposts.errors import UserError

_STEP = re.compile(r"0|[1-9][0-9]{0,17}")


def is_step(name: str) -> bool:
    """Whether a name is a checkpoint's: its step in plain digits, without sign and leading zeros. Other scripts have digits too."""
    return _STEP.fullmatch(name) is not None


def is_whole(value: Any) -> bool:
    """Whether a value is a whole number and not a bool."""
    try:
        index(value)
    except TypeError:
        return False
    return not isinstance(value, bool) and not str(getattr(value, "dtype", "")).endswith("bool")


def whole(
    name: str,
    value: Any,
    error: type[UserError] = UserError,
    low: int | None = None,
    high: int | None = None,
    otherwise: str = "",
) -> int:
    """Convert a value to int. Raises `error` if it is not a whole number from low to high (None: no limit).

    otherwise: what else is allowed, as the end of the message, such as ", or None for no limit".
    """
    if not is_whole(value):
        raise error(f"{name} = {shown(value)}: must be a whole number{otherwise}, not {kind_of(value)}")
    number = index(value)
    if (low is not None and number < low) or (high is not None and number > high):
        allowed = f"of at least {low}" if high is None else f"from {low} to {spelt(high)}"
        raise error(f"{name} = {spelt(number)}: must be a whole number {allowed}{otherwise}")
    return number


def shown(value: Any) -> str:
    """A wrong value for a message, shortened; Python refuses to write out whole numbers of thousands of digits."""
    if is_whole(value):
        return spelt(index(value))
    try:
        return f"{value!r:.80}"
    except ValueError:
        return f"{kind_of(value)} with a number of thousands of digits"


def kind_of(value: Any) -> str:
    """The type of a value for a message, with its article: "an int", "a list"; None is "None"."""
    if value is None:
        return "None"
    name = type(value).__name__
    vowel = name[:1].lower() in "aeiou" and not name.startswith("uint")
    return f"{'an' if vowel else 'a'} {name}"


def spelt(number: int) -> str:
    """A number for people: 2**63 − 1 and the like as a power, and not hundreds of digits."""
    above = number + 1
    if number >= 1 << 31 and not number & above:
        return f"2**{above.bit_length() - 1} − 1"
    if abs(number) >= 10**30:
        return f"a number of {len(str(abs(number))) if abs(number) < 10**4000 else 'thousands of'} digits"
    return f"{number:,}"
