"""Kernels are compiled once for all processes and are never stale after an edit of a rule in any file."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from fixtures.places import ROOT

from goalposts.envs import generate

# An editable install's finder takes precedence over PYTHONPATH.
NO_CHECKOUT = (
    "import sys; sys.meta_path[:] = [f for f in sys.meta_path if getattr(f, '__name__', '') != 'Checkout']\n"
)


def run(code: str, where: Path, *path: Path) -> list[str]:
    """Words printed by a fresh process that imports goalposts from `where`."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, (where, *path)))}
    done = subprocess.run(
        [sys.executable, "-c", NO_CHECKOUT + code],
        cwd=where,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_a_second_process_compiles_nothing() -> None:
    code = """
import numpy as np, gymnasium as gym
from goalposts.agents.rollout import choosing
from goalposts.agents import GoToGoal, play
from goalposts.envs import generate, get_world, solve, survey_levels
from goalposts.envs.jit import random_streams
from goalposts.envs.planner import planner
levels = generate("CoinRun", "off_path", 1, 5)
survey_levels(levels), solve(levels[0]).path_to_goal, levels.layout_hashes()
play(GoToGoal(), levels)
env = gym.make_vec("goalposts:goalposts/CoinRun-v0", num_envs=2, max_steps=1)
env.reset(seed=0), env.step(np.zeros(2, int))
known = dict(get_world("CoinRun")._kernels)
known |= {name: getattr(planner, name) for name in ("first_hit", "first_hit_avoiding", "first_hit_after", "steps_to_go")}
known |= {name: getattr(random_streams, name) for name in ("hash_bytes", "_hash_stack", "_number_levels")} | {"choose": choosing}
for name, kernel in known.items():
    print(name, sum(kernel.stats.cache_hits.values()), sum(kernel.stats.cache_misses.values()))
"""
    run(code, ROOT)
    words = run(code, ROOT)
    counts = {words[i]: (int(words[i + 1]), int(words[i + 2])) for i in range(0, len(words), 3)}
    assert {name for name, (_, misses) in counts.items() if misses} == set()
    used = {name for name, (hits, _) in counts.items() if hits}
    assert {
        "draw_levels",
        "step_all-5x9x15",
        "advance",
        "survey",
        "explore",
        "steps_to_go",
        "_hash_stack",
        "choose",
    } <= used


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A separate checkout with the package and envs/, without compiled files."""
    for folder in ("goalposts", "envs"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


PLAY = """
import numpy as np, goalposts
from goalposts.envs import Engine, Level, LevelSet, get_world
import goalposts.envs.jit.kernels as kernel
level = Level.from_text("########v#\\n" + "#........#\\n" * 5 + "#A.......#\\n##########")
engine = Engine(get_world("CoinRun"), 1, LevelSet.of([level]))
engine.load(0, 0)
rows = []
for action in (3, 0, 0, 0, 0):
    engine.step_active(np.array([action]), np.array([True]))
    rows.append(int(engine.state[0, 0]))
print(kernel.__file__, 6 - min(rows), engine.limits[0], sum(engine._advance.stats.cache_hits.values()))
"""


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert len(re.findall(old, text)) == 1
    stamp = file.stat()
    file.write_text(re.sub(old, new, text))
    os.utime(file, (stamp.st_atime, stamp.st_mtime))  # even if the modification time is unchanged


@pytest.mark.slow
def test_edited_rule_is_recompiled(copy: Path) -> None:
    """Numba alone would keep using the old rule, since the kernel's file, engine.py, has not changed."""
    assert run(PLAY, copy) == [str(copy / "envs/jit/kernels.py"), "3", "40", "0"]
    assert run(PLAY, copy)[1:] == ["3", "40", "1"]  # from the cache
    edit(copy / "envs/worlds/coinrun/rules.py", r"RISE = 3\b", "RISE = 4")
    assert run(PLAY, copy)[1:] == ["4", "40", "0"]
    edit(copy / "envs/worlds/coinrun/rules.py", r"RISE = 4\b", "RISE = 3")
    assert run(PLAY, copy)[1:] == ["3", "40", "1"]  # kernels compiled for these sources are still valid


MAZE = """
import numpy as np, goalposts
from goalposts.envs import Engine, Level, LevelSet, get_world
level = Level.from_text(LEVEL, "Corner")
engine = Engine(get_world("Corner"), 1, LevelSet.of([level]))
engine.load(0, 0)
start = engine.state[0, :2].copy()
for action in (1, 2, 3, 4) * 3:
    engine.step_active(np.array([action]), np.array([True]))
    if (engine.state[0, :2] != start).any():
        break
print((engine.state[0, :2] != start).any(), sum(engine._advance.stats.cache_hits.values()))
"""


@pytest.mark.slow
def test_edited_callee_two_folders_away_is_recompiled(copy: Path) -> None:
    """Corner's kernels are in envs/engine and its rules call `walk` of envs/worlds/shared; numba tracks neither."""
    play = f"LEVEL = {generate('Corner', 'off_path', 0, 1)[0].to_text()!r}\n{MAZE}"
    assert run(play, copy) == ["True", "0"]
    assert run(play, copy) == ["True", "1"]  # from the cache
    edit(copy / "envs/worlds/shared/topdown.py", r"state\[ROW\], state\[COL\] = row, col", "pass")
    assert run(play, copy) == ["False", "0"]  # `walk` no longer moves the agent


OWN = """
from dataclasses import replace
from numba import njit
from goalposts.envs.worlds.coinrun.rules import COINRUN

@njit
def limit(facts):
    return 5

OWN = replace(COINRUN, name="Own", rules={**COINRUN.rules, "limit": limit}, source=__file__)
"""


@pytest.mark.slow
def test_edited_rule_of_a_custom_world_is_recompiled(tmp_path: Path) -> None:
    (tmp_path / "own_world.py").write_text(OWN)
    code = """
from goalposts.envs import Engine, Level, LevelSet, load_world
world = load_world("own_world:OWN")
engine = Engine(world, 1, LevelSet.of([Level.from_text("######v#\\n#A.....#\\n#......#\\n########", "Own")]))
engine.load(0, 0)
print(engine.limits[0], sum(engine._load.stats.cache_hits.values()))
"""
    run(code, ROOT, tmp_path)
    assert run(code, ROOT, tmp_path) == ["5", "1"]
    edit(tmp_path / "own_world.py", "return 5", "return 6")
    assert run(code, ROOT, tmp_path)[0] == "6"
