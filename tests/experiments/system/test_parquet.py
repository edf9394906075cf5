"""Untrusted Parquet files are read in a process that may die: recovery, and termination with its parent."""

import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

from goalposts.experiments.system import parquet
from goalposts.experiments.system.parquet import Unreadable, read_parquet
from goalposts.process.budget import VARIABLE, OverBudget


def file(rows: int = 5) -> bytes:
    content = io.BytesIO()
    table = pl.DataFrame({"n": range(rows), "text": ["x"] * rows})
    table.write_parquet(content, metadata={"version": "7", "other": "?"})
    return content.getvalue()


def reader_id() -> int:
    process = parquet._reader.process
    assert process is not None
    return process.pid


def test_a_table_comes_as_it_was_written_with_the_metadata_that_was_asked_for() -> None:
    found = read_parquet(file(), 5, ("version", "not there"))
    assert found.table is not None
    assert found.table.equals(pl.read_parquet(io.BytesIO(file())))
    assert (found.rows, dict(found.metadata)) == (5, {"version": "7"})


def test_more_rows_than_allowed_are_counted_but_not_read() -> None:
    found = read_parquet(file(6), 5)
    assert (found.rows, found.table) == (6, None)


def test_one_process_reads_all_files_and_continues_after_a_damaged_one() -> None:
    parquet._reader.end()
    read_parquet(file(), 5)
    first = reader_id()
    for damaged in (b"", b"PAR1", file()[:-9], b"PAR1" + bytes(100) + b"PAR1"):
        with pytest.raises(Unreadable, match=r"\w+"):
            read_parquet(damaged, 5)
    read_parquet(file(), 5)
    assert reader_id() == first


def test_a_reader_that_dies_is_a_refusal_and_the_next_file_gets_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Regression: polars requested 2**61 bytes because of a mutated file, and SIGABRT ended the whole command."""
    start, dead = parquet._start, []

    def dying() -> subprocess.Popen[bytes]:
        process = start()
        os.kill(process.pid, signal.SIGABRT)
        dead.append(process.pid)
        return process

    parquet._reader.end()
    monkeypatch.setattr(parquet, "_start", dying)
    with pytest.raises(Unreadable, match="more memory"):
        read_parquet(file(), 5)
    monkeypatch.setattr(parquet, "_start", start)
    assert read_parquet(file(), 5).rows == 5
    assert reader_id() not in dead


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process's addresses")
@pytest.mark.slow
def test_a_reader_whose_allocator_keeps_many_addresses_is_replaced() -> None:
    """Regression: after tables of 64 MB it kept 1,395 of the 1,624 MB of its limit, with 68 MB in use."""
    parquet._reader.end()
    for rows, size in ((3, 20), (30, 2)):
        content = io.BytesIO()
        pl.DataFrame({"text": [f"{k:08d}".ljust(size << 20, "0") for k in range(rows)]}).write_parquet(
            content
        )
        assert read_parquet(content.getvalue(), rows).rows == rows
        if parquet._reader.process is not None:
            pages = int(Path(f"/proc/{reader_id()}/statm").read_text().split()[0])
            assert pages * os.sysconf("SC_PAGE_SIZE") < 1 << 30


@pytest.mark.skipif(not hasattr(signal, "SIGABRT"), reason="no signals")
def test_the_death_of_a_used_reader_is_no_refusal() -> None:
    """Memory that it still holds may be why, so a new one decides."""
    read_parquet(file(), 5)
    first = reader_id()
    os.kill(first, signal.SIGSTOP)  # so that it has not ended before it is asked
    os.kill(first, signal.SIGABRT)
    os.kill(first, signal.SIGCONT)
    assert read_parquet(file(), 5).rows == 5
    assert reader_id() != first


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process's addresses")
def test_a_small_file_that_unpacks_to_more_than_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    content = io.BytesIO()
    pl.DataFrame({"text": [f"{k}{'0' * (1 << 22)}" for k in range(32)]}).write_parquet(content)
    bomb = content.getvalue()
    assert len(bomb) < 1 << 20
    assert read_parquet(bomb, 32).rows == 32
    parquet._reader.end()
    monkeypatch.setenv(VARIABLE, "100MB")
    with pytest.raises(OverBudget, match=f"would take 1.. MB of memory.*{VARIABLE}=4GB"):
        read_parquet(bomb, 32)
    monkeypatch.setattr(parquet, "UNPACKING", 0)  # address space, which is limited too
    monkeypatch.setattr(parquet, "ITSELF", 420 << 20)
    monkeypatch.setenv(VARIABLE, "2GB")
    with pytest.raises(OverBudget, match=rf"memory ran out .* may use 440 MB.*{VARIABLE}=4GB"):
        read_parquet(bomb, 32)
    monkeypatch.undo()
    assert read_parquet(file(), 5).rows == 5  # under the same limit
    parquet._reader.end()


def test_what_takes_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    start = parquet._start

    def stopped() -> subprocess.Popen[bytes]:
        process = start()
        os.kill(process.pid, signal.SIGSTOP)
        return process

    parquet._reader.end()
    monkeypatch.setattr(parquet, "_start", stopped)
    monkeypatch.setenv(VARIABLE, "0.01s")
    with pytest.raises(OverBudget, match=r"longer than the 0\.01 s"):
        read_parquet(file(), 5)


def test_forked_process_gets_a_separate_reader() -> None:
    read_parquet(file(), 5)
    first = reader_id()
    child = os.fork()
    if child == 0:  # without touching polars here, whose threads do not survive a fork
        os._exit(0 if parquet._reader.process is None else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert read_parquet(file(), 5).rows == 5
    assert reader_id() == first


def test_the_reader_ends_with_its_parent_even_if_that_is_killed(tmp_path: Path) -> None:
    (tmp_path / "x.parquet").write_bytes(file())
    code = (
        "import os, sys\nfrom goalposts.experiments.system import parquet\n"
        f"parquet.read_parquet(open({str(tmp_path / 'x.parquet')!r}, 'rb').read(), 5)\n"
        "print(parquet._reader.process.pid, flush=True)\nos.kill(os.getpid(), 9)\n"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    pid, end = int(told.stdout), time.monotonic() + 30
    while Path(f"/proc/{pid}").exists() and time.monotonic() < end:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        if state == "Z":  # dead, but not reaped
            break
        time.sleep(0.05)
    else:
        assert not Path(f"/proc/{pid}").exists()
