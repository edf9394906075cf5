"""Old spellings of commands and options: still accepted, in no help, and answered with the new spelling on stderr.

Read next: `app.py`, whose groups ask here before they look a command up.
"""

from __future__ import annotations

from collections.abc import Sequence

from goalposts.process.streams import warn
from goalposts.text import plain

COMMANDS = {"explore": "sweep-goal", "study page": "study docs"}
_WINDOW = {"--first": "--start", "--picture": "--screenshot", "--press": "--keys"}
OPTIONS: dict[str, dict[str, str]] = {  # by the new name of the command
    "diagnose": {"--all": "--evaluate-missing", "--quick": "--preview"},
    "edit": _WINDOW,
    "levels": {"--first": "--start"},
    "play": _WINDOW,
    "record": {"--pick": "--outcome", "--px": "--tile-size", "--first": "--start"},
    "watch": _WINDOW,
}


def with_new_names(group: str, arguments: Sequence[str]) -> list[str]:
    """The arguments of a group of commands, with its command and options under the names that they have now.

    group: "" for the top, "study" for `goalposts study`. Says each replacement on stderr.
    """
    if not arguments:
        return []
    old = f"{group} {arguments[0]}".strip()
    new = COMMANDS.get(old, old)
    if new != old:
        _note(f"goalposts {old}", f"goalposts {new}")
    known, options = OPTIONS.get(new, {}), list(arguments[1:])
    end = options.index("--") if "--" in options else len(options)
    for k, argument in enumerate(options[:end]):
        name, equals, value = argument.partition("=")
        if name in known:
            _note(name, known[name])
            options[k] = known[name] + equals + value
    return [new.removeprefix(group).lstrip(), *options]


def is_renamed(group: str, command: str) -> bool:
    """Whether a word is the old name of a command of the group."""
    return f"{group} {command}".strip() in COMMANDS


def agent_words(words: Sequence[str]) -> list[str]:
    """Words for agents, scripted ones under the names of their classes. Says each replacement on stderr."""
    from ..evaluation.subjects import current_name

    new = [current_name(word) for word in words]
    for old, name in dict(zip(words, new, strict=True)).items():
        if old != name:
            _note(old, name)
    return new


def _note(old: str, new: str) -> None:
    warn(plain(f"goalposts: {old} is now called {new}; the old name still works"))
