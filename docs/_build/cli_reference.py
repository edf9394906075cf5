"""Command-line reference page: one section per command, generated from the commands.

Shows the text of `goalposts COMMAND --help` under linkable headings. Runs no command. Read next: `hooks.py`,
which adds the page to the site; experiments/cli/main.py, which defines the commands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import typer

from goalposts.experiments.cli import main

INTRO = """\
# The command line

This page is generated from the commands when the site is built. `goalposts COMMAND --help` prints the same text in a
terminal. Invalid input ends with exit code 2 and one message that names the allowed values. Ctrl-C leaves no file half-written; run the
same command again to resume.

"""


def commands() -> dict[str, Any]:
    """All commands by full name, such as `study run`, in the order of the help."""
    return dict(_walk(typer.main.get_command(main.app), ""))


def options(command: Any) -> set[str]:
    """All spellings of a command's options."""
    params = [param for param in command.params if param.opts[0].startswith("-")]
    return {"--help"} | {word for param in params for word in (*param.opts, *param.secondary_opts)}


def command_page() -> str:
    """The command-line reference as Markdown."""
    found = commands()
    table = [
        f"| [`goalposts {name}`](#{_anchor(name)}) | {_first(command)} |" for name, command in found.items()
    ]
    parts = [INTRO, "| command | what it does |\n|---|---|\n" + "\n".join(table) + "\n"]
    return "\n".join([*parts, *(_section(name, command) for name, command in found.items())])


def _walk(group: Any, before: str) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        words = f"{before} {name}".strip()
        if hasattr(command, "commands"):
            yield from _walk(command, words)
        else:
            yield words, command


def _section(name: str, command: Any) -> str:
    arguments = [param for param in command.params if not param.opts[0].startswith("-")]
    chosen = [param for param in command.params if param.opts[0].startswith("-") and param.name != "help"]
    usage = " ".join(["goalposts", name, *map(_argument, arguments), *(["[OPTIONS]"] if chosen else [])])
    lines = [f"## goalposts {name} {{ #{_anchor(name)} }}", "", _text(command.help), "", f"    {usage}", ""]
    if arguments:
        lines += ["| argument | meaning |", "|---|---|"]
        lines += [f"| `{param.name}` | {_meaning(param)} |" for param in arguments] + [""]
    if chosen:
        lines += ["| option | meaning |", "|---|---|"]
        lines += [f"| {_spelling(param)} | {_meaning(param)} |" for param in chosen] + [""]
    return "\n".join(lines)


def _argument(param: Any) -> str:
    word = f"{param.name.upper()}{' …' if param.nargs == -1 else ''}"
    return word if param.required else f"[{word}]"


def _spelling(param: Any) -> str:
    value = "" if getattr(param, "is_flag", False) else f" {_value(param)}"
    return " / ".join(f"`{word}{value}`" for word in (*param.opts, *param.secondary_opts))


def _value(param: Any) -> str:
    """Placeholder for an option's value: N for a number, else the option's name."""
    kind = param.type_descriptor.annotation
    named = getattr(param, "metavar", None) or param.name.removeprefix("as_").upper()
    return "N" if kind in (int, float) else named


def _meaning(param: Any) -> str:
    info, said = param.type_descriptor.parameter_info, [_text(param.help)]
    bounds = [("at least", getattr(info, "min", None)), ("at most", getattr(info, "max", None))]
    shown = " and ".join(f"{word} {bound:,}" for word, bound in bounds if bound is not None)
    said += [f"{shown.capitalize()}."] if shown else []
    default = getattr(param, "default", None)
    if default not in (None, False, ()) and not getattr(param, "is_flag", False):
        said.append(f"Default: `{default}`.")
    elif default is True:
        said.append(f"Default: `{param.opts[0]}`.")
    return " ".join(said).replace("|", "\\|")


def _first(command: Any) -> str:
    return _text(command.help).split("\n\n")[0].replace("\n", " ").replace("|", "\\|")


def _text(words: str | None) -> str:
    """Convert help text from rich markup to Markdown, keeping angle brackets visible."""
    plain = re.sub(r"\[/?bold\]", "**", (words or "").replace("\f", ""))
    return re.sub(r"<(\w+)>", r"&lt;\1&gt;", plain).strip()


def _anchor(name: str) -> str:
    return name.replace(" ", "-")
