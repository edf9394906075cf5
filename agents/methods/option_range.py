"""Check the value of a method's option when the method is made, so that a config with a wrong one is refused at once."""

from __future__ import annotations

from goalposts.errors import UserError


def within(option: str, value: float, low: float, high: float | None = None, open_end: bool = False) -> None:
    """Raise UserError unless low ≤ value ≤ high; open_end: value < high; high None: no upper limit."""
    above = high is not None and (value >= high if open_end else value > high)
    if value >= low and not above:  # nan fails too
        return
    if high is None:
        raise UserError(f"{option} is {value!r}; it must be at least {low:g}.")
    raise UserError(f"{option} is {value!r}; it must be from {low:g} to {'below ' * open_end}{high:g}.")


def one_of(option: str, value: str, allowed: tuple[str, ...]) -> None:
    """Raise UserError for a word that is not allowed."""
    if value not in allowed:
        raise UserError(f"{option} is {value!r}; it must be one of {', '.join(allowed)}.")
