"""Reading Parquet tables that a stranger may have made, in a process that may die.

A reader of Parquet takes memory as the file tells it to, and a damaged file can make polars end its process at once, which no
`try` catches. So the bytes go to a reader of their own: a second Python that has imported polars and nothing else, whose memory and
time are limited, and which writes nothing anywhere. Its answer is a table, a refusal, or its death. It is started by
the first table that a process reads (a fifth of a second), kept for the next one, and ends with its parent.
Checks no columns: whoever reads a table knows what it must hold. Read next: `parquet_worker.py`, what runs there.
"""

from __future__ import annotations

import atexit
import contextlib
import io
import json
import os
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from .forks import refuse_after_fork

READER = Path(__file__).with_name("parquet_worker.py")
MEMORY = 4 << 30  # bytes of addresses that the reader may hold, and …
MEMORY_A_BYTE = 48  # … this for each byte of the file: a table unpacked, and once more as it is sent
SECONDS, SECONDS_A_BYTE = 600.0, 1e-6  # by the clock, so with room for a machine that is busy or was asleep
LONGEST_REASON = 200  # characters
UNSEEN = (
    r"[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]"  # what no name in a table of ours holds: controls, bidi marks, line breaks
)


class Unreadable(Exception):
    """Bytes that are no whole Parquet file, or none that can be read within the limits; says why in a few words."""


@dataclass(frozen=True)
class Parquet:
    """A table as it was read. `table` is None if the file claims more than `most_rows`; nothing of it was unpacked then."""

    rows: int
    metadata: Mapping[str, str]  # of the keys that were asked for, those that are there
    table: pl.DataFrame | None


class _Reader:
    """The process that reads. One call at a time; after any trouble it is ended, and the next call starts another."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.process: subprocess.Popen[bytes] | None = None

    def ask(self, content: bytes, question: dict[str, object], seconds: float) -> tuple[dict, bytes]:
        with self.lock:
            process = self.process = self.process or _start()
            late = threading.Event()
            watch = threading.Timer(seconds, lambda: (late.set(), process.kill()))
            watch.daemon = True
            watch.start()
            try:
                words = json.dumps(question).encode()
                assert process.stdin is not None
                process.stdin.write(struct.pack("<QQ", len(words), len(content)) + words)
                process.stdin.write(content)
                process.stdin.flush()
                answer = json.loads(self._receive(process))
                table = self._receive(process)
            except (OSError, EOFError, ValueError):
                self.end()
                if late.is_set():
                    raise Unreadable(f"reading it took longer than {seconds:,.0f} s") from None
                raise Unreadable("it asks for more memory than a table of its size can need") from None
            except (
                BaseException
            ):  # Ctrl-C between question and answer: what comes next would be taken for another's
                self.end()
                raise
            finally:
                watch.cancel()
            if not answer.get("healthy"):
                self.end()
            return answer, table

    @staticmethod
    def _receive(process: subprocess.Popen[bytes]) -> bytes:
        assert process.stdout is not None
        head = process.stdout.read(8)
        if len(head) < 8:
            raise EOFError
        size = struct.unpack("<Q", head)[0]
        found = process.stdout.read(size)
        if len(found) < size:
            raise EOFError
        return found

    def end(self) -> None:
        """End the process; the next question starts another."""
        process, self.process = self.process, None
        if process is None:
            return
        process.kill()
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                pipe.close()  # type: ignore[union-attr]
        process.wait()

    def forget(self) -> None:
        """In a forked child: the process belongs to the parent, and two who ask it would take each other's answers."""
        if self.process is not None:
            for pipe in (self.process.stdin, self.process.stdout):
                pipe.raw.close()  # type: ignore[union-attr]  # without writing out what the parent began
            self.process.returncode = 0  # it is not ours to wait for
        self.lock, self.process = threading.Lock(), None


_reader = _Reader()
atexit.register(_reader.end)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reader.forget)


def _start() -> subprocess.Popen[bytes]:
    """A Python that finds what this one finds, and runs nothing but the reader."""
    start = (
        f"import sys; sys.path[:] = {[os.path.abspath(p) for p in sys.path if p]!r}; "
        f"exec(compile(open({os.fspath(READER)!r}, encoding='utf-8').read(), {os.fspath(READER)!r}, 'exec'))"
    )
    with _quiet():
        return subprocess.Popen(
            [sys.executable, "-I", "-c", start],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "POLARS_MAX_THREADS": "1"},
        )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Unreadable(f"no process could be started to read it in: {error.strerror}") from error


def read_parquet(content: bytes, most_rows: int, keys: tuple[str, ...] = ()) -> Parquet:
    """A Parquet file's table, and of its metadata those `keys`. Raises Unreadable; nothing else comes of hostile bytes."""
    return read_parquets([content], most_rows, keys)


def read_parquets(contents: Sequence[bytes], most_rows: int, keys: tuple[str, ...] = ()) -> Parquet:
    """Several files of the same columns as one table, and that metadata which all have alike. Raises Unreadable.

    A question for each of many small files takes ten times as long. Which of them is to blame for a refusal is not said.
    """
    refuse_after_fork()
    content = b"".join(contents)
    question = {
        "sizes": [len(one) for one in contents],
        "most_rows": most_rows,
        "keys": keys,
        "memory": MEMORY + MEMORY_A_BYTE * len(content),
    }
    answer, table = _reader.ask(content, question, SECONDS + SECONDS_A_BYTE * len(content))
    if "refused" in answer:
        raise Unreadable(str(answer["refused"])[:LONGEST_REASON] or "damaged")
    found = pl.read_ipc(io.BytesIO(table)) if table else None
    return Parquet(int(answer["rows"]), answer["metadata"], found)
