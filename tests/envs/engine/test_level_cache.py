"""The level cache: a slot always matches its level, regardless of its previous level and of the pool's size."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goalposts.envs import Engine, LevelSet, generate, get_world
from goalposts.envs.engine.level_cache import LevelCache


def same(ours: Engine, slot: int, levels: LevelSet, k: int) -> None:
    alone = Engine(ours.world, 1, LevelSet.of([levels[k]]), "view")
    alone.load(0, 0)
    level = levels[k]
    rows, cols = level.tiles.shape
    np.testing.assert_array_equal(ours.tiles[slot, :rows, :cols], level.tiles)
    for name in ("facts", "state", "limits"):
        np.testing.assert_array_equal(getattr(ours, name)[slot], getattr(alone, name)[0])
    np.testing.assert_array_equal(ours.observe()[slot], alone.observe()[0])


@pytest.mark.parametrize("world", ["CoinRun", "Beacon"])  # Beacon paints additional planes
@settings(max_examples=30)
@given(numbers=st.lists(st.integers(0, 11), min_size=1, max_size=30), places=st.integers(1, 12))
def test_levels_that_share_a_cache_slot(world: str, numbers: list[int], places: int) -> None:
    home = get_world(world)
    levels = generate(home, home.default_condition("shift"), 3, 12)
    engine = Engine(home, 4, levels, "view")
    kept = engine._prepared.arrays
    engine._prepared.arrays = kept._replace(
        owners=kept.owners[:places], facts=kept.facts[:places], cells=kept.cells[:places]
    )
    for turn, k in enumerate(numbers):
        engine.load(turn % 4, k)
    for turn, k in list(enumerate(numbers))[-4:]:
        same(engine, turn % 4, levels, k)


def test_replaced_level_is_precomputed_again() -> None:
    home = get_world("CoinRun")
    before, after = (generate(home, "longer", seed, 8) for seed in (1, 2))
    engine = Engine(home, 8, before, "view", direct=True)
    for slot in range(8):
        engine.load(slot, slot)
    some = np.array([2, 5])
    engine.refill(some, LevelSet("CoinRun", after.tiles[some], after.sizes[some], after.index[some]))
    for slot in range(8):
        engine.load(slot, slot)
        same(engine, slot, after if slot in (2, 5) else before, slot)


def test_custom_level_leaves_the_pool_unchanged() -> None:
    home = get_world("CoinRun")
    pool, own = generate(home, "edge", 1, 4), generate(home, "edge", 9, 1)
    engine = Engine(home, 2, pool, "view")
    engine.load(0, 0, own)
    engine.load(1, 0)
    same(engine, 0, own, 0)
    same(engine, 1, pool, 0)


def test_number_of_cache_slots_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    home = get_world("CoinRun")
    pool = generate(home, "edge", 1, 20)
    engine = Engine(home, 1, pool, "view")
    assert len(engine._prepared.arrays.owners) == 20
    monkeypatch.setattr("goalposts.envs.engine.level_cache.KEPT", 7)
    assert [len(a) for a in LevelCache(home, engine.window, pool).arrays] == [20, 20, 7, 7, 7]
