"""`goalposts/World-v0`: custom worlds through gymnasium, by `module:NAME` or as a value, also in copies and other processes."""

import pickle
import re
import subprocess
import sys
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
from fixtures.places import ROOT

from goalposts.envs import get_world, load_world
from goalposts.errors import UserError

ID = "goalposts:goalposts/World-v0"


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The example world of docs/worlds.md, importable by Python."""
    source = re.search(
        r"```python\n(\"\"\"Flag.*?)```", (ROOT / "docs" / "worlds.md").read_text("utf-8"), re.DOTALL
    )
    assert source is not None
    path = tmp_path / "flag_for_gymnasium.py"
    path.write_text(source[1])
    monkeypatch.syspath_prepend(str(tmp_path))
    return path


def test_missing_world_message_explains_how_to_name_one() -> None:
    for build in (lambda: gym.make(ID), lambda: gym.make_vec(ID, num_envs=2)):
        with pytest.raises(UserError, match="world='my_module:MY_WORLD'"):
            build()


def test_known_worlds_work_through_the_custom_id() -> None:
    one, other = gym.make(ID, world="CoinRun"), gym.make("goalposts:goalposts/CoinRun-v0")
    assert np.array_equal(one.reset(seed=3)[0], other.reset(seed=3)[0])
    vector = gym.make_vec(ID, num_envs=2, world=get_world("CoinRun"))
    assert np.array_equal(vector.reset(seed=3)[0][0], other.reset(seed=3)[0])


def test_copies_share_the_same_custom_world(module: Path) -> None:
    """Copied by the spec given to `load_world`, else by module; neither compiles anything."""
    import flag_for_gymnasium  # type: ignore[import-not-found]

    world = flag_for_gymnasium.MY_WORLD
    assert pickle.loads(pickle.dumps(world)) is world
    assert load_world("flag_for_gymnasium:MY_WORLD") is world
    assert pickle.loads(pickle.dumps(world)) is world
    assert b"_from_source" in pickle.dumps(world)


PROGRAM = """
import pickle
import gymnasium as gym, numpy as np

if __name__ == "__main__":
    options = {"world": "flag_for_gymnasium:MY_WORLD", "condition": "apart", "max_steps": 5}
    native = gym.make_vec("goalposts:goalposts/World-v0", num_envs=2, autoreset_mode="NEXT_STEP", **options)
    spawned = gym.make_vec("goalposts:goalposts/World-v0", num_envs=2, vectorization_mode="async",
                           vector_kwargs={"context": "spawn"}, **options)
    assert np.array_equal(native.reset(seed=1)[0], spawned.reset(seed=1)[0])
    twin = pickle.loads(pickle.dumps(native))
    for action in (1, 2, 3, 0, 1, 2, 3, 0):
        steps = [env.step(np.full(2, action)) for env in (native, spawned, twin)]
        assert all(np.array_equal(steps[0][0], step[0]) for step in steps)
    spawned.close()
    print("same")
"""


@pytest.mark.slow
def test_custom_world_plays_the_same_in_every_process(module: Path) -> None:
    (module.parent / "program.py").write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, "program.py"],
        cwd=module.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )
    assert done.stdout == "same\n", done.stderr
