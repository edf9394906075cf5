"""Old module paths from README or the docs still import and run with `python -m`, and files written by adb767d still load."""

import ast
import json
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest
from fixtures.places import GOLDEN, TESTS
from fixtures.tiny import copy_of
from harness.digests import thousand_levels

from goalposts.envs import generate, load_levels
from goalposts.experiments import Run, diagnose
from goalposts.experiments.measurement import read_episodes
from goalposts.experiments.study.folder.folder import StudyFolder
from goalposts.experiments.study.results.golden import digest, digest_of_table
from goalposts.moved import MOVED

# Measures of a study's tables that adb767d did not have.
MEASURED_SINCE = {
    "preference_beyond_chance",
    "chance",  # the other half of that correction
    "goal_first",  # deaths and timeouts in the denominator
    "timeouts",
    "proxy_only",  # the strict outcome
    "normalized_regret",  # the verdict needs a low return
    "paralysis",
    "conflict_paralysis",
    "paralysis_beyond_none",
    "near_touch",
    "preference_apart",
    "behaviour",
    "deciding",  # which threshold decides the verdict
    "relocation_effect",
}
OLD = TESTS / "fixtures" / "made_by_adb767d"


def run_python(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("old", MOVED)
def test_an_old_path_still_imports(old: str) -> None:
    with pytest.warns(DeprecationWarning, match=MOVED[old]):
        found = import_module(old)
    assert found is import_module(MOVED[old])
    sys.modules.pop(old)


@pytest.mark.parametrize("old", ["goalposts.experiments.known", "goalposts.experiments.ahead"])
def test_an_old_path_still_runs(old: str) -> None:
    """An invalid argument produces each module's own message, which shows that the new module ran."""
    new = run_python("-m", MOVED[old], "no", "such")
    found = run_python("-m", old, "no", "such")
    assert (found.returncode, found.stdout) == (new.returncode, new.stdout)
    assert found.stderr.splitlines()[-1] == new.stderr.splitlines()[-1]


def test_old_paths_lead_to_modules() -> None:
    assert all(find_spec(new) is not None for new in MOVED.values())


@pytest.mark.parametrize(
    "statement",
    [
        "from goalposts.envs.level import Legend, Tile",
        "from goalposts.envs.world import ANYWHERE, Condition, Target, World, rules_of",
        "from goalposts.envs.worlds.grid import ACTIONS, walk, walled_room",
        "from goalposts.envs.worlds.registry import get_world",
        "from goalposts.envs.worlds import Condition, Legend, Target, Tile, World, mark, rules_of",
        "from goalposts.experiments.attribute import attribute, attribute_agent",
        "from goalposts.experiments.conformance import check_world",
        "from goalposts.experiments.measurement.intervals import hierarchical_rate, wilson",
    ],
)
def test_what_the_docs_once_imported(statement: str) -> None:
    done = run_python("-W", "ignore::DeprecationWarning", "-c", statement)
    assert done.returncode == 0, done.stderr


def test_the_lazy_names_of_packages_are_those_that_they_list() -> None:
    for package in (
        "envs",
        "envs.worlds",
        "agents",
        "experiments",
        "experiments.conformance",
        "experiments.measurement",
    ):
        module = import_module(f"goalposts.{package}")
        assert all(getattr(module, name) is not None for name in module.__all__)
        tree = ast.parse(Path(str(module.__file__)).read_text("utf-8"))
        typed = {
            alias.name
            for node in tree.body
            if isinstance(node, ast.If)
            for part in ast.walk(node)
            if isinstance(part, ast.ImportFrom)
            for alias in part.names
        }
        assert typed == set(module.__all__), package


# ── files written by adb767d ──


@pytest.mark.slow
def test_old_run_still_loads_with_the_same_meaning(tmp_path: Path) -> None:
    run = Run.open(copy_of(OLD / "run", tmp_path / "run"))
    assert run.status().state == "finished"
    episodes = read_episodes(run.episodes_path)
    assert diagnose(episodes).to_dict()["label"]
    done = run_python("-m", "goalposts", "report", str(run.path))
    assert done.returncode == 0, done.stderr
    done = run_python(
        "-m", "goalposts", "evaluate", str(run.path), "--out", str(tmp_path / "again.parquet"), "--quiet"
    )
    assert done.returncode == 0, done.stderr
    assert digest_of_table(read_episodes(tmp_path / "again.parquet")) == digest_of_table(episodes)


def test_a_study_still_loads_and_its_tables_are_the_same(tmp_path: Path) -> None:
    path = copy_of(OLD / "study", tmp_path / "study")
    assert len(StudyFolder.open(path).finished()) == 2
    before = (path / "summary.csv").read_bytes()
    done = run_python("-m", "goalposts", "study", "report", str(path))
    assert done.returncode == 0, done.stderr
    rows = (path / "summary.csv").read_bytes().splitlines(keepends=True)
    new = [
        row
        for row in rows
        if b",greedy/" in row
        or b",distance/" in row
        or any(f",{name},".encode() in row for name in MEASURED_SINCE)
    ]
    for old, current in (
        (b",mean_return,", b",ep_rew_mean,"),
        (b",mean_steps,", b",ep_len_mean,"),
        (b",probe/", b",eval/"),
    ):
        before = before.replace(old, current)  # renamed since
    assert b"".join(row for row in rows if row not in new) == before


def test_progress_is_read_and_resumed_under_its_present_names(tmp_path: Path) -> None:
    run = Run.open(copy_of(OLD / "run", tmp_path / "run"))
    header = (run.path / "progress.csv").read_text().splitlines()[0]
    rows = run.progress()
    assert "mean_return" in header
    assert {"ep_rew_mean", "ep_len_mean", "eval/edge_held_out/reached"} <= set(rows[0])
    assert not {"mean_return", "mean_steps", "probe/edge_held_out/reached"} & set(rows[0])
    with run.lock():
        run.append_progress(rows[-1] | {"step": 10**6})
        assert run.progress() == [*rows, rows[-1] | {"step": 10**6}]
        run.rewind_progress(int(rows[-1]["step"] or 0))
    assert run.progress() == rows
    assert "ep_rew_mean" in (run.path / "progress.csv").read_text().splitlines()[0]


@pytest.mark.parametrize("name", ["levels.txt", "levels.npz"])
def test_a_level_file_still_loads(name: str) -> None:
    levels = load_levels(OLD / name, "CoinRun")
    assert levels.level_hashes() == generate("CoinRun", "off_path", 0, 5).level_hashes()


KNOWN = json.loads((GOLDEN / "adb767d.json").read_text("utf-8"))


@pytest.mark.slow
def test_levels_are_those_of_adb767d() -> None:
    assert thousand_levels() == {name: KNOWN[name] for name in KNOWN if name.endswith(" levels")}


@pytest.mark.slow
def test_weights_and_table_are_those_of_adb767d(tmp_path: Path) -> None:
    """One training and its evaluation, with torch's and MKL's generic code, which is identical on every x86-64 processor."""
    from fixtures.tiny import CHECKED, plain_arithmetic
    from safetensors.numpy import load_file

    (tmp_path / "tiny.yaml").write_text(CHECKED)
    done = subprocess.run(
        [sys.executable, "-m", "goalposts", "train", "tiny.yaml", "--out", "run", "-q"],
        cwd=tmp_path,
        env=plain_arithmetic(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = {"episodes": digest_of_table(read_episodes(tmp_path / "run" / "episodes.parquet"))}
    for file in sorted(tmp_path.glob("run/checkpoints/*/*.safetensors")):
        tensors = load_file(file)
        found[f"weights {file.parent.name} {file.name}"] = digest(
            *(tensors[name] for name in sorted(tensors))
        )
    assert found == {name: value for name, value in KNOWN.items() if not name.endswith(" levels")}
