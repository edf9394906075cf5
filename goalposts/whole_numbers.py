"""Whole-number arguments given as Python or NumPy integers or as zero-dimensional arrays; bools are refused.

A NumPy integer can overflow in later sums (`np.uint8(254) + np.uint8(2)` is 0), so public functions convert to int first.
Imports nothing heavy, NumPy included.
"""

from operator import index
from typing import Any

from goalposts.errors import UserError


def is_whole(value: Any) -> bool:
    """Whether a value is a whole number and not a bool."""
    try:
        index(value)
    except TypeError:
        return False
    return not isinstance(value, bool) and not str(getattr(value, "dtype", "")).endswith("bool")


def whole(name: str, value: Any, error: type[UserError] = UserError) -> int:
    """Convert a value to int. Raises `error` if it is not a whole number."""
    if not is_whole(value):
        raise error(f"{name} = {value!r}: must be a whole number, not a {type(value).__name__}")
    return index(value)
