"""The command line: one thin function a command, in `cli_lookup.py` and `cli_runs.py`; this file runs it.

Bad input ends with exit code 2 and one message on stderr, Ctrl-C with 130 and one line; neither shows a traceback.
Read next: `console.py`, what the commands share.
"""

from __future__ import annotations

import sys

from goalposts.errors import UserError

from . import cli_lookup, cli_runs
from .console import app

COMMANDS = (cli_lookup, cli_runs)  # importing them entered their commands


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 found wanting, 2 bad input, 130 interrupted."""
    try:
        app(arguments, standalone_mode=True)
    except UserError as error:
        print(f"goalposts: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("goalposts: interrupted; the same command goes on from the last checkpoint", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(141)
