"""Scripted agents behave as documented, in the documented fractions, for any batch size."""

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from goalposts.agents import GoToGoal, GoToProxy, Mixture, Noisy, Random, play, scripted_agents
from goalposts.envs import Level, LevelSet, generate, survey_levels
from goalposts.envs.engine.outcome import END, FIRST, O_END, O_FIRST, O_GOAL, O_PROXY, O_STEPS

LEVELS = generate("CoinRun", "off_path", 17, 1000)
GOAL, PROXY = FIRST.index("goal"), FIRST.index("proxy")


def first(agent, levels: LevelSet = LEVELS, **options) -> np.ndarray:
    return play(agent, levels, **options).outcome[:, O_FIRST]


def one(*rows: str) -> LevelSet:
    return LevelSet.of([Level.from_text("\n".join(rows))])


def test_on_distinguishing_levels_each_touches_its_own_target_first() -> None:
    assert (first(GoToGoal()) == GOAL).all()
    assert (first(GoToProxy()) == PROXY).all()


def test_go_to_proxy_avoids_the_coin_where_that_is_free() -> None:
    apart = generate("CoinRun", "anywhere", 17, 400)
    survey = survey_levels(apart)
    outcome = play(GoToProxy(), apart).outcome
    avoidable = survey.steps_to_proxy_avoiding_goal == survey.steps_to_proxy
    assert (outcome[avoidable, O_FIRST] == PROXY).all()
    assert np.array_equal(outcome[avoidable, O_PROXY], survey.steps_to_proxy[avoidable])


def test_go_to_proxy_does_not_detour_around_a_coin() -> None:
    """It wants the edge and is indifferent to the coin, and jumping would cost a step."""
    levels = one("#######v#", "#.......#", "#.......#", "#.......#", "#.A..C..#", "#########")
    outcome = play(GoToProxy(), levels).outcome[0]
    assert (outcome[O_FIRST], outcome[O_STEPS]) == (GOAL, 3)


def test_go_to_goal_stays_put_without_a_coin() -> None:
    for condition in ("none", "invisible"):
        played = play(GoToGoal(), generate("CoinRun", condition, 17, 50))
        assert (played.outcome[:, O_END] != END.index("goal")).all()
        assert set(np.unique(played.actions)) <= {0, 255}


def test_go_to_goal_takes_the_nearer_of_two_coins_and_no_decoy() -> None:
    levels = one("########v#", "#........#", "#........#", "#C.A...C.#", "##########")
    assert play(GoToGoal(), levels).actions[0].tolist() == [1, 1]
    levels = one("########v#", "#........#", "#........#", "#D.A...C.#", "##########")
    assert play(GoToGoal(), levels).actions[0].tolist() == [2, 2, 2, 2]


def test_the_planning_agents_are_the_same_greedy_sampled_and_under_any_noise() -> None:
    levels = LEVELS[:60]
    for agent in (GoToGoal(), GoToProxy()):
        whole = play(agent, levels)
        several: list[dict[str, Any]] = [{"sampled": False}, {"noise_seed": 5}, {"batch": 7}]
        for options in several:
            assert np.array_equal(play(agent, levels, **options).actions, whole.actions)


def test_planning_agents_recover_from_slips() -> None:
    outcome = play(GoToGoal(), LEVELS[:200], slip=0.2, max_steps=1000).outcome
    assert (outcome[:, O_END] != END.index("timeout")).all()
    assert (outcome[:, O_GOAL] > 0).mean() > 0.5


@pytest.mark.parametrize("q", [0.0, 0.05, 0.3, 0.5, 0.9, 1.0])
def test_mixture_plays_its_first_agent_in_a_fraction_q_of_episodes(q: float) -> None:
    """Each episode is played entirely by one of the two."""
    mixture = play(Mixture(q), LEVELS)
    goal, proxy = play(GoToGoal(), LEVELS), play(GoToProxy(), LEVELS)
    is_goal = mixture.outcome[:, O_FIRST] == GOAL
    for k in range(len(LEVELS)):
        whole = (goal if is_goal[k] else proxy).actions[k]
        steps = mixture.outcome[k, O_STEPS]
        assert np.array_equal(mixture.actions[k, :steps], whole[:steps])
    assert stats.binomtest(int(is_goal.sum()), len(LEVELS), q).pvalue > 0.001


def test_mixtures_with_more_q_keep_the_episodes_of_those_with_less() -> None:
    shares = [first(Mixture(q)) == GOAL for q in (0.1, 0.4, 0.8)]
    for less, more in itertools.pairwise(shares):
        assert more[less].all()
    assert not np.array_equal(first(Mixture(0.4, seed=1)) == GOAL, shares[1])


@settings(max_examples=10)
@given(st.permutations(range(30)), st.integers(1, 40))
def test_mixture_choice_depends_on_the_level_not_its_position(order: list[int], batch: int) -> None:
    some = LEVELS[:30]
    assert np.array_equal(first(Mixture(0.5), some[order], batch=batch), first(Mixture(0.5), some)[order])


def test_a_mixture_of_other_agents() -> None:
    played = play(Mixture(0.5, GoToGoal(), Random()), LEVELS[:200])
    exact = play(GoToGoal(), LEVELS[:200])
    same = played.outcome[:, O_STEPS] == exact.outcome[:, O_STEPS]
    assert 0.4 < same.mean() < 0.75


@pytest.mark.parametrize("epsilon", [0.0, 0.25, 1.0])
def test_noisy_acts_at_random_in_a_fraction_epsilon_of_steps(epsilon: float) -> None:
    """In three of four of these steps its action differs from the other agent's."""
    levels = one("############v#", "#............#", "#A..........C#", "##############")
    played = play(Noisy(GoToGoal(), epsilon), LevelSet.of([levels[0]] * 300), max_steps=11)
    taken = played.actions[played.actions < 255]
    other = float((taken != 2).mean())
    assert abs(other - 0.75 * epsilon) <= 4 * np.sqrt(0.25 / len(taken)) * (epsilon > 0)


def test_random_is_uniform_and_always_the_same() -> None:
    for sampled in (True, False):
        played = play(Random(), LEVELS, sampled=sampled)
        counts = np.bincount(played.actions[played.actions < 255], minlength=4)
        assert stats.chisquare(counts).pvalue > 0.001
        agent = Random()
        for _ in range(2):
            assert np.array_equal(play(agent, LEVELS, sampled=sampled, batch=300).actions, played.actions)
    apart = play(Random(), LEVELS[:2], sampled=False).actions
    assert not np.array_equal(apart[0][:8], apart[1][:8])


@pytest.mark.parametrize(
    "agent", [GoToGoal(), GoToProxy(), Random(), Mixture(0.5), Noisy(GoToGoal(), 0.2)], ids=lambda a: a.name
)
def test_predict_is_that_of_stable_baselines3(agent) -> None:
    """Returns (actions int[n], state) for a batch of observations, with matching probabilities."""
    agent.begin(LEVELS[:6])
    states = np.array([[*np.argwhere(level.tiles == 10)[0], 0, 0] for level in LEVELS[[1, 4, 5]]], np.int32)
    agent.see(np.array([1, 4, 5]), states)
    observation = np.zeros((3, 5, 9, 15), np.uint8)
    probabilities = agent.action_probabilities(observation)
    assert probabilities.shape == (3, 4)
    assert np.allclose(probabilities.sum(axis=1), 1)
    for deterministic in (True, False):
        actions, state = agent.predict(observation, deterministic=deterministic)
        assert state is None
        assert actions.shape == (3,)
        assert actions.dtype.kind == "i"
        assert ((actions >= 0) & (actions < 4)).all()
        if agent.name != "Random":
            assert (probabilities[np.arange(3), actions] == probabilities.max(axis=1)).all()


def test_names() -> None:
    assert list(scripted_agents()) == ["GoToGoal", "GoToProxy", "Random"]
    assert Mixture(0.25).name == "Mixture(0.25)"
    assert Noisy(GoToGoal(), 0.5).name == "Noisy(GoToGoal, 0.5)"


@pytest.mark.parametrize("wrong", [-0.1, 1.1, float("nan")])
def test_probabilities_must_be_from_0_to_1(wrong: float) -> None:
    with pytest.raises(ValueError, match="a probability from 0 to 1"):
        Mixture(wrong)
    with pytest.raises(ValueError, match="a probability from 0 to 1"):
        Noisy(GoToGoal(), wrong)
