"""Predictors: registered once, exact on agents whose answer is known, and silent with a reason where they do not apply."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fixtures.command import Cli

from goalposts.agents import GoToGoal
from goalposts.experiments.analyses.foresight.scripted import RunsRight, TakesCoins
from goalposts.experiments.evaluation.evaluate import subject_of
from goalposts.experiments.foresight.evidence import LEVEL_SEED, PredictorInputs, shifted_states
from goalposts.experiments.foresight.predictors import ACCESS, EDITS, PREDICTORS, foresee, foreseen

LEVELS = 40


def values(agent: Any, **options: Any) -> dict[str, float | None]:
    return {one.predictor.name: one.value for one in foresee(agent, LEVELS, **options)}


def test_each_predictor_is_registered_once_with_class_sign_and_needs() -> None:
    names = [one.name for one in PREDICTORS]
    assert len(set(names)) == len(names)
    assert {one.access for one in PREDICTORS} == set(ACCESS)
    assert {one.name for one in PREDICTORS if EDITS in one.needs} == {
        "move",
        "erase",
        "value_move",
        "shift_move",
    }
    assert [one.name for one in PREDICTORS if one.sign < 0] == ["length_slope", "shift_energy"]


def test_an_agent_that_never_looks_at_the_coin_does_not_react_to_it_and_a_reflex_does() -> None:
    blind, seeing = values(RunsRight()), values(TakesCoins())
    assert blind["move"] == blind["erase"] == blind["shift_move"] == blind["entropy"] == 0.0
    assert blind["shift_confidence"] == 1.0
    assert seeing["move"] is not None
    assert seeing["move"] > 0.2
    assert blind["alpha"] is None
    assert blind["value_move"] is None


def test_an_agent_that_reads_the_level_gets_reasons_and_no_numbers() -> None:
    found = foresee(GoToGoal(), LEVELS)
    assert all(one.value is None for one in found)
    missing = {one.predictor.name: one.missing for one in found}
    assert "reads the level or has a memory" in missing["move"]
    assert "run folder" in missing["alpha"]


def test_a_moved_goal_is_one_bit_in_a_free_cell() -> None:
    inputs = PredictorInputs(subject_of(RunsRight()), levels=20)
    states = inputs.control
    edited, index = inputs.moved(states)
    coin = inputs.goal_planes[0]
    assert (edited[:, coin].sum(axis=(1, 2)) == 1).all()
    others = [k for k in range(states.shape[1]) if k != coin]
    assert (edited[:, others] == states[index][:, others]).all()
    occupied = states[index].any(axis=1)
    assert not (edited[:, coin].astype(bool) & occupied).any()


def test_shifted_states_are_the_same_for_every_agent_and_never_change() -> None:
    one = shifted_states("CoinRun", "view", 12)
    assert one is shifted_states("CoinRun", "view", 12)
    assert len(one) == 12
    with pytest.raises(ValueError, match="read-only"):
        one[0] = 0
    assert LEVEL_SEED not in (1, 2)  # outcomes, and the evaluation during training


def test_a_run_has_every_predictor_but_those_of_weights_that_were_not_kept(tiny_run: Path) -> None:
    found = {one.predictor.name: one for one in foresee(str(tiny_run), LEVELS)}
    lacking = {name: one.missing for name, one in found.items() if one.value is None}
    assert set(lacking) == {"goal_weights", "goal_support"}
    assert "record.initial=true" in lacking["goal_weights"]
    assert "record.support=true" in lacking["goal_support"]
    assert found["alpha"].value == 0.0
    again = foreseen("move", str(tiny_run), LEVELS)
    assert again.value == found["move"].value


@pytest.mark.slow
def test_an_agent_without_the_coins_plane_is_never_moved_by_it() -> None:
    class Sees(RunsRight):
        def action_probabilities(self, observation: np.ndarray) -> np.ndarray:
            return np.full((len(observation), 4), 0.25)

    found = values(Sees(), observation="view(coin=0)")
    assert found["move"] == found["erase"] == 0.0


def test_the_command_prints_every_predictor_and_why_there_is_no_forecast(tiny_run: Path, cli: Cli) -> None:
    code, out, err = cli("foresee", tiny_run, "--json")
    assert code == 0, err
    found = json.loads(out)
    assert [one["name"] for one in found["predictors"]] == [one.name for one in PREDICTORS]
    assert found["forecast"]
    code, out, err = cli("foresee", tiny_run)
    assert code == 0, err
    assert all(one.name in out for one in PREDICTORS)
    assert EDITS in " ".join(out.split())
    code, _, err = cli("foresee", "nowhere")
    assert code == 2
    assert "nowhere" in err


def test_an_agent_that_sees_pixels_gets_reasons_and_no_numbers_from_planes() -> None:
    class Pixels:
        def predict(self, observation: np.ndarray, deterministic: bool = False) -> tuple[np.ndarray, None]:
            return self.action_probabilities(observation).argmax(axis=1), None

        def action_probabilities(self, observation: np.ndarray) -> np.ndarray:
            assert observation.shape[1] == 3
            return np.tile([0.0, 0.0, 1.0, 0.0], (len(observation), 1))

    found = {one.predictor.name: one for one in foresee(Pixels(), LEVELS, observation="rgb")}
    for name in ("move", "erase", "entropy", "shift_move", "shift_confidence"):
        assert found[name].value is None
        assert "this one sees pixels" in str(found[name].missing)
