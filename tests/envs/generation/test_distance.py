"""Held out by distance: how far layouts are from training layouts, and a condition that keeps a distance from them."""

import numpy as np
import pytest

from goalposts.envs import Level, LevelSet, generate
from goalposts.envs.generation.distance import CAP, Layouts
from goalposts.envs.generation.generate import FAR_COUNT, far_reference, generate_at
from goalposts.envs.worlds.registry import get_world

FAR = "edge_held_out_far"
FLAT = "#####v#\n#.....#\n#A...C#\n#######\n"


def one(text: str) -> LevelSet:
    return LevelSet.of([Level.from_text(text, "CoinRun")])


def test_cells_that_differ_are_counted_and_goal_objects_are_not() -> None:
    known = Layouts(one(FLAT))
    assert known.nearest(one(FLAT)).tolist() == [0]
    assert known.nearest(one(FLAT.replace("#A...C#", "#AC...#"))).tolist() == [0]
    assert known.nearest(one(FLAT.replace("#A...C#", "#A.^.C#"))).tolist() == [1]
    assert known.nearest(one(FLAT.replace("#.....#", "#..==.#").replace("A.", "A^"))).tolist() == [3]
    assert known.nearest(one("######v#\n#......#\n#A....C#\n########\n")).tolist() == [CAP]


def test_the_nearest_is_that_of_a_plain_loop() -> None:
    held_out, training = generate("CoinRun", "edge_held_out", 4, 25), generate("CoinRun", "edge", 0, 300)
    found = Layouts(training).nearest(held_out)
    for level, distance in zip(held_out, found, strict=True):
        wall = [_bare(other) for other in training if other.tiles.shape == level.tiles.shape]
        nearest = min((int((other != _bare(level)).sum()) for other in wall), default=CAP)
        assert min(nearest, CAP) == distance


def _bare(level: Level) -> np.ndarray:
    coin = Level.from_text(FLAT, "CoinRun").tiles[2, 5]
    return np.where(level.tiles == coin, 0, level.tiles)


def test_every_level_of_the_far_condition_keeps_its_distance() -> None:
    world = get_world("CoinRun")
    condition = world.condition(FAR)
    far = generate("CoinRun", FAR, 7, 60)
    reference = far_reference(world, condition)
    assert reference.count == FAR_COUNT
    assert reference.nearest(far).min() >= condition.far == 5
    assert (reference.nearest(generate("CoinRun", "edge_held_out", 7, 60)) < 5).mean() > 0.5


def test_a_far_level_depends_on_its_seed_and_index_alone() -> None:
    far = generate("CoinRun", FAR, 7, 20)
    for k in (11, 3):
        (alone,) = generate_at("CoinRun", FAR, 7, [k])
        assert alone.to_text() == far[k].to_text()
    assert generate("CoinRun", FAR, 7, 5, first=10)[1].to_text() == far[11].to_text()


def test_a_level_that_is_far_already_is_the_control_level_of_its_index() -> None:
    far, near = generate("CoinRun", FAR, 7, 60), generate("CoinRun", "edge_held_out", 7, 60)
    kept = far_reference(get_world("CoinRun"), get_world("CoinRun").condition(FAR)).nearest(near) >= 5
    assert 0 < kept.sum() < 60
    for k in np.flatnonzero(kept):
        assert far[int(k)].to_text() == near[int(k)].to_text()


@pytest.mark.parametrize("world", ["Corner", pytest.param("Shields", marks=pytest.mark.slow)])
def test_any_world_can_hold_layouts_out_by_distance(world: str) -> None:
    from dataclasses import replace

    control = get_world(world).condition(str(get_world(world).default_condition("control")))
    condition = replace(control, name="far", far=3)
    far = generate_at(world, condition, 1, np.arange(20))
    assert far_reference(get_world(world), condition).nearest(far).min() >= 3
