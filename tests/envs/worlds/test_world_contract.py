"""Extensions of the world contract: the reward `either`, counted goals, worlds of installed packages,
levels too large to search."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fixtures.board import engine_on, level_of, press
from numba import njit

from goalposts.envs import LevelError, LevelSet, generate, get_world, load_world, solve, survey_levels
from goalposts.envs.engine.engine import Engine
from goalposts.envs.engine.outcome import O_GOALS, O_PROXIES
from goalposts.envs.worlds.contract.condition_names import ConditionError, parse_condition
from goalposts.envs.worlds.contract.world import ANYWHERE, TOGETHER, Condition, WorldError
from goalposts.experiments import evaluate
from goalposts.experiments.config.schema import ConfigError, ExperimentConfig
from goalposts.registration import installed_worlds

EDGE_FIRST = """
    #####v###
    #.......#
    #.A.....#
    #########
"""
COIN_FIRST = """
    ######v#
    #......#
    #.A.C..#
    ########
"""


@pytest.mark.parametrize(
    ("picture", "keys", "reward", "outcome"),
    [
        (EDGE_FIRST, "rrrr", "either", "proxy/goal"),
        (EDGE_FIRST, "rrrr", "goal", "proxy/running"),
        (COIN_FIRST, "rr", "either", "goal/goal"),
        (COIN_FIRST, "rr", "proxy", "goal/running"),
    ],
)
def test_reward_either_pays_for_the_first_of_goal_and_proxy(
    picture: str, keys: str, reward: str, outcome: str
) -> None:
    assert press(engine_on(level_of(picture), reward=reward), keys) == outcome


def test_return_counts_goals_in_worlds_that_count_them() -> None:
    """The sum over the episode, not the last reward; a rewarded proxy is counted too and does not end the episode."""
    counted = replace(get_world("Corner"), name="Counted", counted=True)
    plain_levels = generate("Corner", "corner", 3, 1)
    levels = LevelSet("Counted", plain_levels.tiles, plain_levels.sizes, plain_levels.index)
    outcome = np.zeros((1, 8), np.int32)
    outcome[0, O_GOALS], outcome[0, O_PROXIES] = 3, 5
    nothing = np.zeros(1, np.float32)
    assert Engine(counted, 1, levels).returns(outcome, nothing).tolist() == [3.0]
    by_proxy = Engine(counted, 1, levels, reward="proxy")
    assert by_proxy.returns(outcome, nothing).tolist() == [5.0]
    assert by_proxy.done_mask == 8
    plain = Engine(get_world("Corner"), 1, plain_levels, reward="proxy")
    assert plain.returns(outcome, nothing + 1).tolist() == [1.0]
    assert plain.done_mask == 2


@njit(inline="always")
def vast(facts, out):
    out[0], out[1] = 30_000, 30_000


@pytest.mark.slow
def test_level_with_too_many_states_stays_undecided() -> None:
    """Regression: memory was allocated for any number of states."""
    world = get_world("Corner")
    levels = generate(world, "off_path", 3, 2)
    large = replace(world, name="Vast", rules={**world.rules, "radices": vast}, source=__file__)
    same = LevelSet("Vast", levels.tiles, levels.sizes, levels.index)
    get_world(large)
    survey = survey_levels(same)
    assert not survey.decided.any()
    assert not survey.distinguishing.any()
    assert (survey.steps_to_goal == -1).all()
    assert survey_levels(levels).decided.all()
    with pytest.raises(LevelError, match="room for 900,000,000 states"):
        solve(same[0])


def test_a_world_of_an_installed_package_is_found_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    about = tmp_path / "lights-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: lights\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[goalposts.worlds]\nLights = lights_world:LIGHTS\n")
    (tmp_path / "lights_world.py").write_text(
        "from dataclasses import replace\nfrom goalposts.envs.worlds.corner import CORNER\n"
        "LIGHTS = replace(CORNER, name='Lights')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert installed_worlds() == {"Lights": "lights_world:LIGHTS"}
    config = {"name": "x", "world": "Lights", "env": {"condition": "corner"}}
    config["evaluate"] = {"conditions": ["off_path"]}
    assert ExperimentConfig.parse(config).world == "Lights"
    with pytest.raises(WorldError, match="unknown world 'Lights'"):
        get_world("Lights")  # reading a name imports nothing
    assert load_world("Lights").name == "Lights"
    assert get_world("Lights") is load_world("Lights")
    with pytest.raises(ConfigError, match="no world 'Lamps'"):
        ExperimentConfig.parse({**config, "world": "Lamps"})


def test_custom_condition_parameter() -> None:
    assert parse_condition("crowd(0.5)", ["crowd"], {"crowd": "the share of monsters"}) == ("crowd", 0.5)
    assert parse_condition("crowd(0.5)") == ("crowd", 0.5)  # of a world that is not loaded
    with pytest.raises(ConditionError, match="the share of monsters"):
        parse_condition("crowd", ["crowd"], {"crowd": "the share of monsters"})
    with pytest.raises(ConditionError, match="takes no parameter"):
        parse_condition("crowd(0.5)", ["crowd"])
    own = replace(
        get_world("Corner"),
        conditions=(Condition("crowd", "shift", ANYWHERE, "", parameter=0.2, dial="the share of monsters"),),
    )
    assert own.condition("crowd(0.7)").parameter == 0.7


def test_phrase_contains_the_parameter() -> None:
    told = Condition(
        "region(0.25)", "shift", TOGETHER, "", parameter=0.25, phrase="in the {x} around the corner"
    )
    assert told.phrase_of() == "in the 25% around the corner"


@pytest.mark.slow
def test_agent_without_a_run_uses_the_worlds_conditions() -> None:
    from goalposts.agents import Random

    table = evaluate(Random(), levels=2, world="Corner")
    expected = [c.name for c in get_world("Corner").conditions if c.role != "train" and c.parameter is None]
    assert table["condition"].unique(maintain_order=True).to_list() == expected


def test_old_names_of_a_condition_still_work_and_warn() -> None:
    names: dict[str, Any] = {"law": 3, "tells": "why", "dials": (1, 2)}
    with pytest.warns(DeprecationWarning, match="placement") as warned:
        old = Condition("x", "shift", **names)
    assert len(warned) == 3
    assert old == Condition("x", "shift", 3, "why", layout_params=(1, 2))
    for name, value in {"law": 3, "tells": "why", "dials": (1, 2)}.items():
        with pytest.warns(DeprecationWarning, match=f"Condition.{name} is now"):
            assert getattr(old, name) == value
    with pytest.warns(DeprecationWarning, match="layout_params"):
        assert replace(old, dials=(5,)).layout_params == (5,)
    with pytest.warns(DeprecationWarning, match="default_condition"):
        assert get_world("CoinRun").usual("shift") == "off_path"
    with pytest.raises(AttributeError, match="no_such"):
        _ = old.no_such  # type: ignore[attr-defined]
