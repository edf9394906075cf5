"""The engine: one action per slot, limits, counts, rewards, slip, invalid input.

Levels are given as pictures and actions as keys; see board.py. The rules are tested in test_coinrun_rules.py.
"""

import numpy as np
import pytest
from fixtures.board import COINRUN, engine_on, level_of, press
from fixtures.slow_coinrun import KEYS
from hypothesis import given
from hypothesis import strategies as st

from goalposts.envs import Level, generate
from goalposts.envs.engine.engine import Engine
from goalposts.envs.engine.outcome import END, FIRST, O_END, O_GOAL, O_GOALS, O_PROXIES, O_PROXY, O_STEPS

HALL = """
    ########v#
    #........#
    #........#
    #........#
    #........#
    #A.......#
    ##########
"""
PIT = """
    ########v#
    #........#
    #........#
    #.A....C.#
    ###~~#####
    ##########
"""
EDGE = """
    #######v#
    #.......#
    #.......#
    #.A....C#
    #########
"""
FAR = """
    #####v######
    #..........#
    #..........#
    #.A......C.#
    ############
"""
TWO = EDGE.replace("A....C", "A.C..C")
GONE = EDGE.replace("C", ".")


@pytest.mark.parametrize("which", [[2], [-1], [0, 1, 0], [[0]], [0.0]])
def test_observing_an_unknown_environment_is_refused(which: list) -> None:
    """The kernel does not check bounds: an index past the last would read other memory."""
    engine = engine_on(level_of(HALL), 2)
    assert engine.observe(np.array([1, 0])).shape[0] == 2
    with pytest.raises(IndexError, match="must be up to 2 whole numbers from 0 to 1"):
        engine.observe(np.array(which))


@given(st.text(KEYS, min_size=1, max_size=30), st.integers(1, 5), st.integers(0, 100))
def test_rules_are_pure_the_same_state_and_action_give_the_same_result(
    keys: str, copies: int, index: int
) -> None:
    """In every slot, regardless of the others; inactive slots are unchanged."""
    level = generate("CoinRun", "anywhere", 4, 1, first=index)[0]
    alone, among = engine_on(level, max_steps=1000), engine_on(level, copies + 1, max_steps=1000)
    luck = np.random.default_rng(index)
    idle = {
        name: getattr(among, name)[copies].copy() for name in ("state", "outcome", "tiles", "facts", "grid")
    }
    for key in keys:
        actions = luck.integers(4, size=copies + 1)
        actions[0] = KEYS.index(key)
        active = np.arange(copies + 1) < copies
        one = alone.step_active(actions[:1], np.array([True]))
        many = among.step_active(actions, active)
        for name in ("state", "outcome", "tiles", "facts", "grid"):
            assert np.array_equal(getattr(alone, name)[0], getattr(among, name)[0])
            assert np.array_equal(getattr(among, name)[copies], idle[name])
        assert (one[0][0], one[1][0]) == (many[0][0], many[1][0])
        assert (many[0][copies], many[1][copies]) == (0, 0)
        if one[1][0]:
            break
    level_again = Level("CoinRun", among.tiles[0])
    assert level_again.tiles[: level.tiles.shape[0], : level.tiles.shape[1]].tolist() == level.tiles.tolist()


def test_step_limit_is_four_steps_per_column() -> None:
    engine = engine_on(level_of(HALL))
    press(engine, "." * 39)
    assert END[engine.outcome[0, O_END]] == "running"
    assert press(engine, ".") == "neither/timeout"
    assert engine.outcome[0, O_STEPS] == 40


@pytest.mark.parametrize(
    ("picture", "keys", "limit", "outcome"),
    [
        (EDGE, "rrrrr", 5, "goal/goal"),  # the last step still counts
        (EDGE, "rrrrr", 4, "neither/timeout"),
        (PIT, "r", 1, "neither/death"),  # death at the last step is death
        (GONE, "rrrrr", 5, "proxy/timeout"),
    ],
)
def test_the_last_step_counts(picture: str, keys: str, limit: int, outcome: str) -> None:
    assert press(engine_on(level_of(picture), max_steps=limit), keys) == outcome


def test_steps_and_touches_are_counted() -> None:
    engine = engine_on(level_of(FAR))
    press(engine, "rrr.r" + "rrr")
    row = engine.outcome[0]
    assert (row[O_PROXY], row[O_PROXIES], row[O_GOAL], row[O_GOALS], row[O_STEPS]) == (3, 6, 8, 1, 8)


@pytest.mark.parametrize(
    ("reward", "keys", "rewards"), [("goal", "rrrrrrr", [0] * 6 + [1]), ("proxy", "rrr", [0, 0, 1])]
)
def test_the_reward_is_the_goal_or_the_proxy_and_ends_the_episode(
    reward: str, keys: str, rewards: list[int]
) -> None:
    engine = engine_on(level_of(FAR), reward=reward)
    got = [engine.step_active(np.array([KEYS.index(key)]), np.array([True])) for key in keys]
    assert [float(r[0]) for r, _ in got] == rewards
    assert [int(d[0]) for _, d in got] == [0] * (len(keys) - 1) + [1]


def test_proxy_reward_does_not_end_the_episode_at_the_coin() -> None:
    engine = engine_on(level_of(TWO), reward="proxy")
    assert press(engine, "rrrrr") == "goal/goal"
    assert engine.outcome[0].tolist()[:7] == [FIRST.index("goal"), 1, 5, 2, 5, 2, 1]


@pytest.mark.parametrize("observation", ["view", "view(coin=1x3)", "full"])
def test_ending_step_returns_final_observation_and_starts_the_next_level(observation: str) -> None:
    """Of three environments the middle one ends: returns its final observation and the next level's first one."""
    engine, twin = (engine_on(level_of(EDGE), 3, observation=observation) for _ in range(2))
    first = engine.observe()
    steps, off = np.array([[0, 2, 1]] * 4), np.ones(3, bool)
    for actions in steps:
        told = engine.step(actions)
        twin.step_active(actions, off)
        assert not len(told.ended)
        np.testing.assert_array_equal(told.obs, twin.observe())
    told = engine.step(np.array([0, 2, 0]))
    twin.step_active(np.array([0, 2, 0]), off)
    last = twin.observe()
    assert told.ended.tolist() == [1]
    assert (told.terminated.tolist(), told.truncated.tolist()) == ([False, True, False], [False] * 3)
    assert (told.reward.tolist(), told.final_return.tolist()) == ([0, 1, 0], [1])
    np.testing.assert_array_equal(told.final_obs, last[1:2])
    np.testing.assert_array_equal(told.obs, [last[0], first[1], last[2]])
    assert told.final_outcome[0].tolist() == twin.outcome[1].tolist()
    assert engine.outcome[1].tolist() == [0, 0, 0, -1, -1, 0, 0, 0]
    assert engine.episodes.tolist() == [0, 1, 0]


def test_a_step_at_the_limit_truncates() -> None:
    engine, twin = (engine_on(level_of(EDGE), 2, max_steps=2) for _ in range(2))
    assert not engine.step(np.array([0, 2])).truncated.any()
    told = engine.step(np.array([0, 2]))
    for _ in range(2):
        twin.step_active(np.array([0, 2]), np.ones(2, bool))
    np.testing.assert_array_equal(told.final_obs, twin.observe())
    assert told.truncated.all()
    assert not told.terminated.any()
    assert told.ended.tolist() == [0, 1]
    assert told.final_outcome[:, [O_END, O_STEPS]].tolist() == [[END.index("timeout"), 2]] * 2


def test_reused_slot_keeps_nothing_of_the_previous_level() -> None:
    first, second = generate("CoinRun", "longer", 4, 2), generate("CoinRun", "longer", 5, 2)
    engine = Engine(COINRUN, 1, first)
    for levels in (first, second):
        engine.set_pool(levels)
        for k, level in enumerate(levels):
            engine.load(0, k)
            facts, _ = COINRUN.read(np.array(level.tiles))
            assert engine.facts[0].tolist() == facts.tolist()


def test_slip_replaces_actions_at_its_rate_and_always_the_same_ones() -> None:
    """With slip s a chosen `stay` is kept with probability 1 − s + s/4."""
    level = level_of(HALL.replace("A.......", "...A...."))
    n = 20_000

    def moved(slip: float, seed: int) -> np.ndarray:
        engine = engine_on(level, n, slip=slip)
        engine.seeds[:] = np.arange(n) + seed
        engine.step_active(np.zeros(n, np.int64), np.ones(n, bool))
        return (engine.state[:, :2] != (5, 4)).any(axis=1)

    assert not moved(0.0, 0).any()
    for slip in (0.2, 1.0):
        share = moved(slip, 0).mean()
        assert abs(share - 0.75 * slip) < 4 * np.sqrt(0.75 * slip * (1 - 0.75 * slip) / n)
    assert np.array_equal(moved(0.2, 5), moved(0.2, 5))
    assert not np.array_equal(moved(0.2, 5), moved(0.2, 10**6))


@pytest.mark.parametrize("action", [-1, 4, 255, -(2**62)])
def test_invalid_action_is_refused_and_changes_nothing(action: int) -> None:
    engine = engine_on(level_of(HALL), 3)
    before = engine.state.copy()
    for call in (lambda a: engine.step(a), lambda a: engine.step_active(a, np.ones(3, bool))):
        with pytest.raises(ValueError, match=r"must be from 0 to 3 \(stay, left, right, jump\)"):
            call(np.array([2, 2, action]))
    assert np.array_equal(engine.state, before)
    engine.step_active(
        np.array([2, 2, action]), np.array([True, True, False])
    )  # actions of inactive slots are ignored
    assert (engine.state[:2, 1] == 2).all()


@pytest.mark.parametrize(
    "actions", [np.zeros(2, int), np.zeros(4, int), np.zeros((3, 1), int), np.zeros(3), np.int64(1)]
)
def test_actions_are_one_whole_number_for_each_environment(actions: np.ndarray) -> None:
    """Regression: with too many actions, the kernels wrote past the end of the engine's arrays."""
    engine = engine_on(level_of(HALL), 3)
    for call in (lambda a: engine.step(a), lambda a: engine.step_active(a, np.ones(3, bool))):
        with pytest.raises(ValueError, match="one for each of the 3 environments"):
            call(actions)
