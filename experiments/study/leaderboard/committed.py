"""The recorded leaderboard, which `goalposts study methods` prints: a board for each study and label class, never one of several.

Its cells are in `committed.csv`, which the page of the studies of methods writes (`experiments/analyses/methods`). Prints nothing. Read
next: `board.py`; `added.py`, which shows your own method next to them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from goalposts.errors import UserError

from .board import board
from .cells import COLUMNS, CONTROL, ENTRY
from .points import CONTROLS, FULL, ONE_LABEL, PLAIN, SYMBOLS

COMMITTED = Path(__file__).with_name("committed.csv")
IS_CONTROL = pl.col("measure").str.starts_with(CONTROL)
JOIN = "goalposts study methods --add my_file.py:MyMethod"
RECORD = "docs/results/regenerate.sh 13 14 15 16 17"


@dataclass(frozen=True)
class RecordedBoard:
    """The recorded methods of one study and label class: rows of text, heads first; none if the world does not enter.

    at: the parameter of the full rows, such as `α = 0.01`; controls: those that do not hold, with their states.
    """

    study: str
    world: str
    label_class: str
    at: str
    rows: list[list[str]]
    controls: list[str]


def recorded_boards() -> list[RecordedBoard]:
    """All recorded boards, by study and label class. Raises UserError without a recorded leaderboard."""
    if not COMMITTED.exists():
        raise UserError(
            f"no leaderboard is recorded yet: there is no {COMMITTED}. Record it in a checkout with {RECORD} (hours), or train your own "
            f"method alone with: {JOIN}"
        )
    boards = []
    methods = _all_cells().filter(~IS_CONTROL & pl.col("study").is_in(list(FULL)))
    for (study, label_class), own in methods.group_by("study", "label_class", maintain_order=True):
        symbol = SYMBOLS.get(str(study), "")
        parameter = ONE_LABEL if label_class == "L2" else FULL[str(study)]
        shown = own.filter(~pl.col("method").is_in(CONTROLS))
        boards.append(
            RecordedBoard(
                str(study),
                own["world"][0],
                str(label_class),
                f"{symbol} = {parameter:g}" if symbol else "",
                board(shown, parameter) if enters(str(study)) else [],
                controls_of(str(study)),
            )
        )
    return boards


def committed_cells(study: str, label_class: str) -> pl.DataFrame:
    """The recorded cells of a study's methods of a label class and of plain training, without controls; none if it has not been run."""
    alike = (pl.col("label_class") == label_class) | (pl.col("method") == PLAIN)
    return _committed(study).filter(alike & ~pl.col("method").is_in(CONTROLS) & ~IS_CONTROL)


def controls_of(study: str) -> list[str]:
    """The recorded controls of a study that do not hold, with their states."""
    return _committed(study).filter(IS_CONTROL)["words"].to_list()


def enters(study: str) -> bool:
    """Whether the world of a study enters: no control with its agents at α = 1 is recorded as not holding."""
    return not _committed(study).filter(IS_CONTROL & pl.col("measure").str.ends_with(ENTRY)).height


def _committed(study: str) -> pl.DataFrame:
    return _all_cells().filter(pl.col("study") == study)


def _all_cells() -> pl.DataFrame:
    if not COMMITTED.exists():
        return pl.DataFrame(schema=COLUMNS)
    return pl.read_csv(COMMITTED, schema_overrides=COLUMNS)
