"""The command line of a program that runs as `python -m MODULE`. Read next: `goalposts/errors.py`, whose `tells_exit_code` ends it."""

from __future__ import annotations

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path


def program(module: str, description: str | None) -> ArgumentParser:
    """A parser whose help is the module's docstring, as it is written. module: as after `python -m`."""
    return ArgumentParser(
        prog=f"python -m {module}", description=description, formatter_class=RawDescriptionHelpFormatter
    )


def table_program(module: str, description: str | None) -> ArgumentParser:
    """The same with the argument `out`: the table to write, which names the page next to it."""
    parser = program(module, description)
    parser.add_argument("out", type=Path, help="a .csv file, in a folder that exists")
    return parser
