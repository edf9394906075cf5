"""Commands × environments: each ends in success or in one message with the remedy, never in a traceback.

A small part of the table is in the fast suite; the whole table is slow.
"""

import os
import sys
from pathlib import Path
from typing import Any

import pytest
from fixtures.command import GOALPOSTS, run
from fixtures.faults import row
from fixtures.tiny import copy_of

from goalposts.process import isolation, notices
from goalposts.text import plain

VARIABLES = """
NUMBA_NUM_THREADS=0 NUMBA_NUM_THREADS=-3 NUMBA_NUM_THREADS=abc NUMBA_OPT=9 NUMBA_DISABLE_JIT=maybe
NUMBA_THREADING_LAYER=nonsense NUMBA_CACHE_LOCATOR_CLASSES=nonsense.Locator NUMBA_CACHE_DIR=relative
NUMBA_CACHE_DIR=/dev/null NUMBA_CACHE_DIR=/proc/nothing OMP_NUM_THREADS=0 OMP_NUM_THREADS=abc
MKL_NUM_THREADS=-1 OPENBLAS_NUM_THREADS=abc POLARS_MAX_THREADS=0 POLARS_MAX_THREADS=abc
MPLBACKEND=nonsense MPLBACKEND=module://nonsense MPLCONFIGDIR=/proc/nothing MPLCONFIGDIR=/dev/null
MATPLOTLIBRC=/nothing HOME= HOME=relative HOME=/proc/nonexistent HOME=/dev/null TMPDIR=/proc/nonexistent
XDG_CACHE_HOME=relative COLUMNS=abc COLUMNS=0 LINES=-1 TERM=nonsense TERM= TERMINAL_WIDTH=0 NO_COLOR=1
FORCE_COLOR=1 LANG=nonsense LC_ALL=C TZ=nonsense PYTHONIOENCODING=ascii PYTHONUTF8=0 PYTHONOPTIMIZE=2
TORCH_LOGS=nonsense PYTORCH_NVML_BASED_CUDA_CHECK=1 ATEN_CPU_CAPABILITY=default KMP_AFFINITY=nonsense
GOMP_CPU_AFFINITY=nonsense SDL_VIDEODRIVER=nonsense SDL_AUDIODRIVER=nonsense POLARS_FMT_MAX_COLS=abc
POLARS_VERBOSE=0 TQDM_MININTERVAL=abc NUMBA_COLOR_SCHEME=nonsense NUMBA_CPU_FEATURES=nonsense NUMBA_NUM_THREADS=٣
POLARS_MAX_THREADS=1000000
"""
COMMANDS = {
    "levels": "levels --count 1",
    "doctor": "doctor",
    "worlds": "worlds Beacon",
    "diagnose": "diagnose {run}",
    "report": "report {run}",
    "evaluate": "evaluate {run} --levels 5 --out t.parquet",
    "train": "train {config} train.total_steps=1024 --out new",
    "picture": "play --screenshot p.png",
    "study": "study status {run}",
}
FEW = [
    ("NUMBA_NUM_THREADS=0", "levels"),
    ("NUMBA_OPT=9", "levels"),
    ("MPLBACKEND=nonsense", "train"),
    ("HOME=relative", "levels"),
    ("NUMBA_CACHE_DIR=/dev/null", "levels"),
    ("TORCH_LOGS=nonsense", "train"),
    ("NUMBA_COLOR_SCHEME=nonsense", "levels"),
    ("NUMBA_CPU_FEATURES=nonsense", "levels"),
]
TELLING = (
    "NUMBA_NUM_THREADS=",
    "NUMBA_OPT=",
    "NUMBA_DISABLE_JIT=maybe",
    "OMP_NUM_THREADS=",
    "POLARS_MAX_THREADS=",
    "NUMBA_COLOR_SCHEME=",
    "NUMBA_CPU_FEATURES=",
)


def check(variable: str, command: str, folder: Path, tiny_run: Path, tiny_config: Path) -> None:
    name, _, value = variable.partition("=")
    words = COMMANDS[command].format(run=copy_of(tiny_run, folder / "run"), config=tiny_config)
    before = {"run"}
    surroundings: dict[str, Any] = {name: value}
    done = run([*GOALPOSTS, *words.split()], folder, **surroundings)
    assert done.returncode in (0, 1, 2), done.stderr
    for never in ("Traceback", "interrupted", "Error:", "warnings.warn"):
        assert never not in done.stderr, done.stderr
    if done.returncode:
        assert done.stderr.count("goalposts: ") + done.stdout.count("problem: ") >= 1, (
            done.stdout,
            done.stderr,
        )
    if variable.startswith(TELLING):
        assert f"{variable} is ignored" in done.stderr
        assert done.returncode == 0 or command == "study"
    made = {path.name for path in folder.iterdir()} - before
    assert made <= {"p.png", "t.parquet", "new"}, made


@row("B4", "B18")
@pytest.mark.parametrize(("variable", "command"), FEW)
@pytest.mark.slow
def test_a_few_odd_surroundings(
    variable: str, command: str, tmp_path: Path, tiny_run: Path, tiny_config: Path
) -> None:
    check(variable, command, tmp_path, tiny_run, tiny_config)


@row("B4", "B8", "B18")
@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_in_all_odd_surroundings(
    command: str, tmp_path: Path, tiny_run: Path, tiny_config: Path
) -> None:
    """Light commands in all environments; each of the others in a different third of them."""
    turn = list(COMMANDS).index(command) % 3
    chosen = VARIABLES.split() if command == "levels" else VARIABLES.split()[turn::3]
    if command in ("train", "report", "evaluate", "diagnose"):
        chosen = [*chosen[::4], "MPLBACKEND=nonsense", "TORCH_LOGS=nonsense"]
    wrong = {}
    for number, variable in enumerate(chosen):
        folder = tmp_path / str(number)
        folder.mkdir()
        try:
            check(variable, command, folder, tiny_run, tiny_config)
        except AssertionError as error:
            wrong[variable] = str(error)[-1500:]
    assert not wrong, "\n\n".join(f"{variable}: {text}" for variable, text in wrong.items())


@row("B18")
@pytest.mark.parametrize(
    ("variable", "stays"),
    [
        ("POLARS_MAX_THREADS=1000000", False),
        ("NUMBA_NUM_THREADS=٣", False),
        ("OMP_NUM_THREADS=-1", False),
        ("OMP_NUM_THREADS=4,2", True),
        ("MKL_NUM_THREADS=64", True),
        ("NUMBA_COLOR_SCHEME=nonsense", False),
        ("NUMBA_COLOR_SCHEME=dark_bg", True),
        ("NUMBA_CPU_FEATURES=nonsense", False),
        ("NUMBA_CPU_FEATURES=+avx2,-avx512f", True),
        ("NUMBA_CPU_FEATURES=", True),
    ],
)
def test_values_that_libraries_cannot_use_are_ignored_in_words(
    variable: str, stays: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression: a colour scheme was a traceback of numba, features without a sign an abort of LLVM, many threads minutes of polars."""
    told: list[str] = []
    monkeypatch.setattr(notices, "printed", told.append)
    for name in (*isolation.THREADS, *isolation.WORDS):
        monkeypatch.delenv(name, raising=False)
    name, _, value = variable.partition("=")
    monkeypatch.setenv(name, value)
    isolation.forget_senseless_settings()
    assert (name in os.environ) == stays
    assert told == [] if stays else told[0].startswith(f"{plain(variable)} is ignored: it must be")


@row("B18")
def test_a_processor_that_llvm_does_not_know_is_ignored_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: two lines of LLVM on stderr for each compilation."""
    told: list[str] = []
    monkeypatch.setattr(notices, "printed", told.append)
    for name, stays in (("nonsense", False), ("generic", True), ("", True)):
        monkeypatch.setenv("NUMBA_CPU_NAME", name)
        isolation._forget_unknown_processor()
        assert ("NUMBA_CPU_NAME" in os.environ) == stays
    assert told == ["NUMBA_CPU_NAME=nonsense is ignored: LLVM knows no such processor"]


@row("B18")
def test_python_users_keep_a_sensible_backend(tmp_path: Path) -> None:
    code = (
        "import os, warnings; warnings.simplefilter('ignore')\n"
        "from goalposts.experiments.report.figures.charts import styled\n"
        "with styled(): pass\n"
        "import matplotlib\n"
        "print(matplotlib.rcParams['backend'], os.environ.get('MPLBACKEND'))"
    )
    assert run([sys.executable, "-c", code], tmp_path, MPLBACKEND="svg").stdout.split() == ["svg", "svg"]
    assert "None" in run([sys.executable, "-c", code], tmp_path, MPLBACKEND="nonsense").stdout
