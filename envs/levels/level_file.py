"""Read and write level files: levels as text (`.txt`), or a whole level set as arrays (`.npz`).

Reading never executes code (no pickle) and checks sizes before allocating. Does not generate levels.
Read next: `level.py`.
"""

from __future__ import annotations

import io
import math
import shlex
import zipfile
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import BinaryIO

import numpy as np

from goalposts.process.budget import OverBudget, reading_budget
from goalposts.process.notices import progress
from goalposts.safe_read import TooLarge, decode_first_line, decode_text, read_beginning, read_ordinary
from goalposts.safe_write import write_whole

from .level import LEGENDS, MAX_COLS, MAX_ROWS, Level, LevelError, LevelSet, legend_of

MAX_TEXT_BYTES = 64 << 20
LONG_TEXT = 5 * 10**6  # number of characters above which a command reports that it is reading
MAX_BYTES = 1 << 30  # of an .npz file
MAX_LEVELS = 4_000_000
LINE_ENDS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
A_LINE, A_LEVEL = 120, 1_000  # memory per line of text and per level in Python, in bytes
SMALL, DENSEST = 1 << 26, 200  # unpacked bytes always allowed; above, the largest ratio
# The arrays of a level set: dtype, dimensions, maximum number of entries.
_ARRAYS = {
    "tiles": ("|u1", 3, MAX_LEVELS << 10),
    "sizes": ("<i4", 2, 2 * MAX_LEVELS),
    "index": ("<i8", 1, MAX_LEVELS),
    "meta": ("<U64", 1, 4),
}


def save_levels(levels: LevelSet, path: str | Path) -> Path:
    """Write a level set atomically: `.npz` keeps everything, `.txt` keeps the text of each level with a comment line."""
    path = Path(path)
    meta = np.array([levels.world, levels.condition, levels.split, str(levels.seed)], dtype="U64")

    def write_arrays(file: BinaryIO) -> None:
        np.savez_compressed(file, tiles=levels.tiles, sizes=levels.sizes, index=levels.index, meta=meta)

    def write_text(file: BinaryIO) -> None:
        blocks = (
            f"; {levels.world} {levels.condition} {levels.split} seed {levels.seed} level {k}\n{level.to_text()}\n"
            for k, level in zip(levels.index, levels, strict=True)
        )
        file.write("\n".join(blocks).encode())

    writers = {".npz": write_arrays, ".txt": write_text}
    if path.suffix not in writers:
        raise LevelError(f"{path}: a level file ends in .npz or .txt, not {path.suffix!r}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, writers[path.suffix])
    except OSError as error:
        raise LevelError(f"{path}: cannot be written ({error.strerror}); choose another place") from error
    return path


def load_levels(path: str | Path, world: str = "CoinRun") -> LevelSet:
    """Read a level file. `world` applies to `.txt`, which does not name its world.

    Raises LevelError if the file is missing, too large or damaged, or holds an invalid level.
    """
    path = Path(path)
    try:
        if path.suffix == ".npz":
            levels = _load_npz(path)
        else:
            text = decode_text(read_ordinary(path, MAX_TEXT_BYTES))
            if len(text) > LONG_TEXT:
                progress(f"reading {path}, {len(text) / 10**6:,.0f} MB of level text")
            levels = levels_from_text(text, world)
            reading_budget().hold(levels, levels.tiles.nbytes, path)
    except FileNotFoundError:
        raise LevelError(
            f"{path}: no such level file; `goalposts levels --out {shlex.quote(path.name)}` writes one"
        ) from None
    except TooLarge:
        raise LevelError(
            f"{path}: larger than {MAX_TEXT_BYTES >> 20} MiB; use an .npz level set of at most {MAX_BYTES >> 20} MiB"
        ) from None
    except OSError as error:
        raise LevelError(
            f"{path}: cannot be read ({error.strerror}); give a level file, .txt or .npz"
        ) from error
    except UnicodeDecodeError:
        raise LevelError(f"{path}: not a text file; level files are plain text") from None
    except LevelError as error:
        raise error.within(f"{path}: ") from None
    return levels


def world_of(path: str | Path) -> str | None:
    """The world named in a text file's first line, as `save_levels` writes it; None if there is none."""
    try:
        first = decode_first_line(read_beginning(path, 1000))
    except (OSError, UnicodeDecodeError):
        return None  # `load_levels` reports what is wrong with the file
    words = first.split()
    return words[1] if len(words) > 1 and words[0] in (";", "#") and words[1] in LEGENDS else None


def levels_from_text(text: str, world: str = "CoinRun") -> LevelSet:
    """Parse level texts separated by blank lines or comments (`Legend.is_comment`).

    Ignores a comment inside a valid level. Raises LevelError naming the level, the row and the column.
    """
    budget, what = reading_budget(), "this text"
    budget.claim(8 * len(text) + A_LINE * sum(map(text.count, LINE_ENDS)), what)
    texts = [rows for block in _blocks(text) for rows in _level_texts(block, world)]
    sizes = [max(map(len, block)) for block in texts], [len(block) for block in texts]
    most = min(max(sizes[0], default=0), MAX_COLS) * min(max(sizes[1], default=0), MAX_ROWS)
    budget.claim(8 * len(text) + (A_LEVEL + 2 * most) * len(texts), what)
    levels = []
    for number, rows in enumerate(budget.each(texts, what), 1):
        try:
            levels.append(Level.from_text("\n".join(rows), world))
        except LevelError as error:
            raise error.within(f"level {number} of {len(texts)}, ") from None
    if not levels:
        legend = legend_of(world).explain().split("\n")
        raise LevelError(f"holds no level; a level of {world} is a text of", *legend)
    return LevelSet.of(levels, checked=True)


def _blocks(text: str) -> Iterator[list[str]]:
    """Split the text at blank lines; yields the lines of each block."""
    for filled, block in groupby(text.splitlines(), lambda line: bool(line.strip())):
        if filled:
            yield list(block)


def _level_texts(block: list[str], world: str) -> list[list[str]]:
    """Split a block into the rows of each level: one level if all rows form a level, else one between comments."""
    parts = [list(rows) for comment, rows in groupby(block, legend_of(world).is_comment) if not comment]
    if len(parts) < 2:
        return parts
    together = [row for rows in parts for row in rows]
    try:
        Level.from_text("\n".join(together), world)
    except LevelError:
        return parts
    return [together]


def _read_array(archive: zipfile.ZipFile, name: str, dtype: str, ndim: int, most: int) -> np.ndarray:
    """Read one array of an archive. Checks its header before allocating memory."""
    with archive.open(f"{name}.npy") as file:
        if np.lib.format.read_magic(file) != (1, 0):
            raise LevelError(f"damaged: array {name!r} has an unknown header")
        shape, by_column, given = np.lib.format.read_array_header_1_0(file)
        if given.str != dtype or len(shape) != ndim or by_column or not 0 <= math.prod(shape) <= most:
            raise LevelError(f"damaged: array {name!r} has the wrong type or shape")
        size = math.prod(shape) * given.itemsize
        if archive.getinfo(f"{name}.npy").file_size != file.tell() + size:
            raise LevelError(f"damaged: the length of array {name!r} does not match its header")
        return np.frombuffer(file.read(size), given).reshape(shape)


def _load_npz(path: Path) -> LevelSet:
    try:
        content = read_ordinary(path, MAX_BYTES)
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
            if unpacked > max(SMALL, DENSEST * len(content)):
                raise LevelError(f"would unpack to {unpacked:,} bytes (limit: {DENSEST} times the file size)")
            reading_budget().claim(len(content) + 3 * unpacked, path)
            arrays = {name: _read_array(archive, name, *form) for name, form in _ARRAYS.items()}
            world, condition, split, seed = map(str, arrays.pop("meta").tolist())
            seed = int(seed)
    except (OSError, LevelError, OverBudget):
        raise
    except Exception:  # the exceptions of zipfile, zlib and numpy for damaged bytes are undocumented
        raise LevelError("not a level set, or damaged; regenerate it with `goalposts levels`") from None
    tiles, sizes = arrays["tiles"], arrays["sizes"]
    n, rows, cols = tiles.shape
    if not (0 < n <= MAX_LEVELS and 0 < rows <= MAX_ROWS and 0 < cols <= MAX_COLS):
        raise LevelError(f"damaged: {n} levels of {rows}x{cols}")
    if (
        sizes.shape != (n, 2)
        or len(arrays["index"]) != n
        or (sizes < 1).any()
        or (sizes > (rows, cols)).any()
    ):
        raise LevelError("damaged: the sizes of the levels do not match their tiles")
    if tiles.max() >= len(legend_of(world).tiles):
        raise LevelError(f"damaged: contains codes that are not tiles of {world}")
    levels = LevelSet(world, tiles, sizes, arrays["index"], condition, split, seed)
    budget = reading_budget()
    budget.hold(levels, tiles.nbytes, path)
    for number, level in enumerate(budget.each(levels, path), 1):
        try:
            level.validate()
        except LevelError as error:
            raise error.within(f"level {number} of {n}, ") from None
    return levels
