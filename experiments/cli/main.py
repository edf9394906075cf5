"""The command line: loads the modules of commands in this folder, and runs one.

Bad input ends with exit code 2 and one message on stderr, Ctrl-C with 130 and one line; neither shows a traceback.
Read next: `app.py`, what the commands share.
"""

from __future__ import annotations

import re
import sys
import traceback
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import typer
from typer.models import CommandInfo

from goalposts.errors import UserError
from goalposts.process.broken_install import cause_of
from goalposts.process.budget import begin
from goalposts.process.memory_limit import is_out_of_memory
from goalposts.process.stopping import SIGNALS, arrived
from goalposts.process.streams import is_broken_pipe, make_ready, stop_writing, warn
from goalposts.text import plain, plain_lines

from .app import app, with_worlds

# Importing any other module of this folder enters its commands.
WITHOUT_COMMANDS = ("app", "main", "renamed", "tables")
for path in sorted(Path(__file__).parent.glob("[a-z]*.py")):
    if path.stem not in WITHOUT_COMMANDS:
        import_module(f".{path.stem}", __package__)
# The order of the help; a command that is not listed comes last.
ORDER = [
    *(
        "demo",
        "train",
        "evaluate",
        "diagnose",
        "foresee",
        "report",
        "live",
        "record",
        "sweep-goal",
        "finetune",
        "explain",
        "reproduce",
        "adopt",
        "export",
    ),
    *("watch", "play", "edit", "bench", "worlds", "levels", "doctor"),
]


def _rank(command: CommandInfo) -> int:
    name = command.name or getattr(command.callback, "__name__", "")
    return ORDER.index(name) if name in ORDER else len(ORDER)


app.registered_commands.sort(key=_rank)
for group in (app, *(entered.typer_instance for entered in app.registered_groups)):
    assert group is not None
    for entered in group.registered_commands:
        assert entered.callback is not None
        entered.callback = with_worlds(entered.callback)

RULES = {  # by pydantic's error type; typer chains that error to its usage error
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number of fewer digits",
    "int_from_float": "a whole number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "greater_than_equal": "at least {ge}",
    "less_than_equal": "at most {le}",
}
EXTRA = r"Got unexpected extra arguments?(?:\(s\))? \((.*)\)"  # the only usage error without a separate class
ERRORS: Any = sys.modules[
    typer.BadParameter.__module__
]  # click's exceptions, under the module that typer uses


class _Markdown:
    """Placeholder for rich's class until its first use: typer imports that class for every help, and no help of Goalposts needs it."""

    def __new__(cls, *given: Any, **options: Any) -> Any:
        sys.modules.pop("rich.markdown", None)
        return import_module("rich.markdown").Markdown(*given, **options)


def _spare_markdown() -> None:
    """Let typer import its help without rich.markdown, which takes a third of the time that `goalposts --help` does."""
    if "rich.markdown" not in sys.modules and "typer.rich_utils" not in sys.modules:
        stand_in = ModuleType("rich.markdown")
        stand_in.Markdown = _Markdown  # type: ignore[attr-defined]
        sys.modules["rich.markdown"] = stand_in
        try:
            import_module("typer.rich_utils")
        finally:
            sys.modules.pop("rich.markdown", None)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 found wanting, 2 bad input, 130 interrupted (128 + the number of another signal)."""
    make_ready()
    given = sys.argv[1:] if arguments is None else arguments
    try:
        begin()
        if "--help" in given or len(given) < 2:
            _spare_markdown()
        code = app(given, prog_name="goalposts", standalone_mode=False)
        sys.stdout.flush()
    except UserError as error:
        _told(str(error))
        code = getattr(error, "exit_code", 2)
    except ERRORS.UsageError as error:
        code = _told(plain(_in_our_words(error, given)))
    except typer.Abort as error:  # typer takes the end of a file for Ctrl-D
        cause = error.__cause__
        code = _ended_early(cause) if isinstance(cause, EOFError) else 130
    except KeyboardInterrupt:
        code = 130
    except SystemExit as error:
        if not is_broken_pipe(error):
            raise
        code = stop_writing()
    except BrokenPipeError:
        code = stop_writing()
    except OSError as error:
        code = _told(plain(_failed_system_call(error)))
        stop_writing()
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        code = _told("out of memory; reduce the number of levels or environments")
    if code == 130:
        code = _stopped()
    sys.exit(code or 0)


def _failed_system_call(error: OSError) -> str:
    """Name the file, the output, or the library that could not be loaded, which has no number of an error."""
    if error.errno is None:
        return f"a library failed: {error}; goalposts doctor checks the installation"
    return f"{error.filename or 'the output'}: {error.strerror or error}; nothing more was written"


def _told(message: str) -> int:
    warn(plain_lines(f"goalposts: {message}"))
    return 2


def _stopped() -> int:
    number = arrived()
    _told(f"{SIGNALS[number]}; no file is left half-written. Run the same command again to resume or restart")
    return 128 + number


def _ended_early(error: EOFError) -> int:
    """A library read a file that was cut: say which part of it did."""
    if damaged := cause_of(error):
        _told(damaged)
        return 1
    frames = traceback.extract_tb(error.__traceback__)
    where = f" (in {frames[-1].name} of {Path(frames[-1].filename).name})" if frames else ""
    _told(
        f"a file that was read is cut off: {error or 'unexpected end of file'}{where}; goalposts doctor looks for it"
    )
    return 1


def _in_our_words(error: Any, arguments: list[str]) -> str:
    """Explain a usage error: what is wrong, what is allowed, and the help to read."""
    context, param = error.ctx, getattr(error, "param", None)
    named = [
        word for word in arguments[:1] if word.replace("-", "").isalpha()
    ]  # not every error says which command it was
    command = context.command_path if context else " ".join(["goalposts", *named])
    message = error.format_message()
    if isinstance(error, ERRORS.NoSuchOption):
        meant = " or ".join(sorted(error.possibilities or ()))
        message = f"there is no option {error.option_name}." + (f" Did you mean {meant}?" if meant else "")
    elif isinstance(error, ERRORS.BadOptionUsage):
        given = any(word.startswith(f"{error.option_name}=") for word in arguments)
        message = f"{error.option_name} {'takes no value' if given else 'needs a value after it'}."
    elif isinstance(error, ERRORS.MissingParameter) and param is not None:
        name = (param.metavar or param.name).upper()
        message = f"{name} is missing. {getattr(param, 'help', '') or ''}".rstrip()
    elif isinstance(error, ERRORS.BadParameter) and param is not None:
        message = f"{max(param.opts, key=len)}{_wrong_value(error)}."
    elif match := re.match(EXTRA, message):
        message = f"unexpected argument {match[1]!r} for {command}."
    return f"{message} See: {command} --help"


def _wrong_value(error: Any) -> str:
    """The value that was given to an option, and what is allowed."""
    causes = getattr(error.__cause__, "errors", None)
    if not callable(causes):
        return f": {error.message.rstrip('.')}"
    fact: Any = causes()[0]  # type: ignore[index]
    rule = RULES.get(fact["type"])
    bounds = {
        name: int(bound) if bound == int(bound) else bound
        for name, bound in fact.get("ctx", {}).items()
        if isinstance(bound, int | float)
    }
    return f" {fact['input']} is not allowed: " + (
        f"it must be {rule.format(**bounds)}" if rule else fact["msg"].rstrip(".")
    )
