"""Every shipped world fulfils the contract, clause by clause; violations are reported."""

from dataclasses import replace

import numpy as np
import pytest
from numba import njit

from goalposts.envs import World, generate, get_world, load_world
from goalposts.envs.engine.engine import Engine
from goalposts.envs.levels.level import LevelError
from goalposts.envs.render.sprites import names as drawn_names
from goalposts.envs.worlds.contract.canvas import mark
from goalposts.experiments.config.schema import load_config, shipped_configs
from goalposts.experiments.conformance.levels import (
    DISTINCT,
    WorldFault,
    distinct_layouts,
    level_texts_are_levels,
    levels_are_proven,
    names_of,
)
from goalposts.experiments.conformance.play import planner_is_exact, rules_are_pure
from goalposts.experiments.conformance.suite import CLAUSES, Clause, check_world, main
from goalposts.registration import WORLDS


@pytest.mark.parametrize("clause", CLAUSES, ids=lambda clause: clause.__name__)
@pytest.mark.parametrize("name", WORLDS)
def test_every_world_keeps_the_contract(name: str, clause: Clause) -> None:
    clause(get_world(name), 60)


@pytest.mark.slow
@pytest.mark.parametrize("clause", CLAUSES, ids=lambda clause: clause.__name__)
@pytest.mark.parametrize("name", WORLDS)
def test_every_world_keeps_the_contract_on_many_levels(name: str, clause: Clause) -> None:
    clause(get_world(name), 200)


@pytest.mark.slow
@pytest.mark.parametrize("name", WORLDS)
def test_every_world_has_a_hundred_thousand_layouts(name: str) -> None:
    assert distinct_layouts(get_world(name), 4 * DISTINCT) >= DISTINCT


@pytest.mark.slow
def test_about_half_of_the_levels_that_a_config_draws_are_distinct() -> None:
    """As configs/coinrun/edge.yaml and the lesson say."""
    drawn = load_config("coinrun/edge").env.levels
    assert drawn == 50_000
    assert 0.45 < distinct_layouts(get_world("CoinRun"), drawn) / drawn < 0.55


@pytest.mark.parametrize("name", WORLDS)
def test_every_shipped_world_has_drawings(name: str) -> None:
    """Custom worlds may use placeholders; shipped worlds have drawings, for every direction of the agent."""
    world, known = get_world(name), set(drawn_names())
    for condition in names_of(world):
        levels = generate(world, condition, 83, 4)
        engine = Engine(world, 4, levels)
        for slot in range(4):
            engine.load(slot, slot)
        for action in range(len(world.actions)):
            for level, facts, state in zip(levels, engine.facts, engine.state, strict=True):
                scene = world.scene(
                    level, facts, state, action, engine.window.camera(int(state[0]), int(state[1]))
                )
                shown = {sprite.name for sprite in scene.sprites} | {t for row in scene.tiles for t in row}
                assert shown <= known, condition
            engine.step_active(np.full(4, action), engine.outcome[:, 1] == 0)


@pytest.mark.parametrize("name", WORLDS)
def test_every_world_has_a_pair_of_configs(name: str) -> None:
    """One config expected to misgeneralize and its control, both on this world's conditions, with its control and shift."""
    world = get_world(name)
    configs = [load_config(c) for c in shipped_configs() if c.split("/")[0] == name.lower()]
    assert len(configs) >= 2
    for config in configs:
        assert config.world == name
        roles = {world.condition(c).role for c in config.evaluate.conditions}
        assert {"control", "shift"} <= roles
        assert world.default_condition("shift") in config.evaluate.conditions


@pytest.fixture
def corner():
    """Corner under another name, to be broken by a test."""
    return lambda **changes: replace(get_world("Corner"), **{"name": "Spoilt", **changes})


@njit
def steps_that_scratch_the_wall(tiles, facts, state, action):
    tiles[0, 0] = 0
    return 0


@njit
def no_limit(facts):
    return 2


@njit
def a_ghost_before_the_door(facts, state, canvas):
    mark(canvas, -1, 0, 1)


def spoilt_rules(**rules):
    return {**get_world("Corner").rules, **rules}


def test_broken_world_contract_is_reported(corner) -> None:
    with pytest.raises((WorldFault, LevelError), match=r"a step changes the level|no solvable layout"):
        rules_are_pure(corner(rules=spoilt_rules(step=steps_that_scratch_the_wall)), 3)


def test_marks_outside_the_level_are_reported(corner) -> None:
    with pytest.raises(WorldFault, match="something is shown outside of the level"):
        rules_are_pure(
            corner(name="Haunted", source=__file__, rules=spoilt_rules(objects=a_ghost_before_the_door)), 3
        )


def test_levels_beyond_the_time_limit_are_reported(corner) -> None:
    """The generator refuses unreachable goals, so the fault appears as levels that cannot be drawn."""
    with pytest.raises(ValueError, match="no solvable layout"):
        levels_are_proven(corner(rules=spoilt_rules(limit=no_limit)), 3)


def test_check_world_reports_all_violations_at_once(corner) -> None:
    world: World = corner(words={}, view=(8, 8))
    with pytest.raises(WorldFault, match="words lack") as caught:
        check_world(world, 3)
    assert "breaks" in str(caught.value)


def test_clauses_from_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert main(["Chess"]) == 2
    assert "unknown world" in capsys.readouterr().err


def test_the_slow_search_and_the_planner_disagree_on_a_wrong_planner(monkeypatch: pytest.MonkeyPatch) -> None:
    from goalposts.envs.planner import planner
    from goalposts.experiments.conformance import play

    def wrong(levels):
        survey = planner.survey_levels(levels)
        return replace(survey, steps_to_goal=survey.steps_to_goal + np.int32(1))

    monkeypatch.setattr(play, "survey_levels", wrong)
    with pytest.raises(WorldFault, match="a slow search finds"):
        planner_is_exact(get_world("Corner"), 60)


def test_picture_that_does_not_round_trip_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    from goalposts.envs import Level

    monkeypatch.setattr(Level, "__eq__", lambda self, other: False)
    with pytest.raises(WorldFault, match="does not read back"):
        level_texts_are_levels(get_world("Corner"), 2)


def test_the_examples_of_the_docs_are_worlds() -> None:
    assert load_world("CoinRun") is get_world("CoinRun")
