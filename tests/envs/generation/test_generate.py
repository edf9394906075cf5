"""The level generator: pure, reproducible, with shared and split layouts, correct placements, always solvable.

`pytest tests/envs/generation/test_generate.py --update-golden` regenerates the golden hashes; a change there means that every
level index of every seed became a different level, and that old results cannot be reproduced.
"""

import json
import subprocess
import sys
from functools import cache

import numpy as np
import pytest
from fixtures.places import GOLDEN as FILES
from fixtures.slow_coinrun import SlowCoinRun
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from goalposts.envs import (
    LevelError,
    LevelSet,
    generate,
    generate_at,
    get_world,
    leakage,
    solve,
    split_of,
    survey_levels,
)
from goalposts.envs.generation import generate as generator
from goalposts.envs.worlds.contract.condition_names import ConditionError
from goalposts.envs.worlds.contract.world import Condition

GOLDEN = FILES / "level_hashes.json"
EVERY = (
    "edge",
    "edge_held_out",
    "off_path",
    "anywhere",
    "left",
    "right_fraction(0.2)",
    "mixture(0.1)",
    "none",
    "invisible",
    "mirrored",
    "longer",
    "no_wall",
    "two_coins",
    "decoy",
    "edge_no_wall",
)
PLACEMENTS = ("edge", "edge_held_out", "anywhere", "off_path", "left", "right_fraction(0.2)", "mixture(0.01)")
PAIRED = tuple(c for c in EVERY if c not in ("edge", "mirrored", "longer", "no_wall", "edge_no_wall"))
COIN, COIN_HIDDEN, DECOY = 11, 12, 13


@cache
def some(condition: str, count: int = 400, split=None, seed: int = 61) -> LevelSet:
    return generate("CoinRun", condition, seed, count, split=split)


def places(levels: LevelSet, code: int = COIN) -> list[list[tuple[int, int]]]:
    """Cells of a code, level by level."""
    return [[(int(r), int(c)) for r, c in np.argwhere(level.tiles == code)] for level in levels]


# One function of (condition, seed, index)


@pytest.mark.parametrize("world", ["CoinRun", "Shields", "Beacon"])
def test_levels_do_not_depend_on_the_initial_search_room(world: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both placement methods request more room when a level needs it, and continue from that level."""
    usual = generate(world, get_world(world).default_condition("shift"), 62, 40)
    monkeypatch.setattr(generator, "USUAL_ROOM", 1)
    little = generate(world, get_world(world).default_condition("shift"), 62, 40)
    assert (usual.tiles == little.tiles).all()
    assert (usual.sizes == little.sizes).all()


@given(
    st.sampled_from(EVERY), st.integers(0, 2**63 - 1), st.lists(st.integers(0, 2**40), min_size=1, max_size=6)
)
def test_level_depends_only_on_condition_seed_and_index(condition: str, seed: int, index: list[int]) -> None:
    together = generate_at("CoinRun", condition, seed, index)
    assert together.index.tolist() == index
    for k, level in reversed(list(zip(index, together, strict=True))):
        assert generate("CoinRun", condition, seed, 1, first=k)[0] == level


@pytest.mark.parametrize("condition", EVERY)
def test_batches_and_order_do_not_matter(condition: str) -> None:
    whole = some(condition)
    parts = [
        generate("CoinRun", condition, 61, n, first=first) for first, n in ((0, 1), (1, 250), (251, 149))
    ]
    assert np.array_equal(np.concatenate([part.tiles for part in parts]), whole.tiles)
    order = np.random.default_rng(1).permutation(400)
    assert generate_at("CoinRun", condition, 61, order) == whole[order]


def test_another_process_makes_the_same_levels() -> None:
    code = (
        "import sys, goalposts.envs as e\n"
        "e.generate('CoinRun', 'longer', 1, 3)\n"
        "for c in sys.argv[1:]: print(c, *e.generate_at('CoinRun', c, 61, [5, 3, 399]).level_hashes())"
    )
    done = subprocess.run([sys.executable, "-c", code, *EVERY], capture_output=True, text=True, check=True)
    told = {line.split()[0]: line.split()[1:] for line in done.stdout.splitlines()}
    assert told == {c: some(c)[[5, 3, 399]].level_hashes() for c in EVERY}


def test_golden_hashes(update_golden: bool) -> None:
    now = {c: generate_at("CoinRun", c, 2026, [0, 1, 2, 10**6, 2**40 - 1]).level_hashes() for c in EVERY}
    if update_golden:
        GOLDEN.write_text(json.dumps(now, indent=1) + "\n")
    assert now == json.loads(GOLDEN.read_text())


def test_seeds_differ() -> None:
    assert len({some("edge", 1, seed=s)[0].layout_hash for s in range(50)}) > 40
    assert some("edge") != some("edge", seed=62)


# Layouts: shared between conditions, split by content


def test_conditions_with_equal_layout_params_share_layouts() -> None:
    shared = some("off_path").layout_hashes()
    for condition in PAIRED:
        assert some(condition).layout_hashes() == shared, condition
    assert some("anywhere", split="train").layout_hashes() == some("edge").layout_hashes()


@pytest.mark.parametrize("condition", EVERY)
def test_every_layout_belongs_to_its_split(condition: str) -> None:
    levels = some(condition)
    wanted = "train" if condition == "edge" else "test"
    assert levels.split == wanted
    assert {split_of(h) for h in levels.layout_hashes()} == {wanted}
    for split in ("train", "test"):
        assert {split_of(h) for h in some(condition, 50, split).layout_hashes()} == {split}


def test_nothing_leaks_from_train_to_test() -> None:
    train = some("edge", 5000)
    for condition in ("edge_held_out", "off_path", "mirrored", "no_wall"):
        assert leakage(some(condition, 3000, seed=3), train) == 0
    assert leakage(train, train) == 1
    known = some("edge", 10)
    mixed = LevelSet.of([*known, *some("edge_held_out", 30)])
    assert leakage(mixed, train) == 0.25


def test_there_are_many_layouts() -> None:
    assert len(set(some("edge", 5000).layout_hashes())) > 3000


@pytest.mark.slow
def test_a_hundred_thousand_levels_have_tens_of_thousands_of_layouts() -> None:
    train = set(generate("CoinRun", "edge", 67, 100_000).layout_hashes())
    test = set(generate("CoinRun", "off_path", 67, 100_000).layout_hashes())
    assert not train & test
    assert len(train) > 40_000
    assert len(test) > 40_000


# Placements


def edge_of(level) -> int:
    return SlowCoinRun(level.to_text()).edge


def spawn_of(level) -> tuple[int, int]:
    return SlowCoinRun(level.to_text()).spawn


@pytest.mark.parametrize("condition", ["edge", "edge_held_out", "mirrored"])
def test_edge_is_on_the_ground_of_the_edge_column(condition: str) -> None:
    for level, cells in zip(some(condition), places(some(condition)), strict=True):
        ((row, col),) = cells
        assert col == edge_of(level)
        assert SlowCoinRun(level.to_text()).solid(row + 1, col)
        assert (col > spawn_of(level)[1]) == (condition != "mirrored")


def test_off_path_levels_are_distinguishing_with_the_coin_before_the_edge() -> None:
    for condition in ("off_path", "longer", "no_wall", "invisible"):
        levels = some(condition, 200)
        assert survey_levels(levels).distinguishing.all()
        code = COIN_HIDDEN if condition == "invisible" else COIN
        for level, cells in zip(levels, places(levels, code), strict=True):
            assert [col < edge_of(level) for _, col in cells] == [True]


def test_left_is_behind_the_spawn() -> None:
    for level, cells in zip(some("left"), places(some("left")), strict=True):
        ((_, col),) = cells
        assert col < spawn_of(level)[1]


@pytest.mark.parametrize("f", [0.0, 0.1, 0.5, 1.0])
def test_right_fraction_stays_in_its_fraction_of_the_level(f: float) -> None:
    name = f"right_fraction({f:g})"
    reached = []
    for level, cells in zip(some(name), places(some(name)), strict=True):
        ((_, col),) = cells
        edge, spawn = edge_of(level), spawn_of(level)[1]
        assert edge - f * (edge - spawn) <= col <= edge
        reached.append((edge - col) / (edge - spawn))
    assert max(reached) > f - 0.15  # and covers it


def test_none_has_no_coin() -> None:
    for level in some("none"):
        assert level == level.layout


def test_the_probes_are_the_shifts_with_something_changed() -> None:
    away, edge = places(some("off_path")), places(some("edge_held_out"))
    assert places(some("invisible"), COIN_HIDDEN) == away
    assert not any(places(some("invisible")))
    assert places(some("two_coins")) == [sorted([a[0], b[0]]) for a, b in zip(away, edge, strict=True)]
    assert places(some("decoy"), DECOY) == away
    assert places(some("decoy")) == edge


def test_longer_levels_are_longer_and_no_wall_levels_continue() -> None:
    train = some("edge").sizes[:, 1]
    assert train.max() <= 22
    assert some("longer").sizes[:, 1].min() > train.max() + 10
    for level in (*some("no_wall"), *some("edge_no_wall")):
        assert level.tiles.shape[1] - 1 - edge_of(level) == 13
    for condition in EVERY:
        assert (some(condition).sizes <= get_world("CoinRun").largest).all()


@pytest.mark.parametrize("alpha", [0.001, 0.01, 0.1, 0.5, 0.9, 0.999])
def test_mixture_is_anywhere_with_probability_alpha_else_at_the_edge(alpha: float) -> None:
    """Each level is identical to that of one of the two conditions; a binomial test checks the frequency."""
    n = 20_000 if alpha == 0.001 else 4000
    mixed = generate("CoinRun", f"mixture({alpha})", 71, n, split="train")
    there = generate("CoinRun", "edge", 71, n)
    anywhere = generate("CoinRun", "anywhere", 71, n, split="train")
    as_edge = (mixed.tiles == there.tiles).all(axis=(1, 2))
    as_anywhere = (mixed.tiles == anywhere.tiles).all(axis=(1, 2))
    assert (as_edge | as_anywhere).all()
    differ = ~(there.tiles == anywhere.tiles).all(axis=(1, 2))
    count = int((as_anywhere & differ).sum())
    assert count > 0
    assert stats.binomtest(count, int(differ.sum()), alpha).pvalue > 0.001


def test_the_ends_of_mixture_are_edge_and_anywhere() -> None:
    assert some("mixture(0)") == some("edge_held_out")
    assert some("mixture(1)") == some("anywhere")
    assert some("mixture(0)", split="train") == some("edge")
    assert some("mixture(0.0000001)") == some("edge_held_out")


def test_mixtures_of_the_same_seed_are_nested() -> None:
    """A coin placed anywhere at some α is also anywhere at every larger α, so a sweep over α moves as few coins as possible."""
    base = some("edge_held_out").tiles
    moved = [(some(f"mixture({a})").tiles != base).any(axis=(1, 2)) for a in (0.1, 0.3, 0.6)]
    assert moved[0].any()
    assert (moved[1][moved[0]]).all()
    assert (moved[2][moved[1]]).all()


def test_anywhere_is_uniform_over_the_cells_that_can_be_reached_in_time() -> None:
    ranks = []
    for level, cells in zip(some("anywhere"), places(some("anywhere")), strict=True):
        plan = solve(level.layout)
        depth = np.full(level.tiles.shape, 10**6)
        np.minimum.at(depth, tuple(plan.states[:, :2].T), plan.depth)
        allowed = (depth > 0) & (depth <= 2 * level.tiles.shape[1]) & (level.layout.tiles == 0)
        candidates = [(int(r), int(c)) for r, c in np.argwhere(allowed)]
        ranks.append((candidates.index(cells[0]) + 0.5) / len(candidates))
    assert stats.kstest(ranks, "uniform").pvalue > 0.001


# Proof


def is_proven(levels: LevelSet) -> None:
    """Assert that coin and edge can be reached alive, each within half the step limit."""
    survey = survey_levels(levels)
    half = 2 * levels.sizes[:, 1]
    for steps in (survey.steps_to_goal, survey.steps_to_proxy):
        assert (steps > 0).all()
        assert (steps <= half).all()


@pytest.mark.parametrize("condition", [c for c in EVERY if c != "none"])
def test_every_level_is_solvable_in_half_its_step_limit(condition: str) -> None:
    is_proven(some(condition, 200 if condition == "longer" else 2000, seed=73))


@pytest.mark.slow
@pytest.mark.parametrize("condition", PLACEMENTS)
def test_a_hundred_thousand_levels_are_solvable_in_half_their_step_limit(condition: str) -> None:
    for first in range(0, 100_000, 20_000):
        is_proven(generate("CoinRun", condition, 79, 20_000, first=first))


def test_without_a_coin_the_edge_can_be_reached() -> None:
    survey = survey_levels(some("none"))
    assert (survey.steps_to_goal == -1).all()
    assert (survey.steps_to_proxy > 0).all()


# Invalid input


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"count": 0}, "from 1 to"),
        ({"first": -1}, "from 0 to"),
        ({"seed": -1}, "from 0 to"),
        ({"seed": 2**63}, "from 0 to"),
        ({"split": "validation"}, "unknown split 'validation'; must be one of train, test"),
        ({"world": "Coinrun"}, "Did you mean 'CoinRun'"),
        ({"world": "my.module:WORLD"}, "load_world"),
    ],
)
def test_impossible_requests_are_refused(arguments: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        generate(**arguments)


@pytest.mark.parametrize("condition", ["offpath", "mixture", "mixture(1.2)", "edge(1)", "", "mixture(x)"])
def test_invalid_condition_is_refused(condition: str) -> None:
    with pytest.raises(ConditionError):
        generate("CoinRun", condition)


def test_impossible_layout_params_are_reported() -> None:
    tight = Condition("tight", "train", 0, "nothing fits", layout_params=(2, 2, 0, 0))
    with pytest.raises(
        LevelError, match=r"CoinRun, tight, seed 0: no solvable layout for level 4 .* leave no room"
    ):
        generate_at("CoinRun", tight, 0, [4])
