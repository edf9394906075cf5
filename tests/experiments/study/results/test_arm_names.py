"""Names of a study's arms in its figures: what their agents were trained on and rewarded for."""

import polars as pl
import pytest

from goalposts.envs.worlds.registry import get_world
from goalposts.experiments.study.design.plan import plan_study
from goalposts.experiments.study.results.point_names import base_name
from goalposts.experiments.study.results.report import arm_names


def naming(study: str, world: str, shift: str):
    table = pl.DataFrame({"measure": ["capability", "preference"], "condition": ["any", shift]})
    return arm_names(plan_study(study), table, get_world(world))


def test_an_arm_is_named_by_its_training_levels_and_its_reward() -> None:
    found = naming("coinrun", "CoinRun", "off_path")
    assert found.main == "edge"
    assert found.shift == "with the coin off the path"
    assert found.trained == {
        "main": "with the coin at the edge",
        "anywhere": "with the coin anywhere",
        "proxy_anywhere": "with the coin anywhere, rewarded for the right edge instead",
        "blind": "as “blind”",  # trained on the same levels as the main runs
    }


def test_a_long_description_gives_way_to_the_name_but_the_reward_is_said() -> None:
    assert naming("colourshape", "ColourShape", "pairs").trained["pairs"] == "on “pairs”"
    overseer = naming("overseer", "Overseer", "unwatched").trained
    assert overseer["seen"] == "on “seen”, rewarded for the unseen short path as well"


@pytest.mark.parametrize(
    ("study", "name"),
    [("colourshape", "yellow line"), ("corner", "corner"), ("shields", "hunted"), ("gem", "as it is")],
)
def test_the_main_runs_are_named_without_their_world(study: str, name: str) -> None:
    assert base_name(plan_study(study)) == name
