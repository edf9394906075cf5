"""The process in which strangers' Parquet files are read: asks on stdin, answers on stdout, dies without harm.

Imports nothing of Goalposts, opens no file, and is started by `parquet.py` alone. A question is two lengths (uint64), a JSON object
and the bytes of a file, or of several of like columns one after the other, which become one table; an answer is a length and a
JSON object, then a length and the table as Arrow IPC (of length 0 where there is none). Its memory is limited for each question
anew, where the system can do that (Linux).
"""

import contextlib
import io
import json
import signal
import struct
import sys
from typing import Any

import polars as pl

REFUSALS = (pl.exceptions.PolarsError, OSError, ValueError, OverflowError)


def answer(content: bytes, question: dict) -> tuple[dict, bytes]:
    """What the file holds, or why it is refused. Not `healthy`: after this, the process should not be asked again.

    Of several files, that metadata which all have alike.
    """
    try:
        files, at = [], 0
        for size in question["sizes"]:
            files.append(content[at : at + size])
            at += size
        known = [pl.read_parquet_metadata(io.BytesIO(file)) for file in files]
        rows = pl.scan_parquet(sources(files)).select(pl.len()).collect().item()
        found = {
            "rows": rows,
            "metadata": {
                key: known[0][key]
                for key in question["keys"]
                if key in known[0] and all(one.get(key) == known[0][key] for one in known)
            },
            "healthy": True,
        }
        if rows > question["most_rows"]:
            return found, b""
        buffer = io.BytesIO()
        table = pl.read_parquet(sources(files))
        (table.rechunk() if len(files) > 1 else table).write_ipc(buffer)
        return {**found, "healthy": len(content) < 1 << 24}, buffer.getvalue()
    except REFUSALS as error:
        return {"refused": first_line(error), "healthy": True}, b""
    except (pl.exceptions.PanicException, MemoryError) as error:
        return {"refused": first_line(error), "healthy": False}, b""


def sources(files: list[bytes]) -> Any:
    """As polars takes them."""
    return io.BytesIO(files[0]) if len(files) == 1 else [io.BytesIO(file) for file in files]


def first_line(error: BaseException) -> str:
    """In words that a reader of the message can use; what is written for programmers of polars says no more than "damaged"."""
    line = (str(error).strip().splitlines() or [""])[0].removeprefix("parquet: ")
    line = line.removeprefix("File out of specification: ")
    return "its parts contradict each other" if "::" in line or "{" in line or not line else line[:200]


def limit(memory: int) -> None:
    """From now on, no more addresses than this, where the system knows such a limit."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory, resource.getrlimit(resource.RLIMIT_AS)[1]))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's; with it this process ends
    asked, told = sys.stdin.buffer, sys.stdout.buffer
    while len(head := asked.read(16)) == 16:
        words, size = struct.unpack("<QQ", head)
        question = json.loads(asked.read(words))
        limit(question["memory"])
        found, table = answer(asked.read(size), question)
        said = json.dumps(found).encode()
        told.write(struct.pack("<Q", len(said)) + said + struct.pack("<Q", len(table)))
        told.write(table)
        told.flush()


main()
