"""Suggestions for mistyped words ("Did you mean …?"). Read next: `errors.py`, whose messages end with them."""

import difflib
from collections.abc import Callable, Iterable


def near(word: object, choices: Iterable[str], most: int = 1) -> list[str]:
    """Return the choices most similar to `word`, up to `most` of them, ignoring case."""
    names = {choice.lower(): choice for choice in choices}
    return [names[key] for key in difflib.get_close_matches(str(word)[:100].lower(), names, most)]


def closest(word: object, choices: Iterable[str], spell: Callable[[str], str] = repr) -> str:
    """Suggestion such as ` Did you mean 'seed'?`, or an empty string."""
    return "".join(f" Did you mean {spell(name)}?" for name in near(word, choices))
