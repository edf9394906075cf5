"""Replay methods: scores against hand-computed cases and brute force, episodes only on chosen levels, children that are what they claim."""

from hashlib import sha256
from typing import Any

import numpy as np
import pytest
from fixtures.tasks import small_task

from goalposts.agents import BudgetExceeded, method_named
from goalposts.agents.methods.replay.accel import ACCEL, ACCELSampler
from goalposts.agents.methods.replay.plr import PLR, PLRSampler
from goalposts.agents.methods.replay.return_scores import EpisodeReturns, ReturnScores, maximum_returns
from goalposts.agents.methods.replay.sfl import SFL, SFLSampler
from goalposts.agents.methods.task import TaskError
from goalposts.envs import Level, LevelSet, generate, solve
from goalposts.envs.engine.level_stream import LevelStream
from goalposts.envs.planner.planner import survey_levels
from goalposts.envs.worlds.contract.world import DEATH, DONE, GOAL
from goalposts.envs.worlds.registry import get_world
from goalposts.experiments import load_config
from goalposts.registration import WORLDS

# Scores


def returns_of(*episodes: tuple[int, float]) -> Any:
    found = EpisodeReturns()
    levels, returns = zip(*episodes, strict=True)
    found.add(np.array(levels), np.array(returns))
    return found.take()


def scored(kind: str, *episodes: tuple[int, float]) -> dict[int, float]:
    pool = generate("CoinRun", "edge", 0, 10, split="train")
    found = returns_of(*episodes)
    scores = ReturnScores(kind, pool, None, True, 0).scores(pool, found)
    return dict(zip(found.ids.tolist(), scores.tolist(), strict=True))


EPISODES = ((4, 1.0), (4, 0.0), (4, 0.0), (4, 0.0), (7, 0.0), (7, 0.0), (2, 1.0))


def test_regret_is_the_planners_optimum_minus_the_mean_return() -> None:
    assert scored("regret", *EPISODES) == {2: 0.0, 4: 0.75, 7: 1.0}


def test_the_max_return_estimate_sees_no_regret_where_the_goal_was_never_reached() -> None:
    assert scored("max_return", *EPISODES) == {2: 0.0, 4: 0.75, 7: 0.0}


def test_the_highest_return_is_remembered() -> None:
    pool = generate("CoinRun", "edge", 0, 10, split="train")
    scores = ReturnScores("max_return", pool, None, True, 0)
    assert scores.scores(pool, returns_of((4, 1.0))).tolist() == [0.0]
    assert scores.scores(pool, returns_of((4, 0.0))).tolist() == [1.0]


def test_learnability_gives_levels_that_always_fail_no_weight() -> None:
    assert scored("learnability", *EPISODES) == {2: 0.0, 4: 0.25 * 0.75, 7: 0.0}


def test_shuffled_scores_are_the_regrets_of_other_levels() -> None:
    episodes = [(k, float(k % 2)) for k in range(10)]
    found, exact = scored("shuffled", *episodes), scored("regret", *episodes)
    assert sorted(found.values()) == sorted(exact.values())
    assert found != exact


def best_return(world: Any, level: Level, steps: int) -> float:
    """The highest number of rewards within some steps, by trying every sequence of actions, without the planner."""
    tiles = np.array(level.tiles)
    facts, _ = world.read(tiles)
    start = np.zeros(world.n_state, np.int32)
    world.rules["start"](facts, start)
    effects: dict[tuple[int, ...], list[tuple[tuple[int, ...], int]]] = {}
    known: dict[tuple[tuple[int, ...], int], float] = {}

    def effects_of(state: tuple[int, ...]) -> list[tuple[tuple[int, ...], int]]:
        if state not in effects:
            effects[state] = []
            for action in range(len(world.actions)):
                after = np.array(state, np.int32)
                event = int(world.rules["step"](tiles, facts, after, action))
                effects[state].append((tuple(after.tolist()), event))
        return effects[state]

    def best(state: tuple[int, ...], left: int) -> float:
        if not left:
            return 0.0
        if (state, left) not in known:
            found = []
            for after, event in effects_of(state):
                if event & DEATH:
                    found.append(0.0)
                else:
                    found.append(bool(event & GOAL) + (0.0 if event & DONE else best(after, left - 1)))
            known[state, left] = max(found)
        return known[state, left]

    return best(tuple(start.tolist()), steps)


@pytest.mark.slow
@pytest.mark.parametrize("name", list(WORLDS))
def test_the_optimum_of_exact_regret_is_that_of_every_sequence_of_actions(name: str) -> None:
    """On 30 levels of each of the seven worlds, in so few steps that some goals are out of reach."""
    world = get_world(name)
    levels = generate(name, "mixture(0.5)", 9, 30)
    for steps in (5, 9):
        planned = maximum_returns(levels, steps)
        assert planned.tolist() == [best_return(world, level, steps) for level in levels]
        assert name == "Overseer" or 0 < planned.mean() < planned.max()


def test_the_choices_of_plr_with_its_defaults_are_those_of_adb767d() -> None:
    made, draws, found = PLRSampler(PLR(buffer=40), 7), np.random.default_rng(1), sha256()
    made.begin(range(100), 8)  # type: ignore[arg-type]
    for _ in range(60):
        chosen = made.choose(np.arange(8))
        found.update(chosen.astype(np.int64).tobytes())
        made.update(chosen, np.round(draws.random(8), 1))
        found.update(made._scores.tobytes())
    assert found.hexdigest()[:16] == "ee6d509642f9644c"
    with_defaults = load_config("coinrun/edge", ["method=plr"])
    assert with_defaults.hash() == "7231a19fc51551d77861c306782493c38f4491c80bff4e95a2c4c352f0b47f51"


def test_equal_scores_share_their_weight() -> None:
    sampler = PLRSampler(PLR(score="regret", replay=1.0, staleness=0.0), 0, small_task())
    sampler.begin(generate("CoinRun", "edge", 0, 50), 4)
    sampler.update(np.arange(10), np.array([1.0, 1.0, 0, 0, 0, 0, 0, 0, 0, 0]))
    counts = np.bincount(sampler.choose(np.arange(4000)), minlength=10) / 4000
    assert np.allclose(counts[:2], 0.5, atol=0.05)


def test_a_cut_episode_counts_once_it_has_used_half_of_its_limit() -> None:
    env = small_task(condition="edge").vec_env(3)
    env.reset()
    engine = env.stream.engine
    engine.outcome[:, 2] = [engine.limits[0] // 2, engine.limits[1] // 2 - 1, 0]
    engine.outcome[:, 7] = [5, 6, 7]
    found = EpisodeReturns()
    found.add_cut(engine)
    assert found.take().ids.tolist() == [5]


def test_regret_is_refused_where_the_goal_is_not_rewarded() -> None:
    task = small_task()
    task.rewards = "proxy"
    with pytest.raises(
        TaskError, match=r"score=regret is defined for the intended reward.*positive or absolute"
    ):
        method_named("plr", {"score": "regret"}).train(task, 0)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("plr", {"score": "x"}),
        ("accel", {"edits": "some"}),
        ("sfl", {"share": 1.5}),
        ("accel", {"changes": 0}),
    ],
)
def test_options_out_of_range_are_refused(name: str, options: dict[str, Any]) -> None:
    with pytest.raises(Exception, match="must be"):
        method_named(name, options)


# SFL


def sfl(**options: Any) -> SFLSampler:
    made = SFLSampler(SFL(**{"every": 2, "scoring": 1, "candidates": 10, **options}), 0)
    made.begin(range(100), 4)  # type: ignore[arg-type]
    return made


def test_sfl_keeps_the_best_fifth_and_none_that_always_fail() -> None:
    made = sfl()
    made.keep(np.arange(10), np.array([0, 0.1, 0.25, 0, 0, 0.2, 0, 0, 0, 0]))
    assert made.kept.tolist() == [2, 5]
    made.keep(np.arange(10), np.zeros(10))
    assert made.kept.tolist() == []


def test_sfl_alternates_between_scoring_and_learning() -> None:
    made = sfl()
    kinds = []
    for _ in range(9):
        kinds.append((made.replaying, made.restarting))
        chosen = made.choose(np.arange(4))
        assert set(chosen) <= set(made.candidates.levels) or made.replaying
        if not made.replaying:
            made.ended(np.arange(4), chosen, np.array([1.0, 0.0, 0.0, 1.0]), np.zeros((4, 8)))
        engine = small_engine()
        made.rollout_ended(engine, np.zeros((1, 4)), None)
    assert [learns for learns, _ in kinds] == [False, True, True] * 3
    assert [restarts for _, restarts in kinds] == [False, True, False] + [True, True, False] * 2


def small_engine() -> Any:
    env = small_task().vec_env(4)
    env.reset()
    return env.stream.engine


def test_half_of_the_environments_play_kept_levels() -> None:
    made = sfl()
    made.replaying, made.kept = True, np.array([3])
    assert made.choose(np.array([0, 1])).tolist() == [3, 3]
    assert len({*made.choose(np.arange(2, 4)), 3}) == 3


# ACCEL


METHODS: list[tuple[str, dict[str, Any]]] = [
    ("plr", {"score": "regret"}),
    ("plr", {"score": "max_return"}),
    ("plr", {}),
    ("sfl", {"every": 2, "scoring": 1, "candidates": 20}),
    ("accel", {}),
    ("accel", {"edits": "free"}),
]


@pytest.mark.parametrize(("name", "options"), METHODS)
def test_every_episode_is_on_a_level_that_the_sampler_chose(
    name: str, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No silent reset to another level: the text of each level that runs is that of a choice for its slot, in order."""
    chosen: list[list[str]] = [[] for _ in range(16)]
    running: list[list[str]] = [[] for _ in range(16)]
    for kind in (PLRSampler, SFLSampler, ACCELSampler):

        def choose(self: Any, slots: np.ndarray, original: Any = kind.choose) -> np.ndarray:
            found = original(self, slots)
            for slot, k in zip(slots, found, strict=True):
                chosen[slot].append(self.stream.engine.pool[int(k)].level_hash)
            return found

        if name != "accel" or kind is ACCELSampler:  # which calls that of PLR
            monkeypatch.setattr(kind, "choose", choose)
    step = LevelStream.step

    def watched(stream: LevelStream, actions: np.ndarray) -> Any:
        for slot in range(stream.engine.n):
            if stream.engine.outcome[slot, 2] == 0:
                running[slot].append(stream.level(slot).level_hash)
        return step(stream, actions)

    monkeypatch.setattr(LevelStream, "step", watched)
    set_up = LevelStream.__init__

    def made(self: Any, *args: Any, **more: Any) -> None:
        if more.get("sampler") is not None:
            more["sampler"].stream = self
        set_up(self, *args, **more)

    monkeypatch.setattr(LevelStream, "__init__", made)
    task = small_task(world="Corner", condition="mixture(0.3)", labels=3)
    method_named(name, options).train(task, 3)
    for slot in range(16):
        left = iter(chosen[slot])
        assert all(level in left for level in running[slot])  # in order; a reset skips the level chosen ahead
    assert sum(map(len, running)) > 60


@pytest.mark.parametrize(
    "name", ["CoinRun", *[pytest.param(n, marks=pytest.mark.slow) for n in WORLDS if n != "CoinRun"]]
)
@pytest.mark.parametrize("edits", ["identity", "free"])
def test_children_are_what_they_claim(name: str, edits: str) -> None:
    """Identity-preserving ones never change the kind; new distinguishing ones cost labels, which are refused when spent."""
    task = small_task(world=name, condition="mixture(0.3)", labels=2, num_levels=60)
    sampler = ACCELSampler(ACCEL(edits=edits, replay=1.0), 0, task)
    env = task.vec_env(8, sampler=sampler)
    sampler.env = env
    env.reset()
    pool = env.stream.engine.pool
    sampler.update(np.arange(40), np.linspace(0, 1, 40))
    sampler._cumulated = np.linspace(0.025, 1, 40)  # all parents alike
    made, kinds = 0, []
    extend = task.extend

    def watched(env: Any, levels: LevelSet, parents: np.ndarray) -> np.ndarray:
        both = (levels, env.stream.engine.pool[parents])
        kinds.append([survey_levels(one).distinguishing for one in both])
        return extend(env, levels, parents)

    task.extend = watched  # type: ignore[method-assign]
    for _ in range(3):
        made += len(sampler._evolve(env.stream.engine.pool))
    after = env.stream.engine.pool
    assert after[: len(pool)] == pool
    assert len(after) == len(pool) + made
    assert made  # few where most free edits cost labels
    for level in after[len(pool) :]:
        level.validate()
        plan = solve(level)
        assert plan.solvable
        assert int(level.layout_hash, 16) % 2 == 0  # a training layout
    created = sum(int((own & ~of_parent).sum()) for own, of_parent in kinds)
    if edits == "identity":
        assert all((own == of_parent).all() for own, of_parent in kinds)
        assert task.labels.spent == 0
    assert created <= task.labels.spent <= 2


def test_an_edit_that_creates_a_distinguishing_level_costs_a_label_and_is_refused_without_one() -> None:
    task = small_task(world="Corner", condition="mixture(0)", labels=1)
    env = task.vec_env(4, sampler=PLRSampler(PLR(), 0))
    parent = env.stream.engine.pool[0]
    tiles = np.array(parent.tiles)
    tiles[tiles == 3] = 0
    empty = [cell for cell in np.argwhere(tiles == 0) if tuple(cell) != (1, tiles.shape[1] - 2)]
    moved = []
    for row, col in empty:
        other = tiles.copy()
        other[row, col] = 3
        level = Level("Corner", other)
        if solve(level).distinguishing:
            moved.append(level)
    made = LevelSet.of([parent, *moved[:2]])
    padded = np.zeros((3, *env.stream.engine.pool.tiles.shape[1:]), np.uint8)
    padded[:, : made.tiles.shape[1], : made.tiles.shape[2]] = made.tiles
    made = LevelSet("Corner", padded, made.sizes, made.index)
    assert task.kinds_of(env, made, np.zeros(3, np.int64)).costs.tolist() == [False, True, True]
    first = task.extend(env, made[[0, 1]], np.zeros(2, np.int64))
    assert task.labels.spent == 1
    # a child of that level with the goal in the same place is free, with the goal elsewhere it is not
    rows, cols = made.sizes[1]
    opened = padded[1].copy()
    for row, col in np.argwhere(padded[1] == 1):
        opened = padded[1].copy()
        opened[row, col] = 0
        inside = 0 < row < rows - 1 and 0 < col < cols - 1
        if inside and solve(Level("Corner", opened[:rows, :cols])).distinguishing:
            break
    same = LevelSet("Corner", opened[None], made.sizes[[1]], made.index[[1]])
    kinds = task.kinds_of(env, same, first[[1]])
    assert (kinds.distinguishing.tolist(), kinds.costs.tolist()) == ([True], [False])
    with pytest.raises(BudgetExceeded, match="more labels"):
        task.extend(env, made[[2]], first[[1]])
    assert len(env.stream.engine.pool) == 102
