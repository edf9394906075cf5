"""What a mistyped word was meant to be. Read next: `errors.py`, whose messages end with it."""

import difflib
from collections.abc import Callable, Iterable


def near(word: object, choices: Iterable[str], most: int = 1) -> list[str]:
    """Those choices that are most like `word`, at most `most`; capital letters do not count."""
    names = {choice.lower(): choice for choice in choices}
    return [names[found] for found in difflib.get_close_matches(str(word)[:100].lower(), names, most)]


def closest(word: object, choices: Iterable[str], spell: Callable[[str], str] = repr) -> str:
    """` Did you mean 'seed'?` or nothing."""
    return "".join(f" Did you mean {spell(found)}?" for found in near(word, choices))
