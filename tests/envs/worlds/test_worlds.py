"""Declarations of every world: conditions with sentences and levels, targets, consistent names; and custom worlds."""

import re
from dataclasses import replace
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest

import goalposts.registration
from goalposts.envs import Level, LevelSet, generate, get_world, known_worlds, load_world, survey_levels
from goalposts.envs.engine.engine import Engine
from goalposts.envs.worlds.coinrun.rules import COINRUN
from goalposts.envs.worlds.contract.condition_names import PARAMETERS, ConditionError
from goalposts.envs.worlds.contract.world import World, WorldError

SHIPPED = [get_world(name) for name in goalposts.registration.WORLDS]
CONDITIONS = [
    (world, f"{c.name}(0.3)" if c.name in PARAMETERS else c.name)
    for world in SHIPPED
    for c in world.conditions
]
every_condition = pytest.mark.parametrize(
    ("world", "name"), CONDITIONS, ids=lambda value: str(getattr(value, "name", value))
)


def test_worlds_and_conditions_are_listed_once() -> None:
    shipped = tuple(name for name, world in known_worlds().items() if world in SHIPPED)
    assert shipped == tuple(goalposts.registration.WORLDS)
    for world in SHIPPED:
        read = goalposts.registration.WORLDS[world.name]
        assert read == world.entry(read.place)
        assert goalposts.registration.WORLDS.moves_goal(world.name) == ("admits" in world.rules)
        assert gym.spec(f"goalposts/{world.name}-v0").kwargs == {"world": world.name}


@every_condition
def test_every_condition_generates_valid_levels_that_can_be_played(world: World, name: str) -> None:
    condition = world.condition(name)
    levels = generate(world.name, name, 83, 20)
    assert (levels.condition, levels.split) == (name, "train" if condition.role == "train" else "test")
    for level in levels:
        level.validate()
        assert Level.from_text(level.to_text(), world.name) == level
    engine = Engine(world, 20, levels)
    for slot in range(20):
        engine.load(slot, slot)
    engine.step_active(np.zeros(20, int), np.ones(20, bool))
    for i in range(20):
        scene = world.scene(levels[i], engine.facts[i], engine.state[i])
        assert scene.sprites
        assert all(0 <= s.row < levels.sizes[i, 0] and 0 <= s.col < levels.sizes[i, 1] for s in scene.sprites)


@every_condition
def test_a_goal_that_a_condition_hides_is_not_in_the_planes(world: World, name: str) -> None:
    levels = generate(world.name, name, 83, 20)
    seen = world.legend.as_seen(levels.tiles)
    hides = bool((seen != levels.tiles).any())
    assert hides == (name == "invisible")
    assert not hides or world.condition(name).hidden


def test_a_condition_by_its_name() -> None:
    world = COINRUN
    assert world.condition("mixture(0.25)").parameter == 0.25
    assert world.condition("mixture(0.25)").name == "mixture(0.25)"
    assert [world.condition(c).split for c in ("edge", "edge_held_out", "none")] == ["train", "test", "test"]
    for wrong, words in (
        ("egde", "Did you mean edge"),
        ("mixture", "needs a parameter"),
        ("edge(0.1)", "no parameter"),
    ):
        with pytest.raises(ConditionError, match=words):
            world.condition(wrong)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("coinrun", "Did you mean 'CoinRun'"),
        ("Chess", "unknown world 'Chess'; known: CoinRun, .*, or your own as `module:NAME`"),
        ("os:path", re.escape("goalposts.envs.load_world('os:path')")),
    ],
)
def test_an_unknown_world_is_refused_and_nothing_is_imported_for_it(name: str, words: str) -> None:
    with pytest.raises(WorldError, match=words):
        get_world(name)


OWN = """
from dataclasses import replace
from goalposts.envs.worlds.coinrun.rules import COINRUN
OWN = replace(COINRUN, name="Own")
NO_WORLD = 7
TWIN = replace(COINRUN)
"""


@pytest.mark.slow
def test_custom_world_is_loaded_and_generates_levels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_own_worlds.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(WorldError, match="is custom code"):
        get_world("my_own_worlds:OWN")
    world = load_world("my_own_worlds:OWN")
    assert (
        load_world("my_own_worlds:OWN") is load_world("Own") is get_world("Own") is get_world(world) is world
    )
    assert list(known_worlds()) == [*goalposts.registration.WORLDS, "Own"]
    levels = generate("Own", "off_path", 1, 3)
    assert levels.world == "Own"
    assert np.array_equal(levels.tiles, generate("CoinRun", "off_path", 1, 3).tiles)
    assert survey_levels(levels).distinguishing.all()
    env = gym.make("goalposts/CoinRun-v0", world="Own").unwrapped
    env.reset(seed=0)
    assert env.level.world == "Own"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("no_such_module:OWN", "cannot be loaded: No module named 'no_such_module'"),
        ("my_other_worlds:NONE", "cannot be loaded: .* has no attribute 'NONE'"),
        ("my_other_worlds:NO_WORLD", "is an int, not a goalposts.envs.World"),
        ("my_other_worlds:TWIN", "there is another world called CoinRun"),
        (":OWN", "write it as `module:NAME`"),
        ("Chess", "unknown world 'Chess'"),
    ],
)
def test_world_that_cannot_be_loaded_gives_the_reason(
    spec: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_other_worlds.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(WorldError, match=words):
        load_world(spec)
    assert get_world("CoinRun") is COINRUN


@pytest.mark.parametrize("raised", ["BaseException('why')", "GeneratorExit('why')", "SystemExit('why')"])
def test_whatever_a_worlds_code_raises_is_its_reason(
    raised: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression: a bare BaseException ended every command with a traceback."""
    name = f"raising_{raised.partition('(')[0].lower()}"
    (tmp_path / f"{name}.py").write_text(f"raise {raised}")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(WorldError, match=r"cannot be loaded: .*why"):
        load_world(f"{name}:OWN")


def test_two_worlds_of_one_name_are_refused() -> None:
    """Regression: the second was silently treated as the first, and its legend replaced the first's."""
    other = replace(COINRUN, legend=replace(COINRUN.legend, check=lambda tiles: (0, 0, "never")))
    with pytest.raises(WorldError, match="another world called CoinRun"):
        get_world(other)
    with pytest.raises(WorldError, match="another world called CoinRun"):
        generate(other)
    LevelSet.of([Level.from_text("######v#\n#A....C#\n#......#\n########")])


def test_a_world_has_the_planes_that_its_tiles_name() -> None:
    with pytest.raises(ValueError, match=r"Bare: unknown planes \['coin', 'deadly', 'wall'\]"):
        replace(COINRUN, name="Bare", planes=("self", "monster"))
