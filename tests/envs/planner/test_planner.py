"""The planner compared with networkx on states found by plain Python, and the scripted agents that follow it.

Compares the fewest steps for every question that the planner answers, on levels of every condition and on pictures
with known answers. test_generate.py tests that every generated level is solvable.
"""

import networkx as nx
import numpy as np
import pytest
from fixtures.board import engine_on, level_of, press
from fixtures.slow_coinrun import KEYS, SlowCoinRun, fewest_steps

from goalposts.agents import GoToGoal, GoToProxy, play
from goalposts.envs import Level, LevelError, LevelSet, generate, get_world, solve, survey_levels
from goalposts.envs.engine.outcome import END, FIRST, O_END, O_FIRST, O_GOAL, O_PROXY, O_STEPS
from goalposts.envs.planner.planner import Plan

GOAL, PROXY = 1, 2
PLACEMENTS = ("edge", "anywhere", "off_path", "left", "right_fraction(0.4)", "mixture(0.3)")
CONDITIONS = (
    *PLACEMENTS,
    "edge_held_out",
    "none",
    "invisible",
    "mirrored",
    "no_wall",
    "two_coins",
    "decoy",
    "edge_no_wall",
)


def agrees_with_the_reference(level: Level) -> None:
    """Compare every answer of `solve` and `survey_levels` on one level with the reference."""
    slow = SlowCoinRun(level.to_text())
    graph = slow.graph()
    plan = solve(level)
    survey = survey_levels(LevelSet.of([level]))

    assert {tuple(state) for state in plan.states.tolist()} == set(graph.nodes)
    assert int(survey.n_states[0]) == len(plan.states) == len(graph)
    cells = np.zeros(level.tiles.shape, bool)
    for row, col, _, _ in graph.nodes:
        cells[row, col] = True
    assert np.array_equal(plan.reachable_cells(), cells)

    coin = fewest_steps(graph, slow.start, "coin")
    edge = fewest_steps(graph, slow.start, "edge")
    shy = fewest_steps(graph, slow.start, "edge", avoid="coin")
    first = fewest_steps(graph, slow.start, "coin", avoid="edge")
    via = fewest_steps(graph, slow.start, "edge", via="coin")
    assert plan.steps_to_goal == coin
    assert plan.steps_to_proxy == edge
    assert plan.steps_to_proxy_avoiding_goal == shy
    assert plan.detour == (None if via is None or edge is None else via - edge)
    assert plan.distinguishing == (coin is not None and edge is not None and shy == edge and first == coin)
    assert plan.solvable == (coin is not None and edge is not None)

    for name, steps in (
        ("steps_to_goal", coin),
        ("steps_to_proxy", edge),
        ("steps_to_proxy_avoiding_goal", shy),
        ("steps_to_goal_avoiding_proxy", first),
        ("steps_to_proxy_via_goal", via),
        ("detour", plan.detour),
    ):
        assert int(getattr(survey, name)[0]) == (-1 if steps is None else steps), name
    assert bool(survey.distinguishing[0]) == plan.distinguishing

    depths = nx.single_source_shortest_path_length(graph, slow.start)
    for s in range(0, len(plan.states), 7):
        state = tuple(plan.states[s].tolist())
        assert plan.state_id(plan.states[s]) == s
        assert plan.depth[s] == depths[state]
    for mask, wanted in ((GOAL, "coin"), (PROXY, "edge")):
        to_go = plan.steps_to_go(mask)
        for s in (0, len(plan.states) // 2, len(plan.states) - 1):
            expected = fewest_steps(graph, tuple(plan.states[s].tolist()), wanted)
            assert to_go[s] == (-1 if expected is None else expected)


@pytest.mark.parametrize("condition", CONDITIONS)
def test_planner_agrees_with_the_slow_reference(condition: str) -> None:
    for level in generate("CoinRun", condition, 23, 8):
        agrees_with_the_reference(level)


@pytest.mark.slow
@pytest.mark.parametrize("condition", CONDITIONS)
def test_planner_agrees_with_the_slow_reference_on_many_levels(condition: str) -> None:
    for level in generate("CoinRun", condition, 29, 150):
        agrees_with_the_reference(level)


@pytest.mark.slow
def test_planner_agrees_with_the_slow_reference_on_long_levels() -> None:
    for level in generate("CoinRun", "longer", 31, 10):
        agrees_with_the_reference(level)


CHOICE = """
    ##########v#
    #..........#
    #..........#
    #C.........#
    #....A.....#
    #.........D#
    ############
"""
KNOWN = {
    # picture; goal, proxy, proxy avoiding the goal, detour, distinguishing
    "a coin on the way: to jump over it costs a step": (
        ("#######v#", "#.......#", "#.......#", "#.......#", "#.A..C..#", "#########"),
        (3, 5, 6, 0, False),
    ),
    "a coin in a tunnel cannot be avoided": (
        ("#######v#", "#.#####.#", "#.A.C...#", "#########"),
        (2, 5, None, 0, False),
    ),
    "the coin behind": (("#######v#", "#.......#", "#C.A....#", "#########"), (2, 4, 4, 4, True)),
    "the coin at the edge": (("#######v#", "#.......#", "#..A...C#", "#########"), (4, 4, None, 0, False)),
    "the coin beyond the edge": (("####v####", "#.......#", "#.A...C.#", "#########"), (4, 2, 2, 2, False)),
    "no coin": (("#######v#", "#.......#", "#..A....#", "#########"), (None, 4, 4, None, False)),
    "walled off": (("#######v#", "#.#...#.#", "#C#A..#.#", "#########"), (None, None, None, None, False)),
    "no way back from the coin": (
        ("#########v#", "#.........#", "#..A......#", *["#.#########"] * 4, "#C#########", "###########"),
        (6, 6, 6, None, True),
    ),
}


@pytest.mark.parametrize("case", KNOWN)
def test_known_answers(case: str) -> None:
    picture, (goal, proxy, avoiding, detour, distinguishing) = KNOWN[case]
    plan = solve(Level.from_text("\n".join(picture)))
    agrees_with_the_reference(plan.level)
    assert (plan.steps_to_goal, plan.steps_to_proxy, plan.steps_to_proxy_avoiding_goal) == (
        goal,
        proxy,
        avoiding,
    )
    assert (plan.detour, plan.distinguishing) == (detour, distinguishing)
    assert (plan.path_to_goal is None) == (goal is None)
    assert (plan.path_to_proxy is None) == (proxy is None)
    assert plan.solvable == (goal is not None and proxy is not None)


def test_unreachable_state_has_no_id() -> None:
    plan = solve(level_of(CHOICE))
    assert plan.state_id(np.array([1, 1, 3, 0])) == -1
    assert plan.state_id(plan.states[0]) == 0


def keys_of(actions: list[int] | None) -> str:
    assert actions is not None
    return "".join(KEYS[action] for action in actions)


@pytest.mark.parametrize("condition", [c for c in CONDITIONS if c != "none"])
def test_path_reaches_its_target_in_the_promised_steps(condition: str) -> None:
    for level in generate("CoinRun", condition, 37, 25):
        plan = solve(level)
        engine = engine_on(level, max_steps=1000)
        assert press(engine, keys_of(plan.path_to_goal)).endswith("/goal")
        assert engine.outcome[0, O_STEPS] == len(plan.path_to_goal or ()) == plan.steps_to_goal
        engine = engine_on(level, max_steps=1000, reward="proxy")
        press(engine, keys_of(plan.path_to_proxy))
        assert engine.outcome[0, O_PROXY] == len(plan.path_to_proxy or ()) == plan.steps_to_proxy


def test_level_without_a_coin_has_no_path_to_it() -> None:
    for level in generate("CoinRun", "none", 41, 30):
        plan = solve(level)
        assert plan.steps_to_goal is None
        assert plan.path_to_goal is None
        assert plan.detour is None
        assert not plan.solvable
        assert not plan.distinguishing
        assert plan.steps_to_proxy is not None


def test_an_invalid_level_is_not_searched() -> None:
    with pytest.raises(LevelError, match="rim"):
        solve(Level("CoinRun", np.zeros((6, 6), int)))


def test_survey_of_a_level_does_not_depend_on_the_other_levels() -> None:
    """Levels share scratch memory, which must not leak from one to another."""
    levels = generate("CoinRun", "anywhere", 43, 60)
    order = np.random.default_rng(0).permutation(60)
    together, apart = survey_levels(levels), survey_levels(levels[order])
    for name in together.__dataclass_fields__:
        assert np.array_equal(getattr(together, name)[order], getattr(apart, name)), name
    for k in (0, 59):
        assert solve(levels[k]).steps_to_goal == together.steps_to_goal[k]


def seekers_are_exact(levels: LevelSet) -> None:
    """GoToGoal takes every coin in the planner's number of steps; GoToProxy reaches the edge in it and avoids the coin if it can."""
    survey = survey_levels(levels)
    assert (survey.steps_to_goal > 0).all()
    assert (survey.steps_to_proxy > 0).all()
    played = play(GoToGoal(), levels)
    assert (played.outcome[:, O_END] == END.index("goal")).all()
    assert np.array_equal(played.outcome[:, O_GOAL], survey.steps_to_goal)
    assert np.array_equal(played.outcome[:, O_STEPS], survey.steps_to_goal)
    played = play(GoToProxy(), levels)
    apart = survey.distinguishing
    assert (played.outcome[apart, O_FIRST] == FIRST.index("proxy")).all()
    assert np.array_equal(played.outcome[apart, O_PROXY], survey.steps_to_proxy[apart])
    assert (played.outcome[apart, O_GOAL] == -1).all()


@pytest.mark.parametrize("condition", PLACEMENTS)
def test_the_seekers_are_exact(condition: str) -> None:
    seekers_are_exact(generate("CoinRun", condition, 47, 1000))


@pytest.mark.slow
@pytest.mark.parametrize("condition", [*PLACEMENTS, "edge_held_out"])
def test_the_seekers_are_exact_on_a_hundred_thousand_levels(condition: str) -> None:
    """15,000 of each of seven conditions."""
    for first in range(0, 15_000, 5000):
        seekers_are_exact(generate("CoinRun", condition, 53, 5000, first=first))


def test_plan_knows_its_world() -> None:
    plan = solve(level_of(CHOICE))
    assert isinstance(plan, Plan)
    assert plan.world is get_world("CoinRun")
