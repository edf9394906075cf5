"""Reading untrusted files: regular files of limited size; pipes, devices and links to them are refused at once."""

import os
import tracemalloc
from pathlib import Path

import pytest

from goalposts.safe_read import NotOrdinary, TooLarge, read_ordinary


def test_an_ordinary_file_is_read_whole_up_to_its_limit(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    (tmp_path / "link").symlink_to(path)
    assert read_ordinary(path, 5) == read_ordinary(tmp_path / "link", 5) == b"12345"
    with pytest.raises(TooLarge, match=r"too large: 5 bytes .limit 4.") as caught:
        read_ordinary(path, 4)
    assert caught.value.size == 5


def test_a_small_file_takes_little_memory_whatever_the_limit(tmp_path: Path) -> None:
    """Regression: memory was allocated for the limit instead of the file's size."""
    (tmp_path / "file").write_bytes(b"12345")
    tracemalloc.start()
    read_ordinary(tmp_path / "file", 1 << 30)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20


def test_pipes_and_devices_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "endless").symlink_to("/dev/zero")
    for name in ("pipe", "endless"):
        with pytest.raises(NotOrdinary):
            read_ordinary(tmp_path / name, 100)
    with pytest.raises(IsADirectoryError):
        read_ordinary(tmp_path, 100)
    with pytest.raises(FileNotFoundError):
        read_ordinary(tmp_path / "nothing", 100)
    (tmp_path / "circle").symlink_to("circle")
    with pytest.raises(OSError, match="symbolic"):
        read_ordinary(tmp_path / "circle", 100)
