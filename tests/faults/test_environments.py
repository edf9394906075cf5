"""Faults of the three interfaces: copies, seeds, frames, gymnasium's habits, wrong options, and scripts next to the checkout."""

import copy
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cloudpickle
import gymnasium as gym
import numpy as np
import pygame
import pytest
from fixtures.board import ID, SMALL, make, make_vec
from fixtures.faults import row
from gymnasium import wrappers
from gymnasium.vector import AutoresetMode

from goalposts.agents import GoalpostsVecEnv
from goalposts.envs import LevelSet, generate, get_world
from goalposts.envs.engine.level_stream import LevelStream
from goalposts.errors import UserError

COPIES: dict[str, Callable[[Any], Any]] = {
    "deepcopy": copy.deepcopy,
    "pickle": lambda env: pickle.loads(pickle.dumps(env)),
    "cloudpickle": lambda env: pickle.loads(cloudpickle.dumps(env)),
}
TEN = generate("CoinRun", "off_path", 3, 10)


class Player:
    """Create and play any of the interfaces uniformly."""

    def __init__(self, kind: str, **options: Any) -> None:
        self.kind = kind
        options = {"condition": "off_path", "max_steps": 7, **options}
        if kind == "Env":
            self.env: Any = gym.make(ID, **options)
            self.env.reset(seed=5)
        elif kind == "VecEnv":
            self.env = GoalpostsVecEnv(3, **options)
            self.env.seed(5)
            self.env.reset()
        else:
            mode = None if kind == "VectorEnv" else "sync"
            self.env = gym.make_vec(ID, num_envs=3, vectorization_mode=mode, **options)
            self.env.reset(seed=5)

    def play(self, env: Any, steps: int, luck: int) -> list[Any]:
        """Everything returned by some steps, with or without autoreset."""
        seen, dice = [], np.random.default_rng(luck)
        for _ in range(steps):
            result = env.step(dice.integers(4) if self.kind == "Env" else dice.integers(4, size=3))
            seen.append(result)
            if self.kind == "Env" and (result[2] or result[3]):
                seen.append(env.reset())
        return seen


def same(one: Any, other: Any) -> bool:
    if isinstance(one, dict):
        return set(one) == set(other) and all(
            same(one[k], other[k]) for k in one if k not in ("t", "episode")
        )
    if isinstance(one, list | tuple) or (isinstance(one, np.ndarray) and one.dtype == object):
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    return np.array_equal(one, other)


@row("B2")
@pytest.mark.parametrize(
    "options", [{}, {"num_levels": 9}, {"levels": TEN, "slip": 0.3}, {"observation": "rgb"}]
)
@pytest.mark.parametrize(
    ("how", "kind"),
    [(how, kind) for kind in ("Env", "VectorEnv", "VecEnv") for how in COPIES]
    + [
        ("deepcopy", "SyncVectorEnv"),
        ("cloudpickle", "SyncVectorEnv"),
    ],  # gymnasium's closures cannot be pickled
)
def test_copies_continue_as_the_original(how: str, kind: str, options: dict[str, Any]) -> None:
    """Regression: "there is another world called CoinRun already" when the next level was drawn."""
    player = Player(kind, **options)
    player.play(player.env, 3, luck=1)
    twin = COPIES[how](player.env)
    steps = 10 if options.get("observation") else 25
    alone = player.play(twin, steps, luck=2)
    assert same(alone, player.play(player.env, steps, luck=2))  # the copy did not step the original


@row("B2")
@pytest.mark.parametrize("kind", ["Env", "VectorEnv", "VecEnv"])
@pytest.mark.slow
def test_a_copy_in_another_process_continues_too(kind: str, tmp_path: Path) -> None:
    player = Player(kind)
    player.play(player.env, 3, luck=1)
    (tmp_path / "env.pickle").write_bytes(pickle.dumps((player.env, TEN[2])))
    code = (
        "import pickle, sys\n"
        "env, level = pickle.load(open('env.pickle', 'rb'))\n"
        "step = lambda k: env.step(k if not hasattr(env, 'num_envs') else [k] * 3)\n"
        "import numpy as np\n"
        "many = hasattr(env, 'num_envs')\n"
        "for k in (2, 2, 1): last = env.step(np.full(3, k) if many else k)\n"
        "print(int(np.asarray(last[0]).sum()), level.level_hash, level.to_text().count('C'))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    for k in (2, 2, 1):
        last = player.env.step(k if kind == "Env" else np.full(3, k))
    assert done.stdout.split() == [str(int(last[0].sum())), TEN[2].level_hash, "1"]


@row("B2")
def test_a_shallow_copy_leaves_the_original_where_it_is() -> None:
    for kind in ("Env", "VectorEnv", "VecEnv"):
        player = Player(kind)
        env = player.env if kind == "VecEnv" else player.env.unwrapped
        alone = player.play(copy.copy(env), 9, luck=2)
        assert same(alone, player.play(env, 9, luck=2))


@row("B2")
def test_worlds_and_levels_are_unchanged_by_copying() -> None:
    world = get_world("CoinRun")
    for how in (copy.copy, *COPIES.values()):
        assert how(world) is world
        twins = how(TEN)
        assert twins == TEN
        assert not twins.tiles.flags.writeable
        assert not how(TEN[0]).tiles.flags.writeable


def first_levels(env: Any, seed: Any) -> list[str]:
    env.reset(seed=seed)
    env.reset()
    streams = [e.unwrapped.stream for e in env.envs] if hasattr(env, "envs") else [env.stream]
    return [s.level(i).level_hash for s in streams for i in range(s.engine.n)]


@row("B3")
@pytest.mark.parametrize(
    "seed", [[1, 2, 3], (1, 2, 3), np.array([1, 2, 3]), np.array([1, 2, 3], np.uint8), 1]
)
def test_list_of_seeds_determines_later_episodes_too(seed: Any) -> None:
    expected = first_levels(gym.make_vec(ID, num_envs=3, vectorization_mode="sync"), [1, 2, 3])
    for _ in range(2):
        assert first_levels(make_vec(3), seed) == expected
    sb3 = GoalpostsVecEnv(3)
    sb3.seed(1)
    sb3.reset()
    sb3.reset()
    assert [sb3.stream.level(i).level_hash for i in range(3)] == expected


@row("B3")
def test_none_in_a_list_of_seeds_leaves_an_environment_in_its_sequence() -> None:
    native: Any = make_vec(3)
    sync: Any = gym.make_vec(ID, num_envs=3, vectorization_mode="sync")
    for env in (native, sync):
        env.reset(seed=[7, 8, 9])
    for seeds in ([None, 4, None], [None, None, 2], None):
        assert np.array_equal(native.reset(seed=seeds)[0], sync.reset(seed=seeds)[0])
    fresh = {make_vec(2).reset(seed=[1, None])[0][1].tobytes() for _ in range(6)}
    assert len(fresh) > 1  # never seeded: random
    masked, mask = make_vec(2), np.array([True, False])
    masked.reset(seed=3)
    masked.reset(seed=[5, 6], options={"reset_mask": mask})
    masked.reset()
    assert masked.stream.engine.seeds.tolist() == [5, 4]


@row("B14")
@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.int64, np.uint64, np.array])
def test_numpy_integers_are_numbers_like_any_other(kind: Any) -> None:
    """Regression: `np.uint8(254)` gave the seeds 254, 255 and 0."""
    big: Any = kind(254) if kind is not np.int16 else np.int16(32767)
    small: Any = kind(3)
    vector, sb3, single = make_vec(3), GoalpostsVecEnv(3), gym.make(ID)
    expected = vector.reset(seed=int(big))[0].copy()
    assert np.array_equal(vector.reset(seed=big)[0], expected)
    assert vector.stream.engine.seeds.tolist() == [int(big) + i for i in range(3)]
    assert sb3.seed(big) == [int(big) + i for i in range(3)]
    assert np.array_equal(sb3.reset(), expected)
    assert np.array_equal(single.reset(seed=big)[0], expected[0])
    options = {"num_levels": small, "level_seed": big, "max_steps": small}
    plain = {name: int(value) for name, value in options.items()}
    for build in (make, lambda **given: make_vec(int(small), **given)):
        one, other = build(**options), build(**plain)
        assert np.array_equal(one.reset(seed=small)[0], other.reset(seed=3)[0])
        assert np.array_equal(
            one.reset(options={"index": big})[0], other.reset(options={"index": int(big)})[0]
        )
    levels = generate("CoinRun", "edge", seed=small, count=small, first=big)
    assert levels == generate("CoinRun", "edge", seed=3, count=3, first=int(big))


@row("B14")
@pytest.mark.parametrize("seed", [True, np.True_, np.array(True), 1.0, np.float64(1), "1", [3], -1])
def test_seeds_must_be_whole_numbers(seed: Any) -> None:
    for call in (
        lambda: make().reset(seed=seed),
        lambda: make_vec(2).reset(seed=seed),
        lambda: GoalpostsVecEnv(2).seed(seed),
        lambda: make(level_seed=seed),
        lambda: generate("CoinRun", "edge", seed=seed),
    ):
        with pytest.raises(UserError, match=r"seed = .*whole number"):
            call()


WORLDS = ("CoinRun", "Corner", "ColourShape")


@row("C6")
@pytest.mark.parametrize("world", WORLDS)
def test_all_frames_of_an_environment_are_of_one_size(world: str) -> None:
    name = f"goalposts:goalposts/{world}-v0"
    env = gym.make(name, render_mode="rgb_array")
    shapes, sizes = set(), set()
    for seed in range(12):
        env.reset(seed=seed)
        shapes.add(env.render().shape)  # type: ignore[union-attr]
        sizes.add(env.unwrapped.level.tiles.shape)  # type: ignore[attr-defined]
    assert len(shapes) == 1
    assert len(sizes) > 1
    seen = wrappers.AddRenderObservation(env)
    for seed in range(4):
        assert seen.observation_space.contains(seen.reset(seed=seed)[0])
    frames = gym.make_vec(name, num_envs=6, render_mode="rgb_array")
    frames.reset(seed=0)
    assert {frame.shape for frame in frames.render()} == shapes  # type: ignore[union-attr]
    sb3 = GoalpostsVecEnv(4, world=world)
    sb3.reset()
    picture = sb3.render()
    assert picture is not None
    (height, width, _) = shapes.pop()
    assert picture.shape == (2 * height, 2 * width, 3)


@row("C6")
def test_a_window_keeps_its_size() -> None:
    shown = wrappers.HumanRendering(gym.make(ID, render_mode="rgb_array"))
    human = make(render_mode="human")
    for env in (shown, human):
        sizes = set()
        for seed in range(4):
            env.reset(seed=seed)
            sizes.add(pygame.display.get_surface().get_size())
        assert len(sizes) == 1
        env.close()


@row("C7")
def test_gymnasiums_checker_passes_without_a_display() -> None:
    code = (
        "import gymnasium as gym, warnings\n"
        "from gymnasium.utils.env_checker import check_env\n"
        "warnings.simplefilter('error')\n"
        f"check_env(gym.make({ID!r}).unwrapped)\n"
    )
    nowhere = {
        k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER")
    }
    done = subprocess.run(
        [sys.executable, "-c", code], env=nowhere, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("no window can be opened") <= 1


MODES = list(AutoresetMode)


@row("C7")
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("observation", ["view", "rgb"])
def test_every_autoreset_mode_is_gymnasiums(mode: AutoresetMode, observation: str) -> None:
    options = {"max_steps": 3, "condition": "off_path", "observation": observation}
    native = make_vec(3, autoreset_mode=mode, **options)
    sync = gym.make_vec(
        ID, num_envs=3, vectorization_mode="sync", vector_kwargs={"autoreset_mode": mode}, **options
    )
    assert native.metadata["autoreset_mode"] is sync.metadata["autoreset_mode"] is mode
    assert np.array_equal(native.reset(seed=4)[0], sync.reset(seed=4)[0])
    dice, ends = np.random.default_rng(0), 0
    for _ in range(14 if observation == "view" else 9):
        actions = dice.integers(4, size=3)
        one, other = native.step(actions), sync.step(actions)
        assert same(one[:4], other[:4])
        done = one[2] | one[3]
        ends += done.sum()
        infos, expected = (i.get("final_info", i) for i in (one[4], other[4]))
        assert set(infos) == set(expected)
        for name, values in infos.items():
            assert np.array_equal(values[done], np.asarray(expected[name])[done]), name
        if mode is AutoresetMode.DISABLED and done.any():
            with pytest.raises(UserError, match="reset_mask"):
                native.step(actions)
            pair = [env.reset(options={"reset_mask": done.copy()}) for env in (native, sync)]
            assert np.array_equal(pair[0][0], pair[1][0])
    assert ends > 3


@row("C7")
def test_autoreset_modes_have_names_and_a_default() -> None:
    assert make_vec(2).metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    for name in ("NEXT_STEP", "NextStep", AutoresetMode.NEXT_STEP):
        assert make_vec(2, autoreset_mode=name).metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    assert make_vec(2).metadata["autoreset_mode"] is AutoresetMode.SAME_STEP  # not the class's
    with pytest.raises(UserError, match="one of NEXT_STEP, SAME_STEP, DISABLED"):
        make_vec(2, autoreset_mode="sometimes")


@row("C7")
def test_success_and_action_names_are_where_gymnasium_users_look() -> None:
    options = {"levels": LevelSet.of([SMALL]), "max_steps": 5}
    single, vector, sb3 = make(**options), make_vec(2, **options), GoalpostsVecEnv(2, **options)
    names = ["stay", "left", "right", "jump"]
    meanings = [action.name for action in get_world("CoinRun").actions]
    assert len(meanings) == len(names)
    assert single.get_action_meanings() == vector.get_action_meanings() == meanings
    assert vector.call("get_action_meanings") == (meanings,) * 2
    assert vector.get_attr("render_mode") == (None, None)
    assert sb3.env_method("get_action_meanings") == [meanings] * 2
    for env in (single, vector):
        env.reset(seed=0)
    sb3.reset()
    info, final, dicts = {}, {}, []
    for _ in range(4):
        info = single.step(2)[4]
        final = vector.step(np.array([2, 0]))[4]
        dicts = sb3.step(np.array([2, 0]))[3]
    assert info["is_success"]
    assert final["final_info"]["is_success"].tolist() == [True, False]
    assert final["final_info"]["is_success"].dtype == np.bool_
    assert dicts[0]["is_success"]
    assert not sb3.step(np.array([0, 0]))[3][1]["is_success"]


def test_the_default_stream_is_what_it_was() -> None:
    """Without a seed, environment i of SB3's interface plays seed i."""
    stream = LevelStream(3)
    stream.reset()
    assert stream.engine.seeds.tolist() == [0, 1, 2]
