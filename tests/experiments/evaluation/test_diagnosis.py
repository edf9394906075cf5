"""A diagnosis shows everything in the tables, names what is missing, and pools only runs that differ in the seed."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import polars as pl
import pytest
from fixtures.calibration_agents import Reflex, run_to
from fixtures.simulate import BOTH, GOAL, PROXY, TIMEOUT, table

from goalposts.agents import GoToGoal, GoToProxy, Noisy
from goalposts.agents.recorded import goal_cells
from goalposts.envs.generation.generate import generate
from goalposts.envs.worlds.contract.condition_names import format_condition
from goalposts.envs.worlds.registry import get_world
from goalposts.experiments.cli.tables import diagnosis_text
from goalposts.experiments.config.schema import ExperimentConfig
from goalposts.experiments.evaluation.diagnosis import Diagnosis, Recorded, diagnose_runs, probes_of
from goalposts.experiments.evaluation.evaluate import evaluate_fully, subject_of
from goalposts.experiments.evaluation.evaluated_run import grouped
from goalposts.experiments.evaluation.trajectories import trajectories_of
from goalposts.experiments.measurement import diagnose
from goalposts.experiments.measurement.metrics import moves_goal
from goalposts.experiments.system.atomic_files import RunError
from goalposts.registration import WORLDS

WORLD = get_world("CoinRun")
SOME = ("edge_held_out", "off_path", "invisible")


def diagnosed(agent: object, conditions: tuple[str, ...] = SOME, slip: float = 0.0) -> Diagnosis:
    found = evaluate_fully(subject_of(agent), conditions, 120)
    recorded = Recorded("scripted", found.episodes, trajectories_of(found), slip=slip)
    return diagnose_runs(WORLD, diagnose(found.episodes), [recorded], attributed=60)


@pytest.fixture(scope="module")
def of_proxy() -> Diagnosis:
    return diagnosed(GoToProxy())


def test_probes_are_all_conditions_except_training() -> None:
    assert set(probes_of(WORLD)) == {
        "edge_held_out",
        "anywhere",
        "off_path",
        "left",
        "right_fraction(0.2)",
        "none",
        "invisible",
        "mirrored",
        "longer",
        "no_wall",
        "two_coins",
        "decoy",
        "edge_no_wall",
        "edge_held_out_far",
    }
    assert all(
        "?" in WORLD.condition(n).distinguishes or ":" in WORLD.condition(n).distinguishes
        for n in probes_of(WORLD)
    )


def test_diagnosis_contains_every_part_and_names_missing_ones(of_proxy: Diagnosis) -> None:
    assert of_proxy.probes["condition"].to_list() == list(SOME)
    assert set(of_proxy.missing) == set(probes_of(WORLD)) - set(SOME)
    assert of_proxy.curve is not None
    assert of_proxy.attributions[0].found.best == "right_edge"
    assert of_proxy.regrets["off_path"].value == 1.0
    text = diagnosis_text(of_proxy, "goalposts diagnose RUN --evaluate-missing")
    for part in (
        "MISGENERALIZED",
        "right_edge, by",
        "goal effect",
        "agent-like against devices that see",
        "and no probe that does was played",
        "What the probes say that it does",
        "“runs right” was not tested",
        "goalposts diagnose RUN --evaluate-missing",
        "mirrored",
        "detour",
    ):
        assert part in text, part


def test_goal_seeker_is_distinguished() -> None:
    found = diagnosed(GoToGoal(), ("edge_held_out", "off_path"))
    assert found.verdict.label == "ALIGNED"
    assert found.attributions[0].found.best == "coin"
    assert found.separations == ()


def test_json_contains_every_part(of_proxy: Diagnosis) -> None:
    made = json.loads(json.dumps(of_proxy.to_dict(), allow_nan=False))
    assert made["label"] == "MISGENERALIZED"
    assert {row["condition"] for row in made["probes"]} == set(SOME)
    assert made["probes"][0]["regret"]["n"] == 120
    assert made["attribution"][0]["best"] == "right_edge"
    assert len(made["conflict_curve"]["curve"]) == len(made["conflict_curve"]["detours"])
    assert "mirrored" in made["missing"]
    assert made["attribution"][0]["seeing"]["kind"] == "agent-like"
    assert made["behaviour"]["name"] is None
    assert made["relocation"] is None


@pytest.mark.parametrize(
    ("agent", "better"),
    [
        (GoToProxy(), "right_edge"),
        (Noisy(GoToProxy(), 0.3), "right_edge"),
        (Reflex("JustRight", run_to(1), 4), "move_right"),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_attribution_says_whether_an_agent_goes_to_the_edge_or_just_right(agent: object, better: str) -> None:
    found = diagnosed(agent, ("edge_held_out", "off_path", "mirrored", "no_wall"))
    assert found.attributions[0].found.best == "right_edge"
    (separation,) = found.separations
    assert separation.better == better
    assert {lead.condition for lead in separation.leads} == {"mirrored", "no_wall"}
    assert f"  scripted: {separation.sentence}" in diagnosis_text(found, "")
    assert found.to_dict()["separations"] == [separation.to_dict()]


def test_the_relocation_effect_of_known_agents() -> None:
    """A blind agent's is exactly 0. GoToGoal comes first to where the goal is, unless the other place is on its way."""
    shifts = ("edge_held_out", "off_path", "left")
    blind = diagnosed(Reflex("RunsRight", run_to(1), 4), shifts).relocation
    assert blind is not None
    assert (blind.other, blind.effect.value) == ("left", 0.0)
    shy = diagnosed(GoToProxy(), shifts).relocation  # takes a shortest path that avoids the coin
    assert shy is not None
    assert shy.effect.high < 0
    seeker = diagnosed(GoToGoal(), shifts).relocation
    assert seeker is not None
    assert seeker.effect.low > 0.7


@pytest.mark.slow
def test_the_goal_alone_is_moved_between_two_shifts_in_the_worlds_that_are_said_to_define_a_relocation_effect() -> (
    None
):
    defined = set()
    for name in WORLDS:
        shifts = [
            generate(name, format_condition(condition.name, condition.parameter), 0, 60)
            for condition in get_world(name).conditions
            if condition.role == "shift" and condition.name != "mixture"
        ]
        for a, b in itertools.combinations(shifts, 2):
            cells = goal_cells(a), goal_cells(b)
            same = np.array(a.layout_hashes()) == np.array(b.layout_hashes())
            one = (cells[0] >= 0).all(axis=1) & (cells[1] >= 0).all(axis=1)
            if (same & one & (cells[0] != cells[1]).any(axis=1)).any():
                defined.add(name)
    assert defined == {name for name in WORLDS if moves_goal(name)}


def test_the_conflict_curve_leaves_out_the_seeds_whose_preference_is_not_judged() -> None:
    """The few episodes of dead seeds in which they touch the goal once made half of the curve."""
    shift = np.full((4, 200), PROXY)
    shift[2:] = np.where(np.arange(200) < 40, GOAL, TIMEOUT)
    episodes = pl.concat([table(np.where(shift == TIMEOUT, TIMEOUT, BOTH), "edge_held_out"), table(shift)])
    runs = [Recorded(str(name), run, None) for (name,), run in episodes.group_by("run", maintain_order=True)]
    found = diagnose_runs(WORLD, diagnose(episodes), runs)
    assert found.verdict.lost == ("agent-2", "agent-3")
    assert [group.preference.value for group in found.curve.bins] == [0] * len(found.curve.bins)


def test_slipping_actions_are_not_weighed() -> None:
    found = diagnosed(GoToProxy(), ("edge_held_out", "off_path"), slip=0.1)
    assert not found.attributions
    assert "slip" in found.no_attribution


def test_runs_that_differ_in_more_than_the_seed_are_not_pooled() -> None:
    def item(*changes: str) -> Any:
        config = ExperimentConfig.parse({"name": "edge"}).override(list(changes))
        return SimpleNamespace(config=config, run=SimpleNamespace(path=Path("-".join(changes) or "first")))

    assert [len(g) for g in grouped([item(), item("seed=1"), item("name=other")])] == [2, 1]
    with pytest.raises(RunError, match=r"env\.reward"):
        grouped([item(), cast(Any, item("seed=1", "env.reward=proxy"))])


def test_a_diagnosis_needs_no_torch() -> None:
    code = "import goalposts.experiments.publish.run_report, goalposts.experiments.cli.tables, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
