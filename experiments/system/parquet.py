"""The guarded reader of untrusted Parquet and CSV tables, which runs in a separate process that may die.

A Parquet reader allocates as much memory as the file claims, and a damaged file can make polars abort its process, which no
`try` catches; a CSV file with a million column names does the same. So the bytes go to a second Python that imports only
polars, writes nothing, and is limited to the rest of this command's memory and time budget (`goalposts/process/budget.py`).
It answers with a table in parts, with a refusal, or by dying. It starts with the first table that a process reads (a fifth of
a second), stays for further tables, and ends with its parent.
Does not check columns; callers do. Read next: `parquet_worker.py`, the code of that process.
"""

from __future__ import annotations

import atexit
import contextlib
import io
import json
import os
import re
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from goalposts.process.budget import MEMORY, VARIABLE, OverBudget, reading_budget
from goalposts.text import plain

from .forks import refuse_after_fork

READER = Path(__file__).with_name("parquet_worker.py")
ITSELF, UNPACKING = (
    600 << 20,
    1 << 30,
)  # bytes of addresses that the reader needs to start, and to unpack a part of a table
PATIENCE = 10  # seconds by the clock for each of processor time: the machine may be busy, or was asleep
HUNG = 15.0  # seconds by the clock after which a reader that has panicked without an answer is stopped
CSV_COPIES = 8  # times its size a CSV file may take while it is parsed
MOST_COLUMNS, LONGEST_HEADER = 256, 1 << 16
LONGEST_REASON = 200  # characters
TOO_MUCH = "it asks for more memory than a table of its size can need"
ASKED = re.compile(r"memory allocation of (\d+) bytes failed")  # Rust, when it ends a process
SCARCE = re.compile(r"memory allocation of|thread creation failed|WouldBlock|OutOfMemory|Cannot allocate")
UNSEEN = r"[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]"  # never in a name in a valid table: controls, bidi marks, line breaks


class Unreadable(Exception):
    """Bytes that are not a complete table, or exceed the limits; the message says why."""


class Died(Unreadable):
    """The reader ended in the middle of a request. words: what it wrote on stderr; killed: whether the system did it."""

    def __init__(self, words: str, killed: bool) -> None:
        super().__init__(TOO_MUCH)
        self.words, self.killed = words, killed


class MemoryRanOut(OverBudget):
    """A table needs more memory than the reader may use or the system has; the table may well be valid."""


@dataclass(frozen=True)
class Parquet:
    """A table read from a file. `table` is None if the file claims more than `most_rows`; nothing is unpacked then."""

    rows: int
    metadata: Mapping[str, str]  # of the requested keys, those that the file has
    table: pl.DataFrame | None
    size: int = 0  # bytes in memory


WORN = 1 << 26  # bytes of a table after which the reader is stopped; the next table gets a new one


class _Reader:
    """The reader process. One call at a time; after an error it is stopped, and the next call starts a new one."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.process: subprocess.Popen[bytes] | None = None
        self.asked = 0  # questions to this process
        self.words = b""  # what it wrote on stderr, where only polars writes, and only when it panics

    def ask(
        self, content: bytes, question: dict[str, object], seconds: float
    ) -> tuple[dict, list[pl.DataFrame]]:
        with self.lock:
            self.asked = self.asked + 1 if self.process is not None else 1
            if self.process is None:
                self.words = b""
            process = self.process = self.process or _start()
            late, done = threading.Event(), threading.Event()
            watch = threading.Thread(
                target=self._watch, args=(process, done, late, PATIENCE * seconds), daemon=True
            )
            watch.start()
            try:
                words = json.dumps(question).encode()
                assert process.stdin is not None
                process.stdin.write(struct.pack("<QQ", len(words), len(content)) + words)
                process.stdin.write(content)
                process.stdin.flush()
                parts = []
                while part := self._receive(process):
                    parts.append(pl.read_ipc(io.BytesIO(part)))
                answer = json.loads(self._receive(process))
            except (OSError, EOFError, ValueError):
                ended = self._ended(process)
                if late.is_set() or ended == -_SIGXCPU:
                    raise TimeoutError from None
                words = self.words.decode("utf-8", "replace")
                raise Died(words, killed=ended == -_SIGKILL and not words) from None
            except (
                BaseException
            ):  # Ctrl-C between question and answer: what comes next would be taken for another's
                self.end()
                raise
            finally:
                done.set()
                watch.join()
            if not answer.get("healthy"):
                self.end()
            return answer, parts

    def _watch(
        self, process: subprocess.Popen[bytes], done: threading.Event, late: threading.Event, seconds: float
    ) -> None:
        """Kill the reader when its time is up, or when it has panicked and does not answer: a panic can leave it waiting for a thread."""
        began, panicked = time.monotonic(), 0.0
        while not done.wait(min(1.0, max(began + seconds - time.monotonic(), 0.001))):
            now = time.monotonic()
            self._listen(process)
            if self.words and not panicked:
                panicked = now
            if now >= began + seconds:
                late.set()
            if late.is_set() or (panicked and now >= panicked + HUNG):
                process.kill()
                return

    def _listen(self, process: subprocess.Popen[bytes]) -> None:
        with contextlib.suppress(OSError, ValueError, AttributeError):  # nothing there; closed; Windows
            assert process.stderr is not None
            os.set_blocking(process.stderr.fileno(), False)
            self.words = (self.words + os.read(process.stderr.fileno(), 1 << 16))[: 1 << 16]

    def _ended(self, process: subprocess.Popen[bytes]) -> int | None:
        """Wait for the end of a reader that broke off; returns its exit code, if it ended by itself."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(1)
        code = process.returncode
        self._listen(process)
        self.end()
        return code

    @staticmethod
    def _receive(process: subprocess.Popen[bytes]) -> bytes:
        assert process.stdout is not None
        head = process.stdout.read(8)
        if len(head) < 8:
            raise EOFError
        size = struct.unpack("<Q", head)[0]
        body = process.stdout.read(size)
        if len(body) < size:
            raise EOFError
        return body

    def end(self) -> None:
        """Stop the process; the next request starts a new one."""
        process, self.process = self.process, None
        if process is None:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.05)  # it may have been ended by a limit, which its exit code says
        process.kill()
        for pipe in (process.stdin, process.stdout, process.stderr):
            with contextlib.suppress(OSError):
                pipe.close()  # type: ignore[union-attr]
        process.wait()

    def forget(self) -> None:
        """Drop the process in a forked child: it belongs to the parent, and sharing it would mix up the answers."""
        if self.process is not None:
            for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
                pipe.raw.close()  # type: ignore[union-attr]  # without writing out what the parent began
            self.process.returncode = 0  # not this process's child, so there is nothing to wait for
        self.lock, self.process = threading.Lock(), None


_SIGXCPU, _SIGKILL = 24, 9
_reader = _Reader()
atexit.register(_reader.end)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reader.forget)


def _start() -> subprocess.Popen[bytes]:
    """Start a Python with this one's module search path that runs only the reader."""
    start = (
        f"import sys; sys.path[:] = {[os.path.abspath(p) for p in sys.path if p]!r}; "
        f"exec(compile(open({os.fspath(READER)!r}, encoding='utf-8').read(), {os.fspath(READER)!r}, 'exec'))"
    )
    with _quiet():
        return subprocess.Popen(
            [sys.executable, "-I", "-c", start],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "POLARS_MAX_THREADS": "1", "RUST_BACKTRACE": "0"},
        )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Unreadable(f"no process could be started to read it in: {error.strerror}") from error


def read_parquet(
    content: bytes, most_rows: int, keys: tuple[str, ...] = (), what: object = "this table"
) -> Parquet:
    """Read a Parquet file's table, and the given `keys` of its metadata. what: its name in messages.

    Raises Unreadable, or OverBudget if it needs more than this command may use; hostile bytes have no other effect.
    """
    return read_parquets([content], most_rows, keys, what)


def read_parquets(
    contents: Sequence[bytes], most_rows: int, keys: tuple[str, ...] = (), what: object = "these tables"
) -> Parquet:
    """Read several files with the same columns as one table, and the metadata they share. Raises as `read_parquet`.

    Ten times as fast as separate requests for many small files. A refusal does not say which file caused it.
    """
    question = {
        "kind": "parquet",
        "sizes": [len(content) for content in contents],
        "most_rows": most_rows,
        "keys": keys,
    }
    return _table(b"".join(contents), question, what)


def read_csv(
    content: bytes,
    most_rows: int,
    schema: Mapping[str, object],
    exact: bool = False,
    what: object = "this table",
) -> pl.DataFrame:
    """Read a CSV file with a header; columns not in `schema` are text. exact: refuse such columns.

    Raises as `read_parquet`.
    """
    reading_budget().claim(CSV_COPIES * len(content), what)
    header = content[: LONGEST_HEADER + 1].split(b"\n", 1)[0]
    if len(header) > LONGEST_HEADER or header.count(b",") >= MOST_COLUMNS:
        raise Unreadable(
            f"its header is longer than {LONGEST_HEADER >> 10} kB or names over {MOST_COLUMNS} columns"
        )
    types = {name: str(dtype) for name, dtype in schema.items()}
    question = {
        "kind": "csv",
        "sizes": [len(content)],
        "most_rows": most_rows,
        "keys": (),
        "schema": types,
        "exact": exact,
    }
    reading = _table(content, question, what)
    if reading.table is None:
        raise Unreadable(f"it has {reading.rows:,} lines; at most {most_rows:,} are read")
    return reading.table


def _ask(
    content: bytes, question: dict[str, object], what: object
) -> tuple[dict[str, Any], list[pl.DataFrame]]:
    """Ask the reader; if one that was used before fails, addresses that it still holds may be why, so a second, new one decides.

    Raises Died, OverBudget.
    """
    budget = reading_budget()
    again = True
    while True:
        with budget.clock(what):
            try:
                answer, parts = _reader.ask(content, question, budget.left())
            except TimeoutError:
                raise budget.too_slow(what) from None
            except Died as death:
                if again and _reader.asked > 1:
                    again = False
                    continue
                raise _cause(death, int(str(question["memory"])), what) from None
            budget.spend(float(answer.get("seconds", 0.0)))
        if "failed" in answer and again and _reader.asked > 1:
            again = False
            continue
        if answer.get("scarce"):
            raise _ran_out(0, int(str(question["memory"])), what)
        return answer, parts


def _cause(death: Died, memory: int, what: object) -> Unreadable | MemoryRanOut:
    """What ended a reader: memory that ran out; or a claim that no memory could meet, and anything else: a damaged file."""
    asked = max((int(size) for size in ASKED.findall(death.words)), default=0)
    if (death.killed or SCARCE.search(death.words)) and asked <= memory:
        return _ran_out(asked, memory, what)
    return death


def _ran_out(asked: int, memory: int, what: object) -> MemoryRanOut:
    wanted = f"asked for another {asked / 10**6:,.3g} MB; " if asked >= 10**5 else ""
    own = _limit_of_this_process()
    if own is not None and own < memory:
        return MemoryRanOut(
            f"memory ran out while {what} was read ({wanted}the system allows a process {own / 10**6:,.0f} MB here). "
            "Allow more (ulimit -v), or close other programs"
        )
    more = max(4, -(-2 * memory // 10**9))
    return MemoryRanOut(
        f"memory ran out while {what} was read ({wanted}the reading process may use {memory / 10**6:,.0f} MB). A damaged file can "
        f"ask for any amount. If you trust this one, close other programs, or allow more: {VARIABLE}={more}GB"
    )


def _limit_of_this_process() -> int | None:
    """Bytes of addresses that the system allows this process and its children; None: no limit, or unknown."""
    try:
        import resource
    except ImportError:
        return None
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return None if limit == resource.RLIM_INFINITY else limit


def _table(content: bytes, question: dict[str, object], what: object) -> Parquet:
    """Send a request to the reader, within the rest of the budget."""
    refuse_after_fork()
    budget = reading_budget()
    room, seconds = max(budget.memory - budget.held - len(content), 0), budget.left()
    question |= {"most_columns": MOST_COLUMNS, "table": room, "seconds": seconds}
    question["memory"] = ITSELF + max(UNPACKING, (budget.memory - MEMORY) // 2) + 4 * len(content)
    answer, parts = _ask(content, question, what)
    if "too_large" in answer or int(answer.get("size", 0)) > WORN:
        _reader.end()
    if "too_large" in answer:
        budget.claim(int(answer["too_large"]) + len(content), what)
        raise Unreadable(TOO_MUCH)
    if "refused" in answer:
        raise Unreadable(plain(answer["refused"], LONGEST_REASON) or "damaged")
    table = None if not parts else parts[0] if len(parts) == 1 else pl.concat(parts, rechunk=False)
    return Parquet(int(answer["rows"]), answer["metadata"], table, int(answer.get("size", 0)))
