"""`progress.csv`: one line a step of training, appended as it happens, rewound when a run resumes from a
checkpoint.

A line that was cut off by the death of the process is never read and is removed by the next writer. Numbers
only: a measure that is missing at a step is an empty cell. A file with column names of version 1 is read, and resumed,
under the present names. Read next: `run.py`, which calls this with the
run's lock held.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral, Real
from pathlib import Path
from typing import BinaryIO, cast

from goalposts.process.budget import reading_budget
from goalposts.safe_folder import open_below

from ..measurement.progress_columns import current_column
from ..system.atomic_files import RunError, disk_errors, read_limited, write_atomic

MAX_BYTES = 256_000_000
MAX_HEADER, MAX_COLUMNS = 100_000, 1_000
A_LINE, A_CELL = 500, 150  # bytes of a row and of a number in it, as Python holds them

Row = dict[str, float | None]  # "step" is always there and always a whole number

_COLUMN = re.compile(r"[A-Za-z_][\w./()-]*")


def append_row(path: Path, row: Mapping[str, Real | float | None]) -> None:
    """Append one row. New columns may appear at any time; `step` grows from row to row.

    Raises ValueError for a row that does not fit, RunError when the disk refuses; the file is then as it was.
    """
    step = row.get("step")
    if not isinstance(step, Integral) or isinstance(step, bool):
        raise ValueError("a row of progress needs a whole number `step`")
    if bad := [name for name in row if not _COLUMN.fullmatch(name)]:
        raise ValueError(f"not a column name: {bad[0]!r}; letters, digits and _ . / ( ) - are allowed")
    header, last = _ends(path)
    if last is not None and int(step) <= last:
        raise ValueError(f"progress is already at step {last}, not before {step}; rewind it first")
    new = [name for name in row if name not in header]
    if new:
        columns = ["step", *(name for name in (*header, *new) if name != "step")]
        _rewrite(path, columns, [*_rows(path, tolerant=True), {**row}])
        return
    line = _line(header, row).encode()
    with disk_errors(path, "write"), _opened(path, 0) as file:
        end = file.seek(0, os.SEEK_END)
        try:
            if file.write(line) != len(line):
                raise OSError(28, "No space left on device")
        except BaseException:
            file.truncate(end)
            raise


def read_rows(path: Path) -> list[Row]:
    """All rows, oldest first; a missing file has none. Raises RunError for a damaged file, naming the line."""
    return _rows(path, tolerant=False)


def rewind_rows(path: Path, step: int) -> None:
    """Remove every row beyond `step`, in one piece, together with lines that are damaged."""
    if path.exists():
        header, _ = _ends(path)
        _rewrite(path, header, [row for row in _rows(path, tolerant=True) if (row["step"] or 0) <= step])


def _rewrite(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, Real | float | None]]) -> None:
    lines = [",".join(columns) + "\n", *(_line(columns, row) for row in rows)]
    write_atomic(path, "".join(lines).encode())


def _line(columns: Sequence[str], row: Mapping[str, Real | float | None]) -> str:
    return ",".join(_cell(row.get(name)) for name in columns) + "\n"


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, Integral):
        return str(int(value))
    return repr(float(value))  # type: ignore[arg-type]  # anything else that is no number raises


def _ends(path: Path) -> tuple[list[str], int | None]:
    """The columns and the last step; cuts off a last line that was never finished."""
    if not path.exists():
        return [], None
    with disk_errors(path, "write"), _opened(path) as file:
        header = file.readline(MAX_HEADER)
        if not header:
            return [], None
        if not header.endswith(b"\n"):
            raise _damaged(path)
        columns = _columns(
            path, header.decode("utf-8", "replace").rstrip("\r\n")
        )  # before anything is cut off
        size = file.seek(0, os.SEEK_END)
        tail_at = max(len(header), size - 1_000_000)
        file.seek(tail_at)
        tail = file.read()
        whole = tail.rfind(b"\n") + 1
        if tail_at + whole < size:
            file.truncate(tail_at + whole)
        last = tail[:whole].rstrip(b"\n").rsplit(b"\n", 1)[-1].split(b",", 1)[0]
    return columns, int(last) if last.isdigit() and len(last) < 19 else None


def _opened(path: Path, buffering: int = -1) -> BinaryIO:
    """An ordinary file, open for reading and writing; never the target of a link, never a pipe.

    If it has another name elsewhere, such as in a backup that shares files, the other name keeps it as it is.
    """
    flags = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    handle = open_below(path, flags | getattr(os, "O_BINARY", 0))
    facts = os.fstat(handle)
    if not stat.S_ISREG(facts.st_mode):
        os.close(handle)
        raise RunError(f"{path} is not an ordinary file, so it was not touched. Move it away.")
    if facts.st_nlink > 1:
        with open(handle, "rb") as shared:
            write_atomic(path, lambda own: shutil.copyfileobj(shared, own))
        handle = open_below(path, flags | getattr(os, "O_BINARY", 0))
    return cast(BinaryIO, open(handle, "r+b", buffering=buffering))


def _rows(path: Path, tolerant: bool) -> list[Row]:
    if not path.exists():
        return []
    content, budget = read_limited(path, MAX_BYTES), reading_budget()
    head = content.find(b"\n")
    if not 0 <= head <= MAX_HEADER or content.count(b",", 0, head) >= MAX_COLUMNS:
        if not content:
            return []
        raise _damaged(path)
    lines, cells = content.count(b"\n"), content.count(b",")
    budget.claim(4 * len(content) + A_LINE * lines + A_CELL * cells, path)
    lines = content.decode("utf-8", "replace").replace("\r\n", "\n").split("\n")[:-1]
    header, rows = _columns(path, lines[0]) if lines else [], []
    for number, line in enumerate(budget.each(lines[1:], path), 2):
        row = _row(header, line)
        if row is not None:
            rows.append(row)
        elif not tolerant:
            raise RunError(
                f"{path}, line {number} is damaged. Resume the run, which repairs the file, or delete the line."
            )
    return rows


def _columns(path: Path, header: str) -> list[str]:
    columns = [current_column(name) for name in header.split(",")]
    if columns[0] != "step" or not all(_COLUMN.fullmatch(name) for name in columns):
        raise _damaged(path)
    return columns


def _damaged(path: Path) -> RunError:
    return RunError(f"{path}, line 1 is damaged: it does not name the columns. Restore it or move it away.")


def _row(header: Sequence[str], line: str) -> Row | None:
    cells = line.split(",")
    if len(cells) != len(header) or not cells[0].isascii() or not cells[0].isdigit() or len(cells[0]) > 18:
        return None
    try:
        values = [None if cell == "" else _number(cell) for cell in cells]
    except ValueError:
        return None
    return dict(zip(header, values, strict=True))


def _number(cell: str) -> float:
    return int(cell) if cell.lstrip("-").isdigit() and len(cell) < 19 else float(cell)
