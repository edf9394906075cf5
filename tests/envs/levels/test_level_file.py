"""Level files: written atomically, read exactly or refused, and never executed."""

import io
import os
import pickle
import random
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goalposts.envs import Level, LevelError, LevelSet, generate, levels_from_text, load_levels, save_levels
from goalposts.envs.levels import level_file

LEVELS = generate("CoinRun", "mixture(0.25)", 5, 7, first=100)


class Trap:
    """Creates a marker file when unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return (Path.touch, (self.mark,))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A valid level file."""
    return save_levels(LEVELS, tmp_path / "levels.npz")


def arrays_of(path: Path) -> dict[str, np.ndarray]:
    with np.load(path) as data:
        return dict(data)


def test_npz_keeps_everything(file: Path) -> None:
    again = load_levels(file)
    assert again == LEVELS
    assert again.index.tolist() == list(range(100, 107))
    assert (again.world, again.condition, again.split, again.seed) == ("CoinRun", "mixture(0.25)", "test", 5)
    with pytest.raises(ValueError, match="read-only"):
        again.tiles[0] = 1


def test_text_keeps_the_pictures(tmp_path: Path) -> None:
    path = save_levels(LEVELS, tmp_path / "new" / "levels.txt")
    assert path.read_text().count("; CoinRun mixture(0.25) test seed 5 level 10") == 7
    assert list(load_levels(path)) == list(LEVELS)


def test_pictures_are_separated_by_blank_lines_and_comments_are_allowed_anywhere() -> None:
    """Regression: a comment inside a picture split it in two."""
    first, second = LEVELS[0].to_text(), LEVELS[1].to_text()
    commented = first.replace("\n", "\n; in the middle\n", 1)
    assert list(levels_from_text(f"\n\n; one\n{commented}\n\n\n;two\n{second}\n\n")) == [LEVELS[0], LEVELS[1]]


def test_a_bad_picture_in_a_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "two.txt"
    path.write_text(LEVELS[0].to_text() + "\n\n" + LEVELS[1].to_text().replace("A", "?"))
    with pytest.raises(
        LevelError, match=r"two\.txt: level 2 of 2, row \d+, column \d+: '\?' is not a character"
    ):
        load_levels(path)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.txt", b"", "holds no level"),
        ("a.txt", b"; nothing\n\n", "holds no level"),
        ("a.txt", b"\xff\xfe\x00\x80", "not a text file"),
        ("a.txt", b"#####\n####\n", "row 2 has 4 columns, row 1 has 5"),
        ("a.npz", b"", "not a level set, or damaged"),
        ("a.npz", b"PK\x03\x04 rubbish", "not a level set, or damaged"),
        ("a.npz", pickle.dumps({"tiles": 1}), "not a level set, or damaged"),
    ],
)
def test_rubbish_is_refused_by_name(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(LevelError, match=words) as caught:
        load_levels(tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)


def test_missing_file_message_names_the_command_that_writes_one(tmp_path: Path) -> None:
    for name in ("none.npz", "none.txt"):
        with pytest.raises(LevelError, match=f"no such level file; `goalposts levels --out {name}`"):
            load_levels(tmp_path / name)
    (tmp_path / "folder.npz").mkdir()
    with pytest.raises(LevelError, match="cannot be read"):
        load_levels(tmp_path / "folder.npz")


def bend(name: str, change):
    """Rewrite the file with one array changed."""

    def apply(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {**arrays, name: change(arrays[name])}

    return apply


BENT = {
    "tiles float": (bend("tiles", lambda a: a.astype(float)), "'tiles' has the wrong type"),
    "tiles flat": (bend("tiles", lambda a: a.reshape(7, -1)), "'tiles' has the wrong type"),
    "tiles by column": (bend("tiles", np.asfortranarray), "'tiles' has the wrong type"),
    "no level": (lambda a: {k: v[:0] if k != "meta" else v for k, v in a.items()}, "damaged: 0 levels"),
    "sizes int64": (bend("sizes", lambda a: a.astype(np.int64)), "'sizes' has the wrong type"),
    "sizes too few": (bend("sizes", lambda a: a[:-1]), "do not match"),
    "sizes three": (bend("sizes", lambda a: np.hstack((a, a[:, :1]))), "do not match"),
    "sizes zero": (bend("sizes", lambda a: a * 0), "do not match"),
    "sizes negative": (bend("sizes", lambda a: -a), "do not match"),
    "sizes beyond": (bend("sizes", lambda a: a + 100), "do not match"),
    "sizes smaller": (bend("sizes", lambda a: a - 1), "level 1 of 7, row"),
    "index too many": (bend("index", lambda a: np.append(a, 1)), "do not match"),
    "index float": (bend("index", lambda a: a * 0.5), "'index' has the wrong type"),
    "codes unknown": (
        bend("tiles", lambda a: np.where(a == 1, 14, a).astype(np.uint8)),
        "not tiles of CoinRun",
    ),
    "no rim": (bend("tiles", lambda a: a * 0), "level 1 of 7, row 1, column 1"),
    "meta short": (bend("meta", lambda a: a[:3]), "not a level set"),
    "meta world": (bend("meta", lambda a: np.array(["Coinrum", *a[1:]], a.dtype)), "Did you mean 'CoinRun'"),
    "meta seed": (bend("meta", lambda a: np.array([*a[:3], "x"], a.dtype)), "not a level set"),
    "meta number": (bend("meta", lambda a: np.zeros(4)), "'meta' has the wrong type"),
    "missing": (lambda a: {k: v for k, v in a.items() if k != "sizes"}, "not a level set"),
}


@pytest.mark.parametrize("fault", BENT)
def test_malformed_level_set_is_refused(file: Path, fault: str) -> None:
    change, words = BENT[fault]
    np.savez_compressed(file, **change(arrays_of(file)))
    with pytest.raises(LevelError, match=words):
        load_levels(file)


def test_a_pickle_in_an_array_is_not_executed(file: Path, tmp_path: Path) -> None:
    for name in ("tiles", "sizes", "index", "meta"):
        trapped = np.array([Trap(tmp_path / "executed")], object)
        np.savez(file, allow_pickle=True, **{**arrays_of(save_levels(LEVELS, file)), name: trapped})
        with pytest.raises(LevelError):
            load_levels(file)
        assert not (tmp_path / "executed").exists()
    with np.load(file, allow_pickle=True) as data:  # would trigger the trap
        _ = data["meta"]
    assert (tmp_path / "executed").exists()


def npy(shape: tuple[int, ...], dtype: str, content: bytes) -> bytes:
    """An .npy file with an arbitrary header."""
    out = io.BytesIO()
    np.lib.format.write_array_header_1_0(out, {"descr": dtype, "fortran_order": False, "shape": shape})
    return out.getvalue() + content


@pytest.mark.parametrize(
    "shape", [(1 << 40, 12, 24), (10**30, 1, 1), (-1, 12, 24), (-1, -1, 24), (7, 12, 23), (7, 12, 25)]
)
def test_false_header_is_refused_before_allocation(
    file: Path, shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    members = {name: zipfile.ZipFile(file).read(name) for name in zipfile.ZipFile(file).namelist()}
    members["tiles.npy"] = npy(shape, "|u1", LEVELS.tiles.tobytes())
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    read: list[int] = []
    original = zipfile.ZipExtFile.read
    monkeypatch.setattr(zipfile.ZipExtFile, "read", lambda self, n=-1: (read.append(n), original(self, n))[1])
    with pytest.raises(LevelError, match="tiles"):
        load_levels(file)
    assert read
    assert max(read) < 2000


def test_a_zip_bomb_is_refused_before_it_is_unpacked(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A header that declares 3 GiB of levels, with a stream that would deliver them; the test lowers the limit."""
    monkeypatch.setitem(level_file._ARRAYS, "tiles", ("|u1", 3, 1 << 20))
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("tiles.npy", npy((1 << 14, 8, 16), "|u1", bytes(1 << 21)))
    assert file.stat().st_size < 10_000
    with pytest.raises(LevelError, match="'tiles' has the wrong type or shape"):
        load_levels(file)


@given(st.randoms(use_true_random=False))
def test_damaged_bytes_are_read_exactly_or_refused(
    tmp_path_factory: pytest.TempPathFactory, luck: random.Random
) -> None:
    """Truncated, overwritten or shifted anywhere: a valid LevelSet or a LevelError. Regression: zlib errors passed through."""
    path = tmp_path_factory.mktemp("damaged") / "levels.npz"
    content = bytearray(save_levels(LEVELS, path).read_bytes())
    for _ in range(luck.randint(1, 4)):
        at = luck.randrange(len(content))
        match luck.randrange(4):
            case 0:
                content[at] = luck.randrange(256)
            case 1:
                del content[at:]
            case 2:
                del content[at : at + luck.randint(1, 20)]
            case 3:
                content[at:at] = luck.randbytes(luck.randint(1, 20))
        if not content:
            break
    path.write_bytes(content)
    try:
        levels = load_levels(path)
    except LevelError:
        return
    for level in levels:
        level.validate()


def test_a_broken_deflate_stream_is_refused(file: Path) -> None:
    content = bytearray(file.read_bytes())
    with zipfile.ZipFile(file) as archive:
        start = archive.getinfo("tiles.npy").header_offset + 60
    content[start : start + 40] = b"\xff" * 40
    file.write_bytes(content)
    with pytest.raises((zlib.error, zipfile.BadZipFile)):
        arrays_of(file)
    with pytest.raises(LevelError, match="damaged"):
        load_levels(file)


def test_a_text_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(level_file, "MAX_TEXT_BYTES", 100)
    path = tmp_path / "large.txt"
    path.write_text("#" * 101)
    with pytest.raises(LevelError, match="larger than"):
        load_levels(path)


@pytest.mark.parametrize("name", ["levels.npz", "levels.txt"])
def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save_levels(LEVELS[:2], tmp_path / name)
    before = path.read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        with pytest.raises(LevelError, match="No space left on device"):
            save_levels(LEVELS, path)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(LevelError, match="cannot be written"):
        save_levels(LEVELS, path)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


def test_other_endings_are_refused_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(LevelError, match=r"ends in \.npz or \.txt, not '\.json'"):
        save_levels(LEVELS, tmp_path / "levels.json")
    assert list(tmp_path.iterdir()) == []


def test_hand_made_set_survives_both_formats(tmp_path: Path) -> None:
    levels = LevelSet.of([Level.from_text("######v#\n#A....C#\n#.....##\n########"), LEVELS[0]])
    for name in ("a.npz", "a.txt"):
        assert list(load_levels(save_levels(levels, tmp_path / name))) == list(levels)
