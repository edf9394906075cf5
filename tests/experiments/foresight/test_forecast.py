"""The forecast before any shift: calibrated on other worlds, with its error bar, and silent without a calibration."""

import json
from pathlib import Path

import pytest
from fixtures.command import Cli
from fixtures.foresight import population
from fixtures.tiny import copy_of

from goalposts.experiments.foresight import forecast as module
from goalposts.experiments.foresight.forecast import (
    NONE,
    Calibration,
    CalibrationAgent,
    LeftOut,
    forecast_sentences,
    sentences_of,
)
from goalposts.experiments.foresight.predictors import PREDICTORS, Foreseen

MOVE = next(one for one in PREDICTORS if one.name == "move")


def planted(conclusion: str = "confirmed") -> Calibration:
    agents = [
        CalibrationAgent(world, row["move"], row["target"], row["verdict"] == "MISGENERALIZED")
        for world in ("CoinRun", "Corner")
        for row in population(world).to_dicts()
    ]
    return Calibration(tuple(agents), {"CoinRun": LeftOut(0.05, 0.25, 72)}, conclusion)  # type: ignore[arg-type]


def test_the_forecast_follows_the_agents_of_other_worlds_only() -> None:
    calibration = planted()
    low, high = calibration.forecast(0.05, "CoinRun"), calibration.forecast(0.95, "CoinRun")
    assert low is not None
    assert high is not None
    assert low.probability > 0.9 > 0.1 > high.probability
    assert low.low <= low.value <= low.high < high.high
    assert low.value < high.value
    assert low.worlds == ("Corner",)
    misleading = [CalibrationAgent("CoinRun", 0.05, 0.99, False)] * 200
    more = Calibration((*calibration.agents, *misleading), calibration.left_out, "confirmed")
    assert more.forecast(0.05, "CoinRun") == low


def test_the_sentences_name_error_bar_access_class_and_worlds() -> None:
    said = " ".join(sentences_of(planted().forecast(0.05, "CoinRun"), "CoinRun"))
    assert "90% prediction interval" in said
    assert "access class D" in said
    assert "must know the goal plane" in said
    assert "Calibrated on other worlds: Corner." in said
    assert "72 agents of CoinRun had a Brier score of 0.050" in said
    assert "Not calibrated" not in said
    elsewhere = " ".join(sentences_of(planted().forecast(0.05, "Beacon"), "Beacon"))
    assert "Not calibrated for this world: the study has no config of Beacon that it could score" in elsewhere
    hint = " ".join(sentences_of(planted("refuted").forecast(0.05, "CoinRun"), "CoinRun"))
    assert "The study behind it ended refuted" in hint


def test_too_few_agents_of_other_worlds_give_no_forecast() -> None:
    few = Calibration(planted().agents[:30], {}, "confirmed")
    assert few.forecast(0.5, "Corner") is None
    assert sentences_of(None, "Corner") == [
        "No forecast: too few agents of other worlds than Corner are in the calibration."
    ]


def test_a_calibration_survives_its_file(tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    path.write_text(planted().to_json())
    assert module.shipped_calibration(path) == planted()


def test_an_agent_without_the_predictor_gets_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "shipped_calibration", planted)
    said = forecast_sentences(Foreseen(MOVE, None, "needs an agent with action_probabilities"), "CoinRun")
    assert said == ["No forecast: move needs an agent with action_probabilities."]


@pytest.mark.slow
def test_diagnose_of_a_run_without_a_shift_forecasts_it_or_says_why_not(
    tiny_run: Path, tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = copy_of(tiny_run, tmp_path / "run")
    (run / "episodes.parquet").unlink()
    (run / "trajectories.parquet").unlink()
    code, _, err = cli("evaluate", run, "--condition", "edge_held_out", "--levels", "20")
    assert code == 0, err
    monkeypatch.setattr(module, "shipped_calibration", lambda: None)
    code, out, err = cli("diagnose", run)
    assert code == 0, err
    assert "No forecast: this version of Goalposts ships no calibration" in " ".join(out.split())
    monkeypatch.setattr(module, "shipped_calibration", planted)
    code, out, err = cli("diagnose", run)
    assert code == 0, err
    assert "Before any shift" in out
    assert "90% prediction interval" in " ".join(out.split())
    code, out, _ = cli("diagnose", run, "--json")
    assert "Calibrated on other worlds: CoinRun, Corner." not in out
    assert json.loads(out)["forecast"][str(run)][2] == "Calibrated on other worlds: Corner."


@pytest.mark.slow
def test_diagnose_of_a_run_with_a_shift_prints_no_forecast(tiny_run: Path, cli: Cli) -> None:
    code, out, _ = cli("diagnose", tiny_run)
    assert code == 0
    assert "forecast" not in out.lower()
    assert "forecast" in NONE
