"""progress.csv: appending, rewinding, and refusing damaged lines."""

import resource
import signal
from pathlib import Path
from typing import Any

import pytest
from fixtures.small_run import in_a_child

from goalposts.experiments.runs.progress_csv import append_row, read_rows, rewind_rows
from goalposts.experiments.runs.run import RunError


def test_progress_is_rewound_to_a_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "progress.csv"
    for step in (1, 2, 3):
        append_row(path, {"step": step, "loss": 0.5 / step})
    append_row(path, {"step": 4, "loss": float("nan"), "eval/off_path": 3})
    assert path.read_text().splitlines()[0] == "step,loss,eval/off_path"
    rewind_rows(path, 2)
    assert read_rows(path) == [
        {"step": 1, "loss": 0.5, "eval/off_path": None},
        {"step": 2, "loss": 0.25, "eval/off_path": None},
    ]
    append_row(path, {"loss": None, "step": 10})
    assert read_rows(path)[-1] == {"step": 10, "loss": None, "eval/off_path": None}


def test_a_line_that_was_cut_off_is_neither_read_nor_kept(tmp_path: Path) -> None:
    path = tmp_path / "progress.csv"
    append_row(path, {"step": 1, "loss": 0.5})
    with open(path, "ab") as file:
        file.write(b"2,0.2")
    assert [row["step"] for row in read_rows(path)] == [1]
    append_row(path, {"step": 2, "loss": 0.25})
    assert path.read_text() == "step,loss\n1,0.5\n2,0.25\n"


def test_numpy_numbers_are_numbers(tmp_path: Path) -> None:
    import numpy as np

    path = tmp_path / "progress.csv"
    row: dict[str, Any] = {"step": np.int64(1), "loss": np.float32(0.5), "n": np.uint8(3)}
    append_row(path, row)
    assert path.read_text() == "step,loss,n\n1,0.5,3\n"


@pytest.mark.parametrize(
    "row", [{}, {"step": 1.5}, {"step": True}, {"step": 9, "a,b": 1}, {"step": 5}, {"step": 9, "x": "text"}]
)
def test_rows_that_do_not_fit_are_refused(tmp_path: Path, row: dict) -> None:
    path = tmp_path / "progress.csv"
    append_row(path, {"step": 5, "x": 1})
    with pytest.raises((ValueError, TypeError)):
        append_row(path, row)
    assert path.read_text() == "step,x\n5,1\n"


@pytest.mark.parametrize("text", ["step,a\n1,2\n2\n3,4\n", "step,a\n1,2\nx,1\n", "step,a\n1,2\n3,=SUM(A1)\n"])
def test_damaged_line_is_reported_and_fixed_by_a_rewind(tmp_path: Path, text: str) -> None:
    path = tmp_path / "progress.csv"
    path.write_text(text)
    with pytest.raises(RunError, match="line 3 is damaged"):
        read_rows(path)
    rewind_rows(path, 100)
    assert read_rows(path)[0] == {"step": 1, "a": 2}


@pytest.mark.parametrize("content", [b"\0\0\0", b"hello\n", b"hello", b"\xff\xfe\n1,2\n"])
def test_other_files_named_progress_are_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "progress.csv"
    path.write_bytes(content)
    for work in (lambda: append_row(path, {"step": 1}), lambda: rewind_rows(path, 1)):
        with pytest.raises(RunError, match="line 1 is damaged"):
            work()
    assert path.read_bytes() == content


def test_a_line_that_does_not_fit_on_the_disk_is_taken_back(tmp_path: Path) -> None:
    """The system interrupts the write halfway by limiting the file size."""
    path = tmp_path / "progress.csv"
    append_row(path, {"step": 1, "loss": 0.5})
    before = path.read_bytes()

    def work() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 3, len(before) + 3))
        append_row(path, {"step": 2, "loss": 0.123456789})

    assert in_a_child(work) == 2
    assert path.read_bytes() == before
