"""Whole numbers that a caller gives as Python's, as NumPy's or as an array without dimensions; bools are refused.

A NumPy integer wraps around in later sums (`np.uint8(254) + np.uint8(2)` is 0), so a public number is made an int first.
Imports nothing heavy, NumPy included.
"""

from operator import index
from typing import Any

from goalposts.errors import UserError


def is_whole(value: Any) -> bool:
    """Whether it is a whole number, and no bool."""
    try:
        index(value)
    except TypeError:
        return False
    return not isinstance(value, bool) and not str(getattr(value, "dtype", "")).endswith("bool")


def whole(name: str, value: Any, error: type[UserError] = UserError) -> int:
    """The value as an int. Raises `error` if it is not a whole number."""
    if not is_whole(value):
        raise error(f"{name} = {value!r}: must be a whole number, not a {type(value).__name__}")
    return index(value)
