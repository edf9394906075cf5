"""The interfaces refuse invalid input without side effects and name what is allowed; planes and images are correct."""

import numpy as np
import pytest
from fixtures.board import SMALL, make, make_vec

from goalposts.agents import GoalpostsVecEnv
from goalposts.envs import Level, LevelError, LevelSet
from goalposts.envs.engine.engine import ActionError
from goalposts.envs.engine.level_stream import OptionError
from goalposts.envs.engine.observe import ObservationError
from goalposts.envs.gymnasium_envs import GoalpostsEnv, GoalpostsVectorEnv

WIDE = Level.from_text("#" * 30 + "v#\n#A" + "." * 28 + "C#\n" + ("#" + "." * 30 + "#\n") + "#" * 32)
BAD = Level("CoinRun", np.zeros((5, 6), int))


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"levle": SMALL}, OptionError, "takes the options 'level' and 'index', not 'levle'"),
        ({"level": SMALL, "index": 1}, OptionError, "either a .level. or an .index., not both"),
        ({"level": "######"}, OptionError, "is a str; must be a goalposts.envs.Level"),
        ({"index": -1}, OptionError, "= -1: must be a whole number from 0 to"),
        ({"index": 1.5}, OptionError, "must be a whole number"),
        ({"index": True}, OptionError, "must be a whole number"),
        ({"index": 2**63}, OptionError, "must be a whole number"),
        ({"level": WIDE}, LevelError, r"\(4, 32\); this environment takes up to \(12, 24\)"),
        ({"level": BAD}, LevelError, "row 1, column 1"),
        ({"level": Level("Other", SMALL.tiles)}, LevelError, "plays CoinRun; the level is of Other"),
    ],
)
def test_a_wrong_option_is_refused_and_changes_nothing(options: dict, error: type, words: str) -> None:
    single, vector, sb3 = make(), make_vec(2), GoalpostsVecEnv(2)
    for env, reset in (
        (single, lambda: single.reset(options=options)),
        (vector, lambda: vector.reset(options=options)),
        (sb3, lambda: (sb3.set_options(options), sb3.reset())),
    ):
        env.reset() if isinstance(env, GoalpostsVecEnv) else env.reset(seed=3)
        before = {
            k: getattr(env.stream.engine, k).copy()
            for k in ("state", "seeds", "episodes", "tiles", "outcome")
        }
        with pytest.raises(error, match=words):
            reset()
        for name, value in before.items():
            assert np.array_equal(getattr(env.stream.engine, name), value), name


@pytest.mark.parametrize("options", [3, "index", [("index", 3)], {"index"}, 0, ""])
def test_options_are_a_dict(options: object) -> None:
    for env in (make(), make_vec(2)):
        with pytest.raises(OptionError, match=r"write a dict, such as options=\{'index': 3\}"):
            env.reset(options=options)  # type: ignore[arg-type]


@pytest.mark.parametrize("mask", [[True], np.ones(3, bool), np.ones(2, int), "no"])
def test_a_mask_is_one_truth_value_for_each(mask: object) -> None:
    vector = make_vec(2)
    with pytest.raises(OptionError, match=r"reset_mask.* must be bool\[2\]"):
        vector.reset(options={"reset_mask": mask})


@pytest.mark.parametrize(
    "seed",
    [[1], [1, 2, 3], [1, -1], [1, 2.5], 2**64, -1, True, [1, True], "ab", 1.0, np.array([1.0, 2.0]), {1, 2}],
)
def test_seeds_are_one_or_one_for_each(seed: object) -> None:
    with pytest.raises(OptionError, match="give one whole number"):
        make_vec(2).reset(seed=seed)  # type: ignore[arg-type]


# Out of order, out of range


def test_a_step_before_reset_is_refused() -> None:
    """Regression: the agent left the memory of a level that was not loaded."""
    vector = make_vec(2)
    for call in (
        lambda: make().step(0),
        lambda: vector.step(np.zeros(2, int)),
        lambda: make_vec(2, observation="rgb").step(np.zeros(2, int)),
        lambda: GoalpostsVecEnv(2).step(np.zeros(2, int)),
    ):
        with pytest.raises(OptionError, match=r"call reset\(\) before the first step"):
            call()
    vector.reset(options={"reset_mask": np.array([True, False])})
    with pytest.raises(OptionError, match="before the first step"):
        vector.step(np.zeros(2, int))


def test_step_after_the_end_is_refused() -> None:
    env = make(max_steps=1)
    env.reset(seed=0)
    env.step(0)
    with pytest.raises(OptionError, match="this episode has ended"):
        env.step(0)


def test_invalid_actions_are_refused() -> None:
    env, vector = make(), make_vec(2)
    env.reset(seed=0)
    vector.reset(seed=0)
    for bad in (4, -1, 1.5, None):
        with pytest.raises(ActionError):
            env.step(bad)
    for worse in (np.array([0, 4]), np.array([0]), np.array([0.0, 1.0])):
        with pytest.raises(ActionError):
            vector.step(worse)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"world": "coinrun"}, "Did you mean 'CoinRun'"),
        ({"condition": "of_path"}, "Did you mean off_path"),
        ({"condition": "mixture(1.2)"}, "a number from 0 to 1"),
        ({"observation": "veiw"}, "Did you mean 'view'"),
        ({"observation": "full", "condition": "longer"}, "use observation='view' here"),
        ({"level_seed": -1}, "seed = -1"),
        ({"num_levels": 0}, "num_levels = 0: must be a whole number from 1 to 2,000,000, or None"),
        ({"num_levels": 10**9}, "num_levels = 1,000,000,000"),
        ({"split": "dev"}, "unknown split 'dev'"),
        ({"max_steps": 0}, "max_steps = 0: must be a whole number from 1 to"),
        ({"reward": "coin"}, "reward = 'coin': must be one of goal, proxy"),
        ({"slip": 1.5}, "slip = 1.5: must be a probability"),
        ({"slip": float("nan")}, "slip = nan"),
    ],
)
def test_a_wrong_setting_names_what_is_allowed(options: dict, words: str) -> None:
    for build in (lambda: GoalpostsEnv(**options), lambda: GoalpostsVectorEnv(2, **options)):
        with pytest.raises((OptionError, LevelError, ObservationError, ValueError), match=words):
            build()


def test_zero_environments_are_refused() -> None:
    with pytest.raises(OptionError, match="num_envs = 0"):
        GoalpostsVectorEnv(0)


# Pictures


def test_render_modes() -> None:
    env = make(render_mode="rgb_array")
    env.reset(seed=0, options={"level": SMALL})
    picture = env.render()
    assert (picture.dtype, picture.ndim, picture.shape[2]) == (np.uint8, 3, 3)
    env = make(render_mode="ansi")
    env.reset(seed=0, options={"level": SMALL})
    assert len(env.render().strip().split("\n")) >= 4
    env = make()
    env.reset(seed=0)
    assert env.render() is None
    with pytest.raises(OptionError, match="must be one of rgb_array, ansi, human, None"):
        GoalpostsEnv(render_mode="humans")


def test_rendering_has_no_side_effects_and_interfaces_draw_the_same() -> None:
    """Regression: the vector environment drew every agent facing right."""
    env, vector = make(render_mode="rgb_array"), make_vec(2, render_mode="rgb_array")
    blind = make_vec(2)
    for each in (vector, blind):
        each.reset(seed=5)
    env.reset(seed=5)
    for action in (1, 1, 2, 3, 1):
        env.step(action)
        pictures = vector.render()
        assert pictures is not None
        assert len(pictures) == 2
        seen = vector.step(np.array([action, 2]))
        assert np.array_equal(seen[0], blind.step(np.array([action, 2]))[0])
        pictures = vector.render()
        assert pictures is not None
        assert np.array_equal(env.render(), pictures[0])
    short = {"render_mode": "rgb_array", "max_steps": 1, "levels": LevelSet.of([SMALL])}
    env, vector = make(**short), make_vec(1, **short)
    env.reset(seed=5)
    vector.reset(seed=5)
    vector.step(np.array([1]))  # ends the episode; the next one starts with the agent facing right
    pictures = vector.render()
    assert pictures is not None
    assert np.array_equal(env.render(), pictures[0])


def test_small_level_is_at_the_top_left_of_full() -> None:
    """Regression: its tiles were offset from its moving things."""
    for levels in (LevelSet.of([SMALL]), None):
        env = make(observation="full", levels=levels)
        obs, _ = env.reset(seed=0, options={"level": SMALL})
        wall, _, _, coin, self = obs
        assert np.argwhere(coin).tolist() == [[2, 6]]
        assert np.argwhere(self).tolist() == [[2, 2]]
        assert wall[2, :8].tolist() == [1, 0, 0, 0, 0, 0, 0, 1]
        assert wall[4:].all()
        assert wall[:, 8:].all()


def test_view_is_centred_on_the_agent() -> None:
    env = make()
    obs, _ = env.reset(options={"level": SMALL})
    wall, deadly, monster, coin, self = obs
    assert np.argwhere(self).tolist() == [[4, 7]]
    assert np.argwhere(coin).tolist() == [[4, 11]]
    assert not deadly.any()
    assert not monster.any()
    assert wall[:2].all()  # outside the level
    assert wall[4].tolist() == [1] * 6 + [0] * 6 + [1] * 3


def test_a_hidden_coin_is_not_in_the_observation_and_a_decoy_is() -> None:
    for char, seen in (("c", 0), ("D", 1), ("C", 1)):
        env = make()
        obs, _ = env.reset(options={"level": Level.from_text(SMALL.to_text().replace("C", char))})
        assert int(obs[3].sum()) == seen
