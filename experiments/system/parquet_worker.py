"""The process that reads untrusted Parquet and CSV files: requests on stdin, answers on stdout; its death does no harm.

Imports nothing of Goalposts, opens no file but its own facts in /proc, and is started only by `parquet.py`. A request is two
lengths (uint64), a JSON object, and the bytes of a file, or of several concatenated files with the same columns, which become one
table. An answer is the parts of the table, each a length and Arrow IPC, then a length of 0, and a length and a JSON object. Only one
part is unpacked at a time. Memory and CPU time are limited per request where the system supports it (memory: Linux).
"""

import contextlib
import io
import json
import os
import signal
import struct
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import polars as pl

REFUSALS = (pl.exceptions.PolarsError, OSError, ValueError, OverflowError)
SCARCE = (  # words of the system and of Rust for a lack of memory, also of that for another thread
    *("Cannot allocate memory", "OutOfMemory", "out of memory", "memory allocation"),
    *("WouldBlock", "Resource temporarily unavailable"),
)
KEPT = 1 << 30  # bytes of addresses after which the process should not be used again
PART, ROWS = 1 << 25, 50_000  # bytes of a table that are unpacked and sent at once; rows to begin with
WIDTHS = {
    pl.String: 16,
    pl.Binary: 16,
    pl.Boolean: 1,
    pl.Int32: 4,
    pl.UInt32: 4,
    pl.Float32: 4,
}  # of a cell; others: 8
INLINE = 12  # bytes of a text that lie in its cell


def answer(content: bytes, question: dict, send: Callable[[pl.DataFrame], None]) -> dict:
    """Send the parts of a table; return facts about the file, or why it is refused.

    Not `healthy`: the process should not be used again. For several files, the facts hold the metadata they share.

    polars' allocator returns memory but keeps its addresses, which the limit counts: after tables of 64 MB, 500 MB of them.
    """
    try:
        facts, parts = (csv if question["kind"] == "csv" else parquet)(content, question)
        size = 0
        for part in parts:
            size += size_of(part)
            if size > question["table"]:
                return {"too_large": size, "healthy": True}
            send(part)
        return {**facts, "size": size, "healthy": len(content) < 1 << 24 and addresses() < KEPT}
    except OverLimit as error:
        return {"too_large": error.args[0], "healthy": True}
    except REFUSALS as error:
        if is_scarce(error):
            return {"refused": "memory ran out", "failed": True, "scarce": True, "healthy": False}
        return {"refused": first_line(error), "healthy": addresses() < KEPT}
    except (pl.exceptions.PanicException, MemoryError) as error:
        scarce = is_scarce(error)
        return {"refused": first_line(error), "failed": True, "scarce": scarce, "healthy": False}


class OverLimit(Exception):
    """A table that exceeds its memory limit; holds a lower bound on its size in bytes."""


def parquet(content: bytes, question: dict) -> tuple[dict, Iterable[pl.DataFrame]]:
    """Read what Parquet files claim, and their table in parts; no parts if they have too many rows."""
    files, at = [], 0
    for size in question["sizes"]:
        files.append(content[at : at + size])
        at += size
    schema = pl.read_parquet_schema(io.BytesIO(files[0]))
    if len(schema) > question["most_columns"]:
        raise ValueError(f"it has {len(schema):,} columns")
    known = [pl.read_parquet_metadata(io.BytesIO(file)) for file in files]
    rows = pl.scan_parquet(sources(files)).select(pl.len()).collect().item()
    metadata = {
        key: known[0][key]
        for key in question["keys"]
        if key in known[0] and all(footer.get(key) == known[0][key] for footer in known)
    }
    if rows > question["most_rows"]:
        return {"rows": rows, "metadata": metadata}, ()
    least = rows * sum(WIDTHS.get(dtype.base_type(), 8) for dtype in schema.values())
    if least > question["table"]:
        raise OverLimit(least)
    return {"rows": rows, "metadata": metadata}, unpacked(files, rows)


def unpacked(files: list[bytes], rows: int) -> Iterator[pl.DataFrame]:
    """Yield the files' table in parts of about PART bytes, one at a time; at least one part."""
    if rows <= ROWS:
        yield pl.read_parquet(sources(files))
        return
    at, step = 0, ROWS
    while at < rows:
        part = pl.scan_parquet(sources(files)).slice(at, step).collect()
        yield part
        at += step
        step = max(1, min(2 * step, step * PART // max(size_of(part), 1)))


def csv(content: bytes, question: dict) -> tuple[dict, Iterable[pl.DataFrame]]:
    """Read a CSV file with a header in parts; no parts if it has too many lines."""
    rows = content.count(b"\n")
    if rows > question["most_rows"]:
        return {"rows": rows, "metadata": {}}, ()
    types = {name: getattr(pl, dtype) for name, dtype in question["schema"].items()}
    columns = content[: 1 << 20].split(b"\n", 1)[0].count(b",") + 1
    if rows * columns * 16 > question["table"]:
        raise OverLimit(rows * columns * 16)
    if question["exact"]:
        table = pl.read_csv(io.BytesIO(content), schema=types)
    else:
        table = pl.read_csv(io.BytesIO(content), schema_overrides=types, infer_schema=False)
    return {"rows": table.height, "metadata": {}}, table.iter_slices(ROWS) if table.height else [table]


def size_of(table: pl.DataFrame) -> int:
    """Size of a table in bytes with every text written out, even if the file stores it only once."""
    total = 0
    for column in table:
        total += WIDTHS.get(column.dtype.base_type(), 8) * table.height
        if column.dtype in (pl.String, pl.Binary):
            sizes = column.str.len_bytes() if column.dtype == pl.String else column.bin.size()
            total += int(sizes.cast(pl.UInt64).filter(sizes > INLINE).sum() or 0)
        elif column.dtype.is_nested():
            total += int(column.estimated_size())
    return total


def sources(files: list[bytes]) -> Any:
    """Wrap files as sources for polars."""
    return io.BytesIO(files[0]) if len(files) == 1 else [io.BytesIO(file) for file in files]


def first_line(error: BaseException) -> str:
    """The first line of an error, if it helps a user; messages meant for polars developers become "damaged"."""
    line = (str(error).strip().splitlines() or [""])[0].removeprefix("parquet: ")
    line = line.removeprefix("File out of specification: ")
    return "its parts contradict each other" if "::" in line or "{" in line or not line else line[:200]


def is_scarce(error: BaseException) -> bool:
    """Whether an error is due to a lack of memory. polars reports some as its own errors and some as panics, so the words decide."""
    return isinstance(error, MemoryError) or any(words in str(error) for words in SCARCE)


def addresses() -> int:
    """Bytes of addresses that this process has taken from the system; 0 where this is unknown."""
    try:
        with open("/proc/self/statm") as facts:
            return int(facts.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError, AttributeError):
        return 0


def begin_threads() -> None:
    """Let polars start its threads before memory is limited: one that cannot be started leaves it waiting for ever."""
    buffer = io.BytesIO()
    pl.DataFrame({"n": [1]}).write_parquet(buffer)
    pl.scan_parquet(io.BytesIO(buffer.getvalue())).select(pl.len()).collect()


def limit(memory: int, seconds: float) -> None:
    """Limit this process's address space and CPU time, if the system supports it."""
    try:
        import resource
    except ImportError:
        return
    used = int(time.process_time() + seconds) + 1
    for kind, wanted in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_CPU, used),
        (resource.RLIMIT_AS, memory),
    ):
        hard = resource.getrlimit(kind)[1]
        if hard != resource.RLIM_INFINITY:  # a limit above the hard one would be refused
            wanted = min(wanted, max(hard - 1, 0))
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (wanted, hard))


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's; with it this process ends
    asked, told = sys.stdin.buffer, sys.stdout.buffer
    begin_threads()

    def send(part: pl.DataFrame) -> None:
        buffer = io.BytesIO()
        part.write_ipc(buffer, compat_level=pl.CompatLevel.oldest())
        told.write(struct.pack("<Q", buffer.tell()))
        told.write(buffer.getbuffer())

    while len(head := asked.read(16)) == 16:
        words, size = struct.unpack("<QQ", head)
        question = json.loads(asked.read(words))
        limit(question["memory"], question["seconds"])
        began = time.process_time()
        facts = answer(asked.read(size), question, send)
        reply = json.dumps({**facts, "seconds": time.process_time() - began}).encode()
        told.write(struct.pack("<QQ", 0, len(reply)) + reply)
        told.flush()


main()
