"""An untrusted working directory: no library reads modules, settings or caches from it."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import numba
import pytest
from fixtures.faults import row
from fixtures.places import ROOT
from fixtures.tiny import copy_of

from goalposts.experiments.runs import provenance
from goalposts.process import isolation
from goalposts.process.cache_place import kernel_place, why_not_private

GOALPOSTS = [str(Path(sys.executable).with_name("goalposts"))]
AS_MODULE = [sys.executable, "-m", "goalposts"]
LEVELS = ["levels", "--count", "1"]

# Libraries imported by commands, modules that not every machine has, and standard modules that Python loads late.
SHADOWS = """
numpy numba torch polars yaml typer rich matplotlib gymnasium pydantic scipy stable_baselines3 PIL
filelock safetensors tqdm jinja2 pygame llvmlite pandas tensorflow tensorboard ray wandb cuda
IPython icc_rt intel_openmp evil json pickle random tempfile hashlib struct uuid secrets decimal
subprocess multiprocessing logging statistics
"""


def hostile(folder: Path) -> Path:
    """Fill a folder with everything a library might read there. Returns the file that appears if any of it runs."""
    mark = folder / "it-ran"
    code = f"import os; os.close(os.open({str(mark)!r}, os.O_CREAT | os.O_WRONLY))\n"
    for name in SHADOWS.split():
        (folder / f"{name}.py").write_text(code + f"raise ImportError('{name} of the working directory')\n")
    points = folder / "evil-1.dist-info"
    points.mkdir()
    (points / "METADATA").write_text("Metadata-Version: 2.1\nName: evil\nVersion: 1\n")
    groups = ("numba_extensions", "torch.backends", "gymnasium.envs", "pydantic", "goalposts.worlds")
    (points / "entry_points.txt").write_text("".join(f"[{group}]\ninit = evil:init\n" for group in groups))
    (folder / ".numba_config.yaml").write_text(
        "cache_dir: ./c\ndisable_jit: 1\ncache_locator_classes: evil.Locator\n"
    )
    for index in forged_indices(folder, code):
        index.parent.mkdir(parents=True, exist_ok=True)
    (folder / "matplotlibrc").write_text("backend: module://evil\nfont.size: 31\n")
    return mark


def forged_indices(folder: Path, code: str) -> list[Path]:
    """Pickles that run code, under each name and in each folder where numba or Goalposts might look for a cache."""

    class Attack:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return exec, (code,)

    forged = pickle.dumps(numba.__version__) + pickle.dumps(Attack())
    place = kernel_place().folder
    assert place is not None
    names = {path.relative_to(place) for path in place.glob("*/*.nb[ci]")}
    assert names, "the tests before this one compiled nothing"
    made = []
    for start in (
        "c",
        "cache",
        "c/goalposts",
        ".cache/goalposts",
        "goalposts-0",
        "__pycache__",
        ".cache/numba",
    ):
        for name in names:
            path = folder / start / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(forged)
            made.append(path)
    return made


def run(command: list[str], folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    env = {
        name: value for name, value in os.environ.items() if name not in ("MPLBACKEND", "PYTHONPATH")
    } | variables
    return subprocess.run(
        command, cwd=folder, env=env, capture_output=True, text=True, timeout=600, stdin=subprocess.DEVNULL
    )


@pytest.fixture(scope="module", autouse=True)
def compiled() -> None:
    """Fill the cache, so that its file names are known."""
    from goalposts.envs import generate, survey_levels

    survey_levels(generate("CoinRun", "edge", 0, 3))


@row("A1")
@pytest.mark.parametrize("entry", [GOALPOSTS, AS_MODULE], ids=["goalposts", "python -m"])
def test_nothing_of_the_working_directory_runs(entry: list[str], tmp_path: Path) -> None:
    mark = hostile(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    done = run([*entry, *LEVELS], tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert not mark.exists()
    assert sorted(tmp_path.rglob("*")) == before


@row("A1")
@pytest.mark.parametrize(
    "variables",
    [
        {"NUMBA_CACHE_DIR": "c"},
        {"NUMBA_CACHE_DIR": "./c", "XDG_CACHE_HOME": ".cache", "HOME": "."},
        {"XDG_CACHE_HOME": "c", "HOME": "c", "TMPDIR": ".", "MPLCONFIGDIR": ".", "XDG_CONFIG_HOME": "."},
    ],
)
@pytest.mark.slow
def test_a_relative_place_of_caches_is_not_used(variables: dict[str, str], tmp_path: Path) -> None:
    mark = hostile(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    done = run([*GOALPOSTS, *LEVELS], tmp_path, **variables)
    assert done.returncode == 0, done.stderr
    assert not mark.exists()
    assert sorted(tmp_path.rglob("*")) == before


@row("A1")
@pytest.mark.parametrize("paths", ["{}", "{}:.", ":", "", "bin"])
def test_programs_are_not_searched_in_the_working_directory(
    paths: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression: with an empty entry in PATH, a file `git` in an untrusted run folder ran when a training recorded its commit."""
    (tmp_path / "git").write_text("#!/bin/sh\ntouch ran\n")
    (tmp_path / "git").chmod(0o755)
    (tmp_path / "bin").symlink_to(tmp_path)
    monkeypatch.chdir(tmp_path)
    for name in ("PATH", "PYTHONPATH", "PYTHONSAFEPATH"):
        monkeypatch.setenv(name, os.environ.get(name, ""))
    monkeypatch.setenv("PATH", paths.format(f":{os.environ['PATH']}") if paths else "")
    monkeypatch.setattr(sys, "path", list(sys.path))
    isolation.forget_working_directory()
    provenance._commit(ROOT)
    assert not (tmp_path / "ran").exists()


@row("A10")
def test_the_commit_is_that_of_the_code_even_in_a_hook_of_another_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = provenance._commit(ROOT)[0]
    monkeypatch.setenv("GIT_DIR", str(tmp_path))
    assert provenance._commit(ROOT)[0] == commit


@row("A1")
def test_python_users_are_protected_from_settings_and_caches(tmp_path: Path) -> None:
    """A user's script may import modules of its folder, but numba reads nothing there."""
    (tmp_path / ".numba_config.yaml").write_text("cache_dir: ./c\ndisable_jit: 1\n")
    code = (
        "from goalposts.envs import generate, survey_levels; survey_levels(generate('CoinRun', 'edge', 0, 3))\n"
        "import numba; print(numba.config.CACHE_DIR == '', numba.config.DISABLE_JIT)"
    )
    done = run([sys.executable, "-c", code], tmp_path)
    assert done.stdout.split() == ["True", "0"]
    assert [path.name for path in tmp_path.iterdir()] == [".numba_config.yaml"]


@row("A1", "A11")
@pytest.mark.slow
@pytest.mark.parametrize("entry", [GOALPOSTS, AS_MODULE], ids=["goalposts", "python -m"])
def test_every_command_is_safe_in_a_hostile_run_folder(
    entry: list[str], tmp_path: Path, tiny_run: Path
) -> None:
    folder = copy_of(tiny_run, tmp_path / "run")
    mark = hostile(folder)
    for arguments in (
        "diagnose . --json",
        "evaluate .",
        "report .",
        "record . --out film.gif",
        "worlds",
        "doctor",
        "reproduce .",
        "train ./config.yaml --out new",
        "watch . --screenshot w.png",
        "play --screenshot p.png",
        "explore .",
    ):
        done = run([*entry, *arguments.split()], folder)
        assert "Traceback" not in done.stderr, (arguments, done.stderr)
        assert not mark.exists(), (arguments, done.stderr)


@row("A1")
@pytest.mark.slow
def test_processes_that_are_started_are_safe_too(tmp_path: Path, tiny_config: Path) -> None:
    """Processes of precompilation, of a study and of a Ray cluster."""
    (tmp_path / "study.yaml").write_text(
        f"name: s\nbase: {tiny_config}\nset: {{train.total_steps: 2048}}\nseeds: 2\n", encoding="utf-8"
    )
    mark = hostile(tmp_path)
    for arguments, variables in (
        ("study study.yaml --workers 2 --out local", {"NUMBA_CACHE_DIR": str(tmp_path / "fresh")}),
        ("study study.yaml --engine ray --workers 2 --out ray", {}),
    ):
        done = run([*AS_MODULE, *arguments.split()], tmp_path, **variables)
        assert not mark.exists(), (arguments, done.stderr)
        assert "Traceback" not in done.stderr, (arguments, done.stderr)


@row("A11")
@pytest.mark.parametrize("command", ["report .", "train config.yaml --out new"])
@pytest.mark.slow
def test_a_pipe_in_the_place_of_settings_stops_nothing(command: str, tmp_path: Path, tiny_run: Path) -> None:
    folder = copy_of(tiny_run, tmp_path / "run")
    for name in ("matplotlibrc", ".numba_config.yaml", "sitecustomize.py", "numpy.py"):
        os.mkfifo(folder / name)
    done = subprocess.run(
        [*GOALPOSTS, *command.split()], cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr


@row("A1")
def test_folder_that_others_can_change_is_not_used(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    inner = tmp_path / "above" / "place"
    inner.mkdir(parents=True)
    inner.chmod(0o700)
    (tmp_path / "above").chmod(0o700)
    assert why_not_private(inner) is None
    inner.chmod(0o777)
    assert "everybody" in str(why_not_private(inner))
    inner.chmod(0o700)
    (tmp_path / "above").chmod(0o777)
    assert "everybody" in str(why_not_private(inner))
    (tmp_path / "above").chmod(0o1777)  # like /tmp: other users cannot rename this user's files
    assert why_not_private(inner) is None
    if os.getuid() == 0:
        os.chown(inner, 12345, 12345)
        assert "another user" in str(why_not_private(inner))


@row("A1")
@pytest.mark.slow
def test_a_shared_cache_folder_is_not_used(tmp_path: Path) -> None:
    mark = tmp_path / "it-ran"
    shared = tmp_path / "c"
    forged_indices(tmp_path, f"open({str(mark)!r}, 'w')")
    shared.chmod(0o777)
    done = run([*GOALPOSTS, *LEVELS], tmp_path, NUMBA_CACHE_DIR=str(shared))
    assert (done.returncode, mark.exists()) == (0, False)
    assert "NUMBA_CACHE_DIR is ignored" in done.stderr
    assert "everybody" in done.stderr


def test_nothing_is_compiled_into_the_cache_of_numba() -> None:
    """Law: all caching goes through `kernel_cache.keep`, which checks its folder."""
    sources = [path for folder in ("envs", "agents", "experiments") for path in (ROOT / folder).rglob("*.py")]
    assert [path for path in sources if "cache=True" in path.read_text("utf-8")] == []
