"""Rollouts: one complete episode per level, action noise keyed by level, invalid actions refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goalposts.agents import GoToGoal, GoToProxy, Noisy, Random, play
from goalposts.agents.rollout import (
    LOOPS,
    LOOPS_NOT,
    UNDECIDED,
    SeesState,
    TellsProbabilities,
    first_observations,
)
from goalposts.envs import Engine, Level, LevelSet, generate, get_world
from goalposts.envs.engine.engine import ActionError
from goalposts.envs.engine.outcome import END, O_END, O_GOAL, O_STEPS
from goalposts.errors import UserError

LEVELS = generate("CoinRun", "off_path", 13, 40)
HALL = Level.from_text("############v#\n#............#\n#A...........#\n##############")


class Always:
    """An untrusted agent with only `predict`, which records its observations."""

    def __init__(self, answer) -> None:
        self.answer, self.shown, self.greedy = answer, [], []

    def predict(self, observation, deterministic=False):
        self.shown.append(observation)
        self.greedy.append(deterministic)
        return self.answer(len(observation)), None


class Probabilities(Always):
    """An untrusted agent with action probabilities."""

    def __init__(self, row) -> None:
        super().__init__(lambda n: pytest.fail("predict was asked"))
        self.row = row

    def action_probabilities(self, observation):
        return np.tile(np.asarray(self.row, float), (len(observation), 1))


def right(n: int) -> np.ndarray:
    return np.full(n, 2)


def test_every_level_is_played_once_to_its_end() -> None:
    played = play(Random(), LEVELS, batch=7)
    assert len(played.outcome) == len(played.returns) == len(played.actions) == 40
    assert (played.outcome[:, O_END] > 0).all()
    assert set(np.unique(played.returns)) <= {0.0, 1.0}
    assert np.array_equal(played.returns == 1, played.outcome[:, O_END] == END.index("goal"))
    for actions, row in zip(played.actions, played.outcome, strict=True):
        assert (actions[: row[O_STEPS]] < 4).all()
        assert (actions[row[O_STEPS] :] == 255).all()


def test_a_timeout_is_an_end_like_any_other() -> None:
    played = play(Always(lambda n: np.zeros(n, int)), LevelSet.of([HALL]))
    assert (played.outcome[0, O_END], played.outcome[0, O_STEPS]) == (END.index("timeout"), 4 * 14)
    played = play(Always(lambda n: np.zeros(n, int)), LEVELS, max_steps=3)
    assert (played.outcome[:, O_STEPS] <= 3).all()


@pytest.mark.parametrize("slip", [0.0, 0.4])
def test_the_actions_played_again_give_the_same_episode(slip: float) -> None:
    played = play(Noisy(GoToGoal(), 0.3), LEVELS, slip=slip)
    engine = Engine(get_world("CoinRun"), 1, LEVELS)
    for k, (actions, row) in enumerate(zip(played.actions, played.outcome, strict=True)):
        engine.load(0, k)
        for action in actions[: row[O_STEPS]]:
            engine.step_active(np.array([action], np.int64), np.array([True]))
        assert np.array_equal(engine.outcome[0, :7], row[:7])


@settings(max_examples=10)
@given(
    batch=st.integers(1, 60),
    order=st.permutations(range(40)),
    sampled=st.booleans(),
    slip=st.sampled_from([0.0, 0.2]),
)
def test_neither_batch_nor_order_changes_an_episode(
    batch: int, order: list[int], sampled: bool, slip: float
) -> None:
    agent = Noisy(GoToGoal(), 0.4)
    whole = play(agent, LEVELS, sampled=sampled, slip=slip)
    parts = play(agent, LEVELS[order], sampled=sampled, slip=slip, batch=batch)
    assert np.array_equal(parts.outcome[:, :7], whole.outcome[order][:, :7])
    width = parts.actions.shape[1]
    assert np.array_equal(parts.actions, whole.actions[order][:, :width])


def test_levels_without_a_number_are_numbered_by_their_place() -> None:
    """Regression: numbering restarted in each batch, so the action noise depended on the batch size."""
    levels = LevelSet.of(list(LEVELS))
    whole = play(Noisy(GoToGoal(), 0.5), levels)
    assert np.array_equal(play(Noisy(GoToGoal(), 0.5), levels, batch=6).actions, whole.actions)
    same = play(Random(), LevelSet.of([HALL] * 20), max_steps=10, batch=10)
    assert len(np.unique(same.actions, axis=0)) == 20


def test_action_noise_is_keyed_by_level_and_paired_over_conditions() -> None:
    """Equal probabilities meet equal noise on the same layout wherever the coin is; another noise seed gives other noise."""
    agent = Noisy(Random(), 0.0)
    away, gone = (generate("CoinRun", c, 13, 40) for c in ("off_path", "none"))
    one, other = play(agent, away, max_steps=8), play(agent, gone, max_steps=8)
    shared = np.minimum(one.outcome[:, O_STEPS], other.outcome[:, O_STEPS])
    for a, b, n in zip(one.actions, other.actions, shared, strict=True):
        assert np.array_equal(a[:n], b[:n])
    again = play(agent, away, max_steps=8, noise_seed=1)
    assert not np.array_equal(again.actions, one.actions)


@pytest.mark.parametrize(
    "probabilities", [(0.1, 0.2, 0.3, 0.4), (0.0, 0.0, 1.0, 0.0), (1.0, 0.0, 0.0, 0.0), (2.0, 0.0, 0.0, 6.0)]
)
def test_actions_are_drawn_with_their_probabilities(probabilities: tuple[float, ...]) -> None:
    """Also if they do not sum to 1; actions with probability 0 are never drawn."""
    levels = LevelSet.of([HALL] * 500)
    played = play(Probabilities(probabilities), levels, max_steps=10)
    drawn = played.actions[played.actions < 255]
    shares = np.bincount(drawn, minlength=4) / len(drawn)
    expected = np.array(probabilities) / sum(probabilities)
    assert (shares[expected == 0] == 0).all()
    assert np.abs(shares - expected).max() < 4 * np.sqrt(0.25 / len(drawn))
    successive = played.actions[:, :2].astype(int)  # and independently from step to step
    if len(set(probabilities)) == 4:
        table = np.histogram2d(*successive.T, bins=[range(5), range(5)])[0] / len(successive)
        assert np.abs(table - np.outer(expected, expected)).max() < 0.08


def test_greedy_uses_predict_and_sampled_uses_probabilities() -> None:
    agent = Always(right)
    play(agent, LEVELS[:3], sampled=False)
    assert set(agent.greedy) == {True}
    agent = Always(right)
    play(agent, LEVELS[:3])
    assert set(agent.greedy) == {False}
    play(Probabilities((0, 0, 1, 0)), LEVELS[:3])
    greedy = Probabilities((0, 0, 1, 0))
    greedy.answer = right
    play(greedy, LEVELS[:3], sampled=False)
    assert greedy.shown


def test_untrusted_agent_sees_only_observations() -> None:
    for observation, shape in (("view", (5, 9, 15)), ("full", (5, 12, 24)), ("rgb", (64, 64, 3))):
        agent = Always(right)
        play(agent, LEVELS[:4], observation, max_steps=3)
        assert agent.shown[0].shape == (4, *shape)
        assert agent.shown[0].dtype == np.uint8
        assert not isinstance(agent, SeesState | TellsProbabilities)


def test_ended_episodes_need_no_actions() -> None:
    agent = Always(right)
    played = play(agent, LEVELS[:20])
    counts = [len(shown) for shown in agent.shown]
    assert counts == [(played.outcome[:, O_STEPS] > t).sum() for t in range(len(counts))]


def test_what_an_agent_sees_is_what_the_environment_shows() -> None:
    from goalposts.envs.gymnasium_envs import GoalpostsEnv

    for observation in ("view", "full", "rgb"):
        agent = Always(right)
        play(agent, LEVELS[:1], observation, max_steps=4)
        env = GoalpostsEnv(observation=observation, condition="off_path")
        seen, _ = env.reset(options={"level": LEVELS[0]})
        for shown in agent.shown:
            assert np.array_equal(shown[0], seen)
            seen = env.step(2)[0]


def test_an_observation_that_is_written_into_changes_nothing() -> None:
    class Vandal(Always):
        def predict(self, observation, deterministic=False):
            observation[:] = 1
            return right(len(observation)), None

    assert np.array_equal(play(Vandal(None), LEVELS).actions, play(Always(right), LEVELS).actions)


def test_slip_changes_its_fraction_of_actions_and_is_paired() -> None:
    levels = LevelSet.of([HALL] * 400)
    for slip in (0.0, 0.3, 1.0):
        played = play(Always(lambda n: np.ones(n, int)), levels, max_steps=10, slip=slip)
        done = played.actions[played.actions < 255]
        share = (done != 1).mean()
        assert abs(share - 0.75 * slip) < 4 * np.sqrt(0.25 / len(done)) * (slip > 0) + 1e-9
        again = play(Always(lambda n: np.ones(n, int)), levels, max_steps=10, slip=slip, batch=90)
        assert np.array_equal(again.actions, played.actions)


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        (Always(lambda n: np.zeros(1, int)), "one for each of the 3 levels"),
        (Always(lambda n: np.zeros(n + 1, int)), "one for each of the 3 levels"),
        (Always(lambda n: np.full(n, 4)), "must be from 0 to 3"),
        (Always(lambda n: np.full(n, -1)), "must be from 0 to 3"),
        (Probabilities((0.5, 0.5)), r"of shape \(3, 2\); must be \(3, 4\)"),
        (Probabilities((0.5, float("nan"), 0, 0)), "negative, not finite, or all 0"),
        (Probabilities((0.5, -0.1, 0.3, 0.3)), "negative, not finite, or all 0"),
        (Probabilities((0, 0, 0, 0)), "or all 0"),
    ],
)
def test_invalid_answers_of_an_agent_are_refused(agent: Always, words: str) -> None:
    """Regression: a single answer was broadcast to all levels, and invalid probabilities chose the last action."""
    with pytest.raises(ActionError, match=words) as caught:
        play(agent, LEVELS[:3])
    assert isinstance(caught.value, UserError)


def test_the_steps_to_the_goal_are_those_taken() -> None:
    played = play(GoToGoal(), LEVELS)
    assert np.array_equal(played.outcome[:, O_GOAL], played.outcome[:, O_STEPS])


# ── loops of greedy play ──


class Memoryless:
    """Goes by a table from the agent's column; `remembers` as given."""

    def __init__(self, moves: dict[int, int], remembers: bool = False) -> None:
        self.moves, self.remembers = moves, remembers

    def begin(self, levels: LevelSet) -> None: ...

    def see(self, which: np.ndarray, states: np.ndarray) -> None:
        self._columns = states[:, 1]

    def predict(self, observation, deterministic=False):
        return np.array([self.moves.get(int(c), 0) for c in self._columns]), None


def looped(agent, **about) -> int | None:
    levels = LevelSet.of([HALL])
    found = play(agent, levels, sampled=False, **about).looped
    return None if found is None else int(found[0])


def test_a_greedy_episode_that_comes_back_to_a_state_loops() -> None:
    assert looped(Memoryless({1: 2, 2: 1})) == LOOPS  # to and fro
    assert looped(Memoryless({})) == LOOPS  # stays
    assert looped(Memoryless({1: 3})) == LOOPS  # jumps on the spot


def test_what_cannot_be_proved_is_left_undecided() -> None:
    assert looped(Memoryless({}, remembers=True)) == UNDECIDED
    assert looped(Random()) in (UNDECIDED, LOOPS_NOT)
    assert looped(Memoryless({}), slip=0.5) is None
    levels = LevelSet.of([HALL])
    assert play(Memoryless({}), levels, sampled=True).looped is None


def test_an_agent_that_acts_differently_in_one_state_has_a_memory() -> None:
    class Twofold(Memoryless):
        steps = 0

        def predict(self, observation, deterministic=False):
            self.steps += 1
            return np.array([1 if self.steps % 3 == 0 else 0]), None

    assert looped(Twofold({})) == UNDECIDED


def test_from_pixels_the_side_that_the_sprite_faces_belongs_to_the_state() -> None:
    """An agent at a wall that turns to it and back again acts differently in one place, and has no memory."""

    class TurnsAtTheWall:
        def __init__(self, first: np.ndarray) -> None:
            self.first = first

        def predict(self, observation, deterministic=False):
            return np.array([1 if np.array_equal(image, self.first) else 0 for image in observation]), None

    levels = LevelSet.of([HALL])
    agent = TurnsAtTheWall(first_observations(levels, "rgb")[0])
    played = play(agent, levels, "rgb", sampled=False)
    assert {*played.actions[0, :4].tolist()} == {0, 1}
    assert played.looped is not None
    assert played.looped[0] == LOOPS


def test_reaching_the_proxy_is_no_loop() -> None:
    assert looped(GoToProxy()) == LOOPS_NOT
