"""Supply chain: the wheel contains only the package, every dependency is pinned by hash, the bill of materials lists them all."""

import ast
import hashlib
import json
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from fixtures.places import ROOT

DATA = (  # the data files of a wheel
    "goalposts/experiments/foresight/calibration.json",
    "goalposts/experiments/study/leaderboard/committed.csv",
)
LOCK, TORCH_LOCK = ROOT / "requirements.lock", ROOT / "requirements-torch.lock"
SOURCES = [
    path
    for folder in ("agents", "envs", "experiments", "goalposts", "configs")
    for path in (ROOT / folder).rglob("*.py")
]
PINNED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[.*?\])?==([^\s;\\]+)")


def entries(lock: Path) -> dict[str, str]:
    """Each pinned package, with its complete entry."""
    joined = lock.read_text(encoding="utf-8").replace("\\\n", " ")
    return {found[1].lower(): line for line in joined.splitlines() if (found := PINNED.match(line))}


def test_every_dependency_is_pinned_with_hashes() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {re.split(r"[<>=!~;\[ ]", need)[0].lower() for need in project["dependencies"]}
    locked, torch = entries(LOCK), entries(TORCH_LOCK)
    assert wanted - {"torch"} <= set(locked)
    assert "torch" in torch
    assert all(re.search(r"--hash=sha256:[0-9a-f]{64}", line) for line in locked.values())


def test_the_locks_name_no_host_and_no_path() -> None:
    for lock in (LOCK, TORCH_LOCK):
        text = "\n".join(line for line in lock.read_text().splitlines() if not line.startswith("#"))
        assert not re.search(r"https?://|file:|--(extra-)?index-url|--find-links|--trusted-host", text)


BANNED_CALLS = {"eval", "exec", "compile", "__import__"}
BANNED_MODULES = {"pickle", "cPickle", "dill", "joblib", "cloudpickle", "marshal", "shelve"}
# numba always pickles compiled code; this file reads it only from a folder that only the user can write
# (tests/faults/test_surroundings.py), and only with a matching digest.
READS_KERNELS = ROOT / "envs" / "jit" / "kernel_cache.py"
BANNED_ATTRIBUTES = {
    ("yaml", "load"),
    ("yaml", "unsafe_load"),
    ("yaml", "full_load"),
    ("torch", "load"),
    ("np", "load"),
    ("os", "system"),
    ("os", "popen"),
}


def test_no_source_reads_a_file_by_executing_it() -> None:
    assert len(SOURCES) > 50
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            where = f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.Import):
                banned = BANNED_MODULES - ({"pickle"} if path == READS_KERNELS else set())
                assert not {alias.name.partition(".")[0] for alias in node.names} & banned, where
            elif isinstance(node, ast.ImportFrom):
                assert (node.module or "").partition(".")[0] not in BANNED_MODULES, where
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in BANNED_CALLS, where
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                assert (node.value.id, node.attr) not in BANNED_ATTRIBUTES, where
            elif isinstance(node, ast.keyword):
                literal = isinstance(node.value, ast.Constant) and node.value.value is True
                assert not (literal and node.arg in ("shell", "allow_pickle")), where


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    out = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return next(out.glob("*.whl"))


@pytest.mark.slow
def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    homes = {package.replace(".", "/"): ROOT / folder for package, folder in project["package-dir"].items()}
    with zipfile.ZipFile(wheel) as archive:
        members = archive.infolist()
    for member in members:
        assert (member.external_attr >> 16) & 0o170000 in (0, 0o100000), (
            f"{member.filename} is no ordinary file"
        )
        folder, _, name = member.filename.rpartition("/")
        if ".dist-info" in folder:
            assert re.fullmatch(r"(METADATA|WHEEL|RECORD|top_level\.txt|entry_points\.txt|LICENSE)", name), (
                member.filename
            )
            continue
        home = next(
            homes[k] / folder[len(k) + 1 :]
            for k in sorted(homes, key=len, reverse=True)
            if f"{folder}/".startswith(f"{k}/")
        )
        assert (home / name).is_file(), f"{member.filename} is not in the checkout"
        known = Path(name).suffix in (".py", ".typed", ".yaml", ".html", ".css", ".js")
        assert known or member.filename in DATA, member.filename
    shipped = {member.filename for member in members}
    for package, folder in project["package-dir"].items():
        for path in (ROOT / folder).glob("*.py"):
            assert f"{package.replace('.', '/')}/{path.name}" in shipped
    assert wheel.stat().st_size < 5_000_000


@pytest.mark.slow
def test_the_bill_of_materials_names_everything_that_is_locked(wheel: Path) -> None:
    command = [sys.executable, str(ROOT / ".ci/sbom.py"), str(wheel), str(LOCK), str(TORCH_LOCK)]
    said = [subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(2)]
    assert said[0] == said[1]
    bill = json.loads(said[0])
    assert (bill["bomFormat"], bill["metadata"]["component"]["name"]) == ("CycloneDX", "goalposts")
    [own] = bill["metadata"]["component"]["hashes"]
    assert own["content"] == hashlib.sha256(wheel.read_bytes()).hexdigest()
    named = {part["name"]: part for part in bill["components"]}
    assert set(named) == set(entries(LOCK)) | set(entries(TORCH_LOCK))
    assert all(part["hashes"] for name, part in named.items() if name in entries(LOCK))
    assert bill["dependencies"][0]["dependsOn"] == sorted(part["bom-ref"] for part in bill["components"])
