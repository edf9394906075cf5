"""Commands × surroundings that are more than a variable: folders, disks, streams, caches, locks.

Each cell ends in success or in one message; never in a traceback, and never in "interrupted". The fast suite has the light commands on
a diagonal, the slow one every surrounding with two commands; GOALPOSTS_SURROUNDINGS=all runs the whole table.
"""

import os
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from fixtures.command import GOALPOSTS, run
from fixtures.faults import row
from fixtures.places import TESTS
from fixtures.tiny import copy_of

MADE = TESTS / "fixtures" / "made_by_adb767d"
COMMANDS = {
    "levels": "levels --count 1",
    "worlds": "worlds Beacon",
    "doctor": "doctor",
    "status": "study status study",
    "config": "config check run/config.yaml",
    "picture": "play --picture p.png",
    "diagnose": "diagnose run",
    "report": "report run",
    "evaluate": "evaluate run --levels 5",
    "train": "train tiny.yaml train.total_steps=1024 --out new --no-evaluate",
    "record": "record run --out film.gif",
}
LIGHT = ("levels", "worlds", "status", "config")
Prepared = tuple[Path, list[str], dict[str, str]]  # folder, words before the command, variables
Surrounding = Callable[[Path, Path], Prepared]


def filled(folder: Path, tiny_run: Path, name: str = "run") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    copy_of(tiny_run, folder / name)
    copy_of(MADE / "study", folder / "study")
    shutil.copy(folder / name / "config.yaml", folder / "tiny.yaml")
    return folder


def shell(words: str) -> list[str]:
    """What runs a command within a shell's line, in place of `$@`."""
    return ["bash", "-c", words, "-"]


def library(folder: Path, source: str) -> str:
    """A library to load before others, from C."""
    if shutil.which("gcc") is None:
        pytest.skip("no compiler")
    path = folder.parent / "odd.so"
    subprocess.run(
        ["gcc", "-shared", "-fPIC", "-x", "c", "-", "-o", str(path)], input=source.encode(), check=True
    )
    return str(path)


def mounted(folder: Path, command: str) -> list[str]:
    if subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode:
        pytest.skip("mounting needs privileges")
    return shell(f'cd / && {command} && cd {shlex.quote(str(folder))} && exec "$@"')


def damage(folder: Path, pattern: str) -> None:
    for number, path in enumerate(sorted(folder.rglob(pattern))):
        content = path.read_bytes()
        path.write_bytes([b"", content[: len(content) // 2], b"\x80\x04garbage" * 10][number % 3])


def damaged_kernels(folder: Path, tiny_run: Path) -> Prepared:
    from goalposts.process.cache_place import kernel_place

    place = kernel_place().folder
    assert place is not None
    cache = folder.parent / "kernels"
    shutil.copytree(place, cache, ignore=lambda _, names: [n for n in names if n.endswith(".pyc")])
    cache.chmod(0o700)
    damage(cache, "*.nbi")
    return filled(folder, tiny_run), [], {"NUMBA_CACHE_DIR": str(cache)}


def damaged_fonts(folder: Path, tiny_run: Path) -> Prepared:
    import matplotlib

    place = folder.parent / "mpl"
    place.mkdir()
    for path in Path(matplotlib.get_cachedir()).glob("fontlist*"):
        (place / path.name).write_text("{broken")
    return filled(folder, tiny_run), [], {"MPLCONFIGDIR": str(place)}


def changed_config(change: Callable[[bytes], bytes]) -> Surrounding:
    def prepare(folder: Path, tiny_run: Path) -> Prepared:
        filled(folder, tiny_run)
        for path in (folder / "run" / "config.yaml", folder / "tiny.yaml", folder / "study" / "study.yaml"):
            path.write_bytes(change(path.read_bytes()))
        return folder, [], {}

    return prepare


def held_by_the_dead(folder: Path, tiny_run: Path) -> Prepared:
    filled(folder, tiny_run)
    for place in ("run", "study"):
        (folder / place / ".lock.held").write_text(f"999999999 {os.uname().nodename}\n")
        (folder / place / ".lock").touch()
    source = "#include <errno.h>\nint flock(int f,int o){errno=ENOSYS;return -1;}\n"
    return folder, ["env", f"LD_PRELOAD={library(folder, source)}"], {}


def no_sync(folder: Path, tiny_run: Path) -> Prepared:
    source = "#include <errno.h>\nint fsync(int f){errno=EINVAL;return -1;}\nint fdatasync(int f){errno=EINVAL;return -1;}\n"
    return filled(folder, tiny_run), ["env", f"LD_PRELOAD={library(folder, source)}"], {}


def read_only(folder: Path, tiny_run: Path) -> Prepared:
    filled(folder, tiny_run)
    place = shlex.quote(str(folder))
    mount = f"mount --bind {place} {place} && mount -o remount,ro,bind {place}"
    return folder, ["unshare", "-m", *mounted(folder, mount)], {}


def full_disk(folder: Path, tiny_run: Path) -> Prepared:
    filled(folder.parent / "original", tiny_run)
    folder.mkdir()
    place, original = shlex.quote(str(folder)), shlex.quote(str(folder.parent / "original"))
    mount = f"mount -t tmpfs -o size=4m odd {place} && cp -r {original}/. {place}"
    fill = f"(dd if=/dev/zero of={place}/fill bs=4k status=none 2>/dev/null || true)"
    return folder, ["unshare", "-m", *mounted(folder, f"{mount} && {fill}")], {}


def elsewhere(name: bytes) -> Surrounding:
    return lambda folder, tiny_run: (filled(Path(os.fsdecode(os.fsencode(folder) + name)), tiny_run), [], {})


def long_names(folder: Path, tiny_run: Path) -> Prepared:
    name = "n" * 255
    filled(folder, tiny_run, name)
    return folder, shell(f'exec "${{@/#run/{name}}}"'), {}


SURROUNDINGS: dict[str, Surrounding] = {
    "HOME unset": lambda folder, tiny_run: (
        filled(folder, tiny_run),
        ["env", "-u", "HOME", "-u", "XDG_CACHE_HOME"],
        {},
    ),
    "no home": lambda folder, tiny_run: (filled(folder, tiny_run), [], {"HOME": "/proc/nonexistent"}),
    "closed input and output": lambda folder, tiny_run: (
        filled(folder, tiny_run),
        shell('exec "$@" <&- >&-'),
        {},
    ),
    "all closed": lambda folder, tiny_run: (filled(folder, tiny_run), shell('exec "$@" <&- >&- 2>&-'), {}),
    "full output": lambda folder, tiny_run: (filled(folder, tiny_run), shell('exec "$@" > /dev/full'), {}),
    "gbk": lambda folder, tiny_run: (filled(folder, tiny_run), [], {"PYTHONIOENCODING": "gbk"}),
    "latin-1 locale": lambda folder, tiny_run: (
        filled(folder, tiny_run),
        [],
        {"PYTHONIOENCODING": "latin-1", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    ),
    "path that is not UTF-8": elsewhere(b"odd\xff"),
    "path with markup and escapes": elsewhere(b"[/red]\x1b[31m\n\xe2\x80\xae<b>$x^$"),
    "names of 255 bytes": long_names,
    "no fsync": no_sync,
    "no flock, lock of a dead process": held_by_the_dead,
    "damaged kernels": damaged_kernels,
    "damaged list of fonts": damaged_fonts,
    "RAY_ADDRESS": lambda folder, tiny_run: (filled(folder, tiny_run), [], {"RAY_ADDRESS": "127.0.0.1:1"}),
    "CRLF": changed_config(lambda content: content.replace(b"\n", b"\r\n")),
    "byte order mark": changed_config(lambda content: b"\xef\xbb\xbf" + content),
    "read-only": read_only,
    "full disk": full_disk,
}
ALL = os.environ.get("GOALPOSTS_SURROUNDINGS") == "all"


def check(surrounding: str, command: str, folder: Path, tiny_run: Path) -> None:
    place, before, variables = SURROUNDINGS[surrounding](folder / "here", tiny_run)
    done = run([*before, *GOALPOSTS, *COMMANDS[command].split()], place, timeout=300, **variables)
    said = done.stderr + done.stdout
    where = f"{command} in {surrounding}: {done.returncode}\n{said}"
    assert done.returncode in (0, 1, 2), where
    for never in ("Traceback", "interrupted", "Exception ignored", "Warning:"):
        assert never not in said, where
    if done.returncode == 2 and "closed" not in surrounding:
        assert done.stderr.count("goalposts: ") >= 1, where
    if surrounding not in ("read-only", "full disk", "full output"):
        assert done.returncode == (1 if command == "status" else 0) or command == "status", where
    assert "\x1b[31m" not in said, where


@row("B4", "B7", "B8", "B15")
@pytest.mark.parametrize(
    ("surrounding", "command"),
    [("HOME unset", "levels"), ("gbk", "worlds"), ("path that is not UTF-8", "config"), ("CRLF", "status")],
)
def test_light_commands_in_odd_surroundings(
    surrounding: str, command: str, tmp_path: Path, tiny_run: Path
) -> None:
    check(surrounding, command, tmp_path, tiny_run)


@row("B1", "B4", "B5", "B6", "B7", "B8", "B11", "B12", "B13", "B15")
@pytest.mark.slow
@pytest.mark.parametrize("surrounding", SURROUNDINGS)
def test_every_surrounding(surrounding: str, tmp_path: Path, tiny_run: Path) -> None:
    """With one command each, in turn; or with all."""
    names, turn = list(COMMANDS), list(SURROUNDINGS).index(surrounding)
    wrong = []
    for number, command in enumerate(names if ALL else [names[turn % len(names)]]):
        (tmp_path / str(number)).mkdir()
        try:
            check(surrounding, command, tmp_path / str(number), tiny_run)
        except AssertionError as error:
            wrong.append(str(error)[:1500])
    assert not wrong, "\n\n".join(wrong)
