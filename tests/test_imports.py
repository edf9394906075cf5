"""Architecture laws: imports point one way, packaging lists the files on disk, light commands load no torch."""

import ast
import graphlib
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ("envs", "agents", "experiments")
MOST_MODULES = 14  # in a folder; aim for 12
MOST_LINES = 400  # in a file
MOST_FLOORS = 9  # maximum depth of rooms that import each other

# Imports forbidden in the modules on the left: parts of goalposts or third-party packages.
FORBIDDEN = {
    "goalposts.envs": (
        "goalposts.agents",
        "goalposts.experiments",
        "goalposts.configs",
        "torch",
        "stable_baselines3",
        "pydantic",
        "yaml",
        "typer",
        "polars",
        "matplotlib",
    ),
    "goalposts.agents": ("goalposts.experiments", "typer", "polars", "matplotlib"),
    "goalposts.experiments.measurement": (
        "goalposts.envs",
        "goalposts.agents",
        "goalposts.experiments.report",
        "torch",
        "stable_baselines3",
        "gymnasium",
    ),
    "goalposts.experiments.report": ("goalposts.envs", "goalposts.agents", "torch", "stable_baselines3"),
}

# Commands that need no weights; each prints its help in a separate process.
LIGHT = ([], ["levels"], ["worlds"], ["report"], ["config"], ["play"], ["edit"])


def module_name(path: Path) -> str:
    """envs/worlds/coinrun/rules.py → goalposts.envs.worlds.coinrun.rules; an __init__.py has its package's name."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    inner = parts[parts[0] == "goalposts" :]
    return ".".join(("goalposts", *(inner[:-1] if inner[-1] == "__init__" else inner)))


FILES = {module_name(p): p for folder in FOLDERS for p in sorted((ROOT / folder).rglob("*.py"))}


def imported(name: str, path: Path, known: set[str]) -> Iterator[tuple[str, int]]:
    """Each module that the file imports, at any level, with its line; `from a import b` is a.b if that is a module."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                inner = f"{source}.{alias.name}"
                yield (inner if inner in known else source), node.lineno


def within(module: str, parent: str) -> bool:
    return module == parent or module.startswith(parent + ".")


def breaches(files: dict[str, Path]) -> list[str]:
    """`file:line imports module` for each forbidden import."""
    return [
        f"{path}:{line} imports {module}"
        for name, path in files.items()
        for module, line in imported(name, path, set(files))
        for owner, banned in FORBIDDEN.items()
        if within(name, owner) and any(within(module, ban) for ban in banned)
    ]


def circle(files: dict[str, Path]) -> list[str]:
    """Modules that import each other in a circle, or an empty list."""
    graph = {
        name: {m for m, _ in imported(name, path, set(files)) if m in files} for name, path in files.items()
    }
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return error.args[1]
    return []


def write(root: Path, files: dict[str, str]) -> dict[str, Path]:
    for name, text in files.items():
        (root / name).write_text(text)
    return {f"goalposts.envs.{Path(name).stem}": root / name for name in files}


def test_imports_point_one_way() -> None:
    assert FILES
    assert breaches(FILES) == []


def test_no_file_imports_in_a_circle() -> None:
    assert circle(FILES) == []


def test_import_walk_finds_known_imports(tmp_path: Path) -> None:
    """Without this, the two tests above would pass if the walk found nothing."""
    files = write(
        tmp_path,
        {
            "a.py": "def f():\n    from . import b\n",
            "b.py": "from .c import X\n",
            "c.py": "from .a import Y\n",
        },
    )
    assert set(circle(files)) == {"goalposts.envs.a", "goalposts.envs.b", "goalposts.envs.c"}
    files = write(tmp_path, {"d.py": "from ..agents.rollout import X\n", "e.py": "import torch.nn as nn\n"})
    assert [line.partition(" imports ")[2] for line in breaches(files)] == [
        "goalposts.agents.rollout",
        "torch.nn",
    ]


def packages_on_disk() -> set[str]:
    folders = (
        path.parent
        for top in (*FOLDERS, "configs", "goalposts")
        for path in (ROOT / top).rglob("__init__.py")
    )
    return {str(folder.relative_to(ROOT)) for folder in folders}


def test_pyproject_lists_every_package_on_disk() -> None:
    setuptools = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    assert set(setuptools["package-dir"].values()) == packages_on_disk()
    assert set(setuptools["package-dir"]) == set(setuptools["packages"])
    for package, folder in setuptools["package-dir"].items():
        assert package == "goalposts" or package == module_name(ROOT / folder / "__init__.py")


def test_wheel_contains_every_data_file() -> None:
    setuptools = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    listed = {
        file
        for package, patterns in setuptools["package-data"].items()
        for pattern in patterns
        for file in (ROOT / setuptools["package-dir"][package]).glob(pattern)
    }
    on_disk = {
        file
        for top in (*FOLDERS, "configs", "goalposts")
        for file in (ROOT / top).rglob("*")
        if file.is_file() and file.suffix != ".py" and "__pycache__" not in file.parts
    }
    assert on_disk == listed


def test_git_ignores_no_source_file() -> None:
    """Regression: `runs/` without a leading slash also matched `experiments/runs/`, whose files were never committed."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    tops = (*FOLDERS, "configs", "goalposts", "tests", "docs", ".ci")
    files = [
        path.relative_to(ROOT).as_posix()
        for top in tops
        for path in (ROOT / top).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    ]
    names = [*files, "experiments/runs/new.py", "tests/experiments/runs/new.py", "experiments/demo/new.py"]
    done = subprocess.run(
        ["git", "check-ignore", "--stdin", "--no-index"],
        input="\n".join(names),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == [], done.stderr


# ── laws of the folders ──


def room(name: str, path: Path) -> str:
    """Folder of a module, as a package name."""
    return name if path.name == "__init__.py" else name.rpartition(".")[0]


def doors(files: dict[str, Path]) -> dict[str, set[str]]:
    """Map each folder to the folders that its modules import from.

    An __init__.py only re-exports names from below, so it does not count as a module of the folder.
    """
    rooms = {name: room(name, path) for name, path in files.items()}
    found: dict[str, set[str]] = {place: set() for place in rooms.values()}
    for name, path in files.items():
        if path.name == "__init__.py":
            continue
        for module, _ in imported(name, path, set(files)):
            if module in rooms and files[module].name != "__init__.py" and rooms[module] != rooms[name]:
                found[rooms[name]].add(rooms[module])
    return found


def floors(graph: dict[str, set[str]]) -> dict[str, int]:
    """Depth of each folder: the longest chain of folders below it. Raises CycleError for a circle."""
    found: dict[str, int] = {}
    for place in graphlib.TopologicalSorter(graph).static_order():
        found[place] = 1 + max((found[below] for below in graph.get(place, ())), default=0)
    return found


def houses(graph: dict[str, set[str]]) -> dict[str, set[str]]:
    """`doors` with subfolders merged into their room: envs and agents are one room each, experiments one per folder."""

    def outer(place: str) -> str:
        parts = place.split(".")
        return ".".join(parts[: 3 if parts[1] == "experiments" else 2])

    found: dict[str, set[str]] = {}
    for place, below in graph.items():
        found.setdefault(outer(place), set()).update(outer(other) for other in below)
    return {place: below - {place} for place, below in found.items()}


def test_folders_form_no_circle() -> None:
    assert floors(doors(FILES))


def test_rooms_are_on_few_floors() -> None:
    found = floors(houses(doors(FILES)))
    assert max(found.values()) <= MOST_FLOORS, sorted(found.items(), key=lambda item: -item[1])


def test_a_circle_of_folders_is_seen(tmp_path: Path) -> None:
    """Without this, the test above would pass if the walk found nothing."""
    texts = {"x.a": "from ..y.b import B\n", "y.b": "from ..x.c import C\n", "x.c": ""}
    files = {}
    for name, text in texts.items():
        path = tmp_path / f"{name}.py"
        path.write_text(text)
        files[f"goalposts.envs.{name}"] = path
    assert circle(files) == []
    with pytest.raises(graphlib.CycleError):
        floors(doors(files))


def test_a_folder_holds_few_modules_and_a_file_few_lines() -> None:
    modules: dict[Path, int] = {}
    scripts = [*(ROOT / "docs" / "_build").rglob("*.py")]
    for path in [*FILES.values(), *(ROOT / "goalposts").rglob("*.py"), *scripts]:
        modules[path.parent] = modules.get(path.parent, 0) + (path.name != "__init__.py")
    crowded = {folder.relative_to(ROOT).as_posix(): n for folder, n in modules.items() if n > MOST_MODULES}
    assert crowded == {}
    files = [
        *FILES.values(),
        *(ROOT / "goalposts").rglob("*.py"),
        *(ROOT / "tests").rglob("*.py"),
        *scripts,
    ]
    lines = {path.relative_to(ROOT).as_posix(): len(path.read_text("utf-8").splitlines()) for path in files}
    assert {name: n for name, n in lines.items() if n > MOST_LINES} == {}


def test_the_map_lists_every_package_with_its_own_sentence() -> None:
    """docs/architecture.md has a row per package with the first line of its docstring."""
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    listed = dict(re.findall(r"^\| `([a-z0-9_/]+)` \| (.+) \|$", page, re.MULTILINE))
    packages = {
        path.parent.relative_to(ROOT).as_posix(): ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
        for path in FILES.values()
        if path.name == "__init__.py"
    }
    assert listed == {place: text.partition("\n")[0] for place, text in packages.items()}


def test_the_map_names_files_that_exist() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    rooms = [
        ROOT,
        *{path.parent for path in FILES.values()},
        *(ROOT / top for top in FOLDERS),
        ROOT / "experiments",
    ]
    names = re.findall(r"`([\w./]+(?:\.py|\.html|/))`", page)
    assert len(names) > 40
    assert [name for name in names if not any((place / name).exists() for place in rooms)] == []


def test_files_named_in_docstrings_exist() -> None:
    """`Read next: …` names an existing path, relative to the root or to the file's folder."""
    missing = []
    for path in [*FILES.values(), *(ROOT / "goalposts").rglob("*.py"), *(ROOT / "tests").rglob("*.py")]:
        tree = ast.parse(path.read_text("utf-8"))
        for node in ast.walk(tree):
            if not isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
                continue
            for name in re.findall(r"`([\w./]+\.(?:py|js|css))`", ast.get_docstring(node) or ""):
                if not any((place / name).exists() for place in (ROOT, path.parent)):
                    missing.append(f"{path.relative_to(ROOT)}: {name}")
    assert missing == []


def run_python(code: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_import_goalposts_loads_nothing_heavy() -> None:
    code = "import sys, goalposts; print(*{m.partition('.')[0] for m in sys.modules})"
    assert not {"numpy", "numba", "torch", "gymnasium", "pygame"} & set(run_python(code).split())


@pytest.mark.parametrize(
    "imports",
    [
        "import goalposts, gymnasium",
        "import gymnasium, goalposts",
        "import goalposts, importlib.util; importlib.util.find_spec('gymnasium'); import gymnasium",
    ],
)
def test_ids_are_registered_whatever_comes_first(imports: str) -> None:
    code = f"{imports}; print(gymnasium.spec('goalposts/CoinRun-v0').vector_entry_point)"
    assert run_python(code).strip() == "goalposts.envs.gymnasium_envs:make_vector_env"


def test_every_world_has_a_gymnasium_id() -> None:
    from goalposts.envs import known_worlds
    from goalposts.registration import WORLDS

    assert tuple(known_worlds()) == tuple(WORLDS)


@pytest.mark.parametrize("command", LIGHT, ids=lambda words: " ".join(["goalposts", *words]))
def test_light_commands_do_not_load_torch(command: list[str]) -> None:
    code = (
        "import sys\n"
        "from goalposts.__main__ import main\n"
        "sys.argv[0] = 'goalposts'\n"
        "try:\n    main()\n"
        "except SystemExit as done:\n    assert not done.code, done.code\n"
        "print('\\nloaded:', *{m.partition('.')[0] for m in sys.modules})\n"
    )
    loaded = run_python(code, *command, "--help").rpartition("loaded:")[2].split()
    assert "typer" in loaded
    assert "torch" not in loaded


def test_playing_loads_no_torch(tmp_path: Path) -> None:
    """Not only its help: a game with a window, in a separate process."""
    code = (
        "import sys\n"
        "from goalposts.experiments.cli.main import main\n"
        "try:\n    main(sys.argv[1:])\n"
        "except SystemExit as done:\n    assert not done.code, done.code\n"
        "print('\\nloaded:', *{m.partition('.')[0] for m in sys.modules})\n"
    )
    words = ("play", "--screenshot", str(tmp_path / "play.png"), "--keys", "right*2")
    loaded = run_python(code, *words).rpartition("loaded:")[2].split()
    assert "pygame" in loaded
    assert "torch" not in loaded
    assert (tmp_path / "play.png").exists()
