"""Phrases for conditions, for any world: `off_path` → "with the coin off the path".

A world may give a phrase for each condition, as data; this module has phrases for names that many worlds share.
"""

from __future__ import annotations

import re

from .data import ConditionNote, WorldWords

# Phrases for worlds that give none. {goal}: the world's word, {x}: the parameter in percent.
PHRASES = {
    "anywhere": "with {goal} anywhere",
    "off_path": "with {goal} off the path",
    "right_fraction": "with {goal} in the right {x} of the level",
    "mixture": "with {goal} anywhere in {x} of the levels, else as in training",
    "none": "without {goal}",
    "invisible": "with {goal} there, but not drawn",
}
_FORM = re.compile(r"([^()]*)(?:\((.*)\))?")


def phrase(note: ConditionNote, words: WorldWords) -> str:
    """Describe the levels of a condition, as a clause that follows "levels"."""
    if note.phrase:
        return note.phrase
    match = _FORM.fullmatch(note.name)
    pattern = PHRASES.get(match[1]) if match else None
    if match is None or pattern is None:
        return f"of the kind “{note.name.replace('_', ' ')}”"
    return pattern.format(goal=words.goal, proxy=words.proxy, x=_percent(match[2]))


def title(note: ConditionNote, words: WorldWords) -> str:
    """Describe a condition as a heading: "The coin off the path"."""
    text = phrase(note, words)
    if text.startswith("of the kind"):
        text = note.name.replace("_", " ")
    return capitalized(text.removeprefix("with "))


def sentence(note: ConditionNote) -> str:
    """The sentence on what a condition distinguishes, with a capital letter and a full stop."""
    text = note.sentence.strip()
    return capitalized(text) + ("." if text and text[-1] not in ".?!" else "")


def capitalized(text: str) -> str:
    """The text with a capital first letter."""
    return text[:1].upper() + text[1:]


def _percent(parameter: str | None) -> str:
    try:
        return f"{100 * float(parameter or ''):g}%"
    except ValueError:
        return "part"
