"""Write tables that exceed memory in pieces, in a hidden folder next to the result, and join them at the end.

Memory does not grow with the number of pieces. Read next: `experiments/evaluation/chunked.py`, which evaluates this way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Self

import polars as pl

from goalposts.safe_folder import make_folder, pinned, remove_tree

from .atomic_files import disk_errors, unfinished_name

ROWS_A_GROUP = 100_000  # of a Parquet file: set, so that the same rows are the same bytes


@dataclass
class Pieces:
    """Tables in progress, by name: written one by one, read back as one."""

    folder: Path
    written: dict[str, list[Path]] = field(default_factory=dict)

    @classmethod
    @contextmanager
    def beside(cls, path: Path) -> Iterator[Self]:
        """Collect pieces in a hidden folder next to the result and remove it; after a crash, the next lock holder removes it."""
        folder = unfinished_name(path)
        with disk_errors(folder, "write"):
            make_folder(folder)
        try:
            with pinned(folder) as place:
                yield cls(place)
        finally:
            remove_tree(folder)

    def add(self, name: str, content: bytes | Callable[[Path], object]) -> None:
        """Write the next piece of a table: a Parquet file, or what writes one."""
        pieces = self.written.setdefault(name, [])
        path = self.folder / f"{name}-{len(pieces):06}.parquet"
        with disk_errors(path, "write"):
            path.write_bytes(content) if isinstance(content, bytes) else content(path)
        pieces.append(path)

    def joined(self, name: str, metadata: dict[str, str] | None = None) -> Callable[[BinaryIO], Any]:
        """Return a function that writes the pieces of a name to a file, as one table in order."""
        table = pl.scan_parquet(self.written[name])
        return lambda file: table.sink_parquet(file, row_group_size=ROWS_A_GROUP, metadata=metadata)
