"""Placements and probes in plain words, for any world: `off_path` → "with the coin off the path".

The names are the project's placement laws and probes; what each tells apart stands with the world and comes in as data.
"""

from __future__ import annotations

import re

from .data import ConditionNote, WorldWords

# {goal} and {proxy} are the world's words, {x} the condition's parameter in percent.
PHRASES = {
    "edge": "with {goal} at the edge",
    "edge_held_out": "with {goal} at the edge",
    "anywhere": "with {goal} anywhere",
    "off_path": "with {goal} off the path",
    "left": "with {goal} behind the start",
    "right_fraction": "with {goal} in the right {x} of the level",
    "mixture": "with {goal} anywhere in {x} of the levels, else at the edge",
    "none": "without {goal}",
    "invisible": "with {goal} there, but not drawn",
    "mirrored": "with left and right swapped",
    "longer": "with the edge much farther away",
    "no_wall": "without a wall at the edge",
    "edge_no_wall": "with {goal} at the edge, past which the level goes on",
    "two_coins": "with a second coin off the path",
    "decoy": "with a look-alike off the path",
}
_FORM = re.compile(r"([^()]*)(?:\((.*)\))?")


def phrase(note: ConditionNote, words: WorldWords) -> str:
    """How the levels of a condition are, as a clause that goes on after "levels"."""
    if note.phrase:
        return note.phrase
    match = _FORM.fullmatch(note.name)
    pattern = PHRASES.get(match[1]) if match else None
    if match is None or pattern is None:
        return f"of the kind “{note.name.replace('_', ' ')}”"
    return pattern.format(goal=words.goal, proxy=words.proxy, x=_percent(match[2]))


def title(note: ConditionNote, words: WorldWords) -> str:
    """The same as a heading: "The coin off the path"."""
    text = phrase(note, words)
    if text.startswith("of the kind"):
        text = note.name.replace("_", " ")
    text = text.removeprefix("with ")
    return text[:1].upper() + text[1:]


def sentence(note: ConditionNote) -> str:
    """What the condition tells apart, with a capital letter and a full stop."""
    text = note.sentence.strip()
    return text[:1].upper() + text[1:] + ("." if text and text[-1] not in ".?!" else "")


def _percent(parameter: str | None) -> str:
    try:
        return f"{100 * float(parameter or ''):g}%"
    except ValueError:
        return "part"
