"""Study files: their expansion to runs, and messages about invalid ones."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goalposts.envs import get_world
from goalposts.errors import UserError
from goalposts.experiments.config.schema import load_config
from goalposts.experiments.study.design.config import StudyConfig, read_study
from goalposts.experiments.study.design.plan import StudyPlan, plan_study, run_id
from goalposts.experiments.study.design.study_file import shipped_studies
from goalposts.registration import WORLDS

STUDY = """
name: try
base: coinrun/edge
set: {train.total_steps: 8192}
grid:
  env.condition: [edge, mixture(0.1)]
  train: {gamma: [0.9, 0.99]}
seeds: 3
arms:
  - name: blind
    set: {env.observation: view(coin=0)}
    grid: {env.condition: [edge]}
    seeds: [7]
conditions: [edge_held_out, off_path]
levels: 50
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "try.yaml"
    path.write_text(text)
    return path


def plan(folder: Path, *overrides: str, text: str = STUDY) -> StudyPlan:
    return plan_study(write(folder, text), overrides)


def test_a_grid_is_all_combinations_and_each_arm_its_own(tmp_path: Path) -> None:
    found = plan(tmp_path)
    assert [(p.arm, *p.values.values(), [seed for seed, _ in p.runs]) for p in found.points] == [
        ("main", "edge", "0.9", [0, 1, 2]),
        ("main", "edge", "0.99", [0, 1, 2]),
        ("main", "mixture(0.1)", "0.9", [0, 1, 2]),
        ("main", "mixture(0.1)", "0.99", [0, 1, 2]),
        ("blind", "edge", [7]),
    ]
    assert len(found.runs) == 13
    blind = found.runs[found.points[-1].runs[0][1]]
    assert (blind.env.observation, blind.seed, blind.train.total_steps) == ("view(coin=0)", 7, 8192)
    assert (blind.evaluate.conditions, blind.evaluate.levels) == (("edge_held_out", "off_path"), 50)


def test_a_run_has_the_id_of_its_resolved_config(tmp_path: Path) -> None:
    found = plan(tmp_path)
    point = found.points[1]
    alone = load_config(
        "coinrun/edge",
        [
            "train.total_steps=8192",
            "train.gamma=0.99",
            "seed=2",
            "evaluate.conditions=[edge_held_out,off_path]",
            "evaluate.levels=50",
            "evaluate.greedy=false",
        ],
    )
    assert dict(point.runs)[2] == run_id(alone) == alone.hash()[:16]


def test_the_same_run_in_two_points_is_planned_once(tmp_path: Path) -> None:
    found = plan(tmp_path, "arms=[]", "grid.train.gamma=[0.9, 0.9]")
    assert len(found.points) == 4
    assert len(found.runs) == 6
    assert len({point.name for point in found.points}) == 4


def test_runs_go_seed_by_seed(tmp_path: Path) -> None:
    """Ensures that a study stopped halfway has results for every point."""
    found = plan(tmp_path)
    assert [config.seed for config in found.runs.values()] == [0] * 4 + [7] + [1] * 4 + [2] * 4


def test_the_resolved_study_gives_the_same_plan(tmp_path: Path) -> None:
    found = plan(tmp_path, "seeds=4")
    (tmp_path / "study.yaml").write_text(found.study.to_yaml())
    again = plan_study(tmp_path)
    assert again.points == found.points
    assert again.runs == found.runs


@given(st.integers(1, 200))
def test_a_number_of_seeds_means_the_first_so_many(n: int) -> None:
    study = StudyConfig.model_validate({"name": "x", "base": "coinrun/edge", "seeds": n})
    assert study.seeds == tuple(range(n))
    assert study.to_dict()["seeds"] == n


@pytest.mark.parametrize("name", shipped_studies())
def test_shipped_studies_expand_and_say_what_they_ask(name: str) -> None:
    found = plan_study(name)
    assert found.study.question
    assert found.study.name == name
    search = name == "methods-search"  # it chooses options and claims nothing
    assert all(len(point.runs) >= (2 if search else 3) for point in found.points)
    assert found.study.levels >= (500 if search else 1000)


@pytest.mark.parametrize("name", WORLDS)
@pytest.mark.parametrize("study", ["alpha", "seeds", "capability", "levels"])
def test_studies_without_coinrun_parameters_work_in_every_world(name: str, study: str) -> None:
    base = f"{name.lower()}/{WORLDS[name].pair[0]}"
    blind = ["arms=[]"] if study == "alpha" else []  # its planes are specific to a world
    found = plan_study(study, [f"base={base}", "conditions=null", *blind])
    world = get_world(name)
    assert [world.condition(c).role for c in found.study.conditions] == ["control", "shift", "probe"]
    assert {config.world for config in found.runs.values()} == {name}
    assert found.study.conditions[1] == WORLDS[name].default_condition("shift")


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["seeds=0"], "0 is out of range; must be 1 to"),
        (["seeds=[1, 1]"], "the seed 1 is listed more than once"),
        (["seeds=few"], "a number of seeds, such as 10"),
        (["figure=pie"], "one of alpha, seeds"),
        (
            ["grid.env.condition=[edgy]"],
            "grid.env.condition=[edgy]\": env.condition: there is no condition 'edgy'",
        ),
        (["grid.train.gama=[1.0]"], "train.gama: unknown key. Did you mean 'gamma'?"),
        (["grid.env.observation=['view(coyn=0)']"], "Did you mean 'coin'?"),
        (["set.seed=3"], "set the seeds of a study under `seeds`"),
        (["set.evaluate.levels=3"], "set the evaluation at the top of the study"),
        (["levls=3"], "Did you mean 'levels'?"),
        (["base=coinrun/egde"], "Did you mean 'coinrun/edge'?"),
        (["conditions=[edgy]"], "there is no condition 'edgy'"),
        (["seeds=1_000_000"], "must be 1 to 100,000 seeds"),
        (["seeds=100_000"], "at most 100,000 are allowed"),
        (["grid.train.gamma=0.9"], "it must be"),
    ],
)
def test_study_error_is_reported_with_its_position(tmp_path: Path, overrides: list[str], words: str) -> None:
    with pytest.raises(UserError) as told:
        plan(tmp_path, *overrides)
    assert words in str(told.value)


def test_all_study_errors_are_reported_at_once(tmp_path: Path) -> None:
    text = STUDY.replace("mixture(0.1)", "mixture(3)").replace("0.9,", "9.0,").replace("coin=0", "coin=99")
    with pytest.raises(UserError) as told:
        plan(tmp_path, text=text)
    message = str(told.value)
    for words in ("line 6: env.condition", "line 7: train.gamma", "line 11: env.observation"):
        assert words in message


def test_an_unknown_study_names_those_that_are_there() -> None:
    with pytest.raises(UserError, match="Did you mean 'alpha'"):
        read_study("alpa")


def test_two_arms_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="the arm main is named twice"):
        plan(tmp_path, text=STUDY.replace("name: blind", "name: main"))
