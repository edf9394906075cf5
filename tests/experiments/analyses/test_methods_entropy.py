"""The page of equal entropy bonuses: its predictions from agents with known values, its text, and the names of its arms."""

from pathlib import Path

import polars as pl
import pytest
from fixtures.methods_planted import ALPHAS, curve, planted, table

from goalposts.experiments.analyses.methods.comparison.bonus import REPLAY, STUDY, method_of, name_of
from goalposts.experiments.analyses.methods.comparison.controls import FAILS, HOLDS, OPEN, UNKNOWN
from goalposts.experiments.analyses.methods.entropy import __main__ as command
from goalposts.experiments.analyses.methods.entropy.page import ARMS, answer, draw, page
from goalposts.experiments.analyses.methods.entropy.predictions import judged
from goalposts.experiments.study.design.plan import plan_study
from goalposts.experiments.study.leaderboard.points import points_of
from goalposts.experiments.study.results.recorded_rows import RecordedRows

pytestmark = pytest.mark.usefixtures("few_samples")

Curve = tuple[float, ...]
USUAL: dict[str, Curve] = {  # all predictions hold
    "plain 0.01": (0.1, 0.2, 0.3, 0.4, 0.7),
    "domain-randomization 0.01": (0.1, 0.2, 0.3, 0.4, 0.7),
    "PLR-regret 0.01": (0.2, 0.3, 0.4, 0.5, 0.8),
    "domain-randomization 0.1": (0.2, 0.3, 0.4, 0.6, 0.8),
    "PLR-regret 0.1": (0.3, 0.35, 0.45, 0.6, 0.9),
    "ACCEL-identity-regret 0.01": (0.4,) * 5,
    "ACCEL-identity-regret 0.1": (0.4,) * 5,
    "domain-randomization-4x 0.1": (0.2, 0.5, 0.6, 0.7, 0.8),
    "PLR-regret-4x 0.1": (0.5, 0.7, 0.8, 0.9, 0.95),
    "PLR-shuffled 0.01": (0.1, 0.15, 0.2, 0.3, 0.4),
    "plain-third 0.01": (0.1, 0.15, 0.2, 0.3, 0.45),
}


def everyone(changed: dict[str, Curve] | None = None, capability: float = 0.8) -> pl.DataFrame:
    """Agents of all arms. capability: of ACCEL with a bonus of 0.01; all others have 0.98."""
    values = USUAL | (changed or {})
    agents = table(*(planted(STUDY, arm, curve(values[arm])) for arm in values))
    weak = pl.col("method") == "ACCEL-identity-regret 0.01"
    return agents.with_columns(
        capability=pl.when(weak).then(pl.lit(capability)).otherwise(pl.col("capability"))
    )


def states(agents: pl.DataFrame) -> list[str]:
    return [prediction.found for prediction in judged(agents)]


def test_predictions_that_hold() -> None:
    assert states(everyone()) == [HOLDS] * 8


@pytest.mark.parametrize(
    ("k", "changed"),
    [
        (0, {"domain-randomization 0.01": (0.2, 0.3, 0.4, 0.5, 0.8)}),
        (1, {"PLR-regret 0.1": (0.1,) * 5}),
        (2, {"PLR-regret 0.1": (0.1,) * 5}),
        (3, {"PLR-regret 0.01": (0.1,) * 5}),
        (4, {"PLR-regret 0.1": (0.3, 0.6, 0.7, 0.8, 0.9)}),
        (6, {"PLR-regret-4x 0.1": (0.2, 0.5, 0.6, 0.7, 0.8)}),
        (7, {"plain-third 0.01": (0.1, 0.15, 0.2, 0.3, 0.55)}),  # at one α only
    ],
)
def test_predictions_that_do_not_hold(k: int, changed: dict[str, Curve]) -> None:
    assert states(everyone(changed))[k] == FAILS


def test_the_capability_of_accel_is_what_counts() -> None:
    assert states(everyone(capability=0.99))[5] == FAILS


def test_the_control_is_judged_at_every_alpha_with_a_correction() -> None:
    shift = pl.when(pl.col("seed") % 2 == 0).then(0.12).otherwise(-0.12)
    wide = everyone({"plain-third 0.01": (0.1, 0.15, 0.2, 0.3, 0.4)}).with_columns(
        preference=pl.col("preference")
        + pl.when(pl.col("method") == "plain-third 0.01").then(shift).otherwise(0)
    )
    control = judged(wide)[7]
    assert control.found == OPEN
    assert control.words.count(" at α = ") == len(ALPHAS)
    low, high = control.words.split(": ")[1].split("[")[1].split("]")[0].split(", ")
    assert float(low) < -0.1  # corrected; uncorrected it is within ±0.1
    assert float(high) > 0.1
    fewer = everyone().filter(pl.col("parameter") > 0.001)
    assert judged(fewer)[7].found == UNKNOWN


def test_what_is_not_recorded_is_not_judged() -> None:
    only = everyone().filter(pl.col("method").is_in(["PLR-regret 0.01", "domain-randomization 0.1"]))
    assert states(only) == [UNKNOWN] * 8
    assert answer(only) == ""
    assert draw(only) is None


def test_the_page_has_every_arm_and_what_is_missing() -> None:
    agents = everyone()
    text = page(agents, judged(agents), draw(agents), agents.height)
    assert "Incomplete" not in text
    assert "8 hold and 0 do not; none is open." in text
    assert (
        "0.1 [0.1, 0.1] with a bonus of 0.01 for both (n = 10 seeds), 0.06 [0.06, 0.06] with a bonus of 0.1 for both"
        in text
    )
    assert (
        "Goal preference, replay minus domain randomization: +0.1 with a bonus of 0.01 for both, +0.06 with 0.1"
        in text
    )
    for arm in USUAL:
        assert text.count(f"| {ARMS[arm]} | ") == len(ALPHAS) + 1, arm  # and its critical α
    assert "26% of seeds (10 per point)" in text
    fewer = page(agents, judged(agents), None, agents.height + 1)
    assert f"{agents.height} of {agents.height + 1} agents are recorded" in fewer


def test_arms_have_the_same_name_in_every_study() -> None:
    plans = {study: plan_study(study) for study in (STUDY, "methods-l1", "methods-why")}
    points = {
        study: {name_of(point): point.config for point in points_of(plan, RecordedRows())}
        for study, plan in plans.items()
    }
    assert set(ARMS) <= set().union(*points.values())
    one, other, third = (set(names) & set(ARMS) for names in points.values())
    assert [len(a & b) for a, b in ((one, other), (one, third), (other, third))] == [0, 0, 0]
    usual = points["methods-l1"]
    for arm, config in points[STUDY].items():
        method = method_of(arm).removesuffix("-4x")
        if method == "plain-third":
            continue
        other = next(name for name in usual if method_of(name) == method)
        assert config.method == usual[other].method, arm  # the options of the search
        same = {"total_steps": config.train.total_steps, "ent_coef": config.train.ent_coef}
        assert config.train == usual[other].train.model_copy(update=same), arm
    assert points[STUDY][f"{REPLAY} 0.1"].train.ent_coef == 0.1


def test_the_command_writes_the_page_its_figure_and_its_table(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(command, "read_agents", lambda rows: everyone())
    (tmp_path / "golden.json").write_text('{"CoinRun": "0123456789abcdef"}')
    command.main([str(tmp_path / "equal.csv"), "--rows", str(tmp_path)])
    written = {path.name for path in tmp_path.iterdir()} - {"golden.json"}
    assert written == {"equal.csv", "equal.md", "methods-entropy.svg", "methods-entropy.png"}
    assert "n: 550 agents, 10 training seeds per point" in (tmp_path / "equal.md").read_text("utf-8")


def test_missing_rows_are_an_error_that_says_how_to_record_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main([str(tmp_path / "equal.csv"), "--rows", str(tmp_path)]) == 2
    assert (
        "methods-entropy.parquet is missing; record it with docs/results/regenerate.sh"
        in capsys.readouterr().err
    )
    assert list(tmp_path.iterdir()) == []
