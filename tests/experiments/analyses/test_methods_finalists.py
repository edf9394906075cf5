"""The finalists: who is chosen by the rule, the predictions from agents with known values, and the page."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from fixtures.methods_planted import curve, planted, table
from fixtures.places import ROOT

from goalposts.experiments.analyses.methods.comparison.bonus import name_of
from goalposts.experiments.analyses.methods.comparison.controls import FAILS, HOLDS, OPEN, UNKNOWN
from goalposts.experiments.analyses.methods.finalists import __main__ as command
from goalposts.experiments.analyses.methods.finalists.choice import (
    FinalistCandidate,
    candidates_of,
    finalists_of,
    old_agents,
)
from goalposts.experiments.analyses.methods.finalists.limits import limits
from goalposts.experiments.analyses.methods.finalists.page import draw, page, pairs_of
from goalposts.experiments.analyses.methods.finalists.predictions import INAPPLICABLE, judged
from goalposts.experiments.config.schema import ExperimentConfig
from goalposts.experiments.study.design.plan import plan_study
from goalposts.experiments.study.leaderboard.curves import differences
from goalposts.experiments.study.leaderboard.points import points_of
from goalposts.experiments.study.results.recorded_rows import RecordedRows

pytestmark = pytest.mark.usefixtures("few_samples")

CHOSEN = ("domain-randomization 0.1", "plain 0.1", "PLR-regret 0.01")
STUDIES = {
    "CoinRun": ("methods-finalists", (0.001, 0.003, 0.01, 0.02, 0.03, 0.1)),
    "Corner": ("methods-finalists-corner", (0.001, 0.003, 0.01, 0.03)),
    "Beacon": ("methods-finalists-beacon", (0.03, 0.1, 0.3)),
}
USUAL = {
    "CoinRun": ((0.2, 0.25, 0.35, 0.45, 0.6, 0.9),) * 2 + ((0.4, 0.45, 0.5, 0.5, 0.6, 0.8),),
    "Corner": ((0.2, 0.3, 0.6, 0.8),) * 2 + ((0.1, 0.2, 0.3, 0.4),),
    "Beacon": ((0.3, 0.6, 0.8),) * 2 + ((0.1, 0.2, 0.3),),
}


def old(**curves: tuple[float, ...]) -> pl.DataFrame:
    """Candidates with these goal preferences, `plain_0.1` for `plain 0.1`."""
    agents = table(
        *(planted("methods-l1", name.replace("_", " "), curve(values)) for name, values in curves.items())
    )
    return agents.with_columns(seed=pl.col("seed") - pl.col("seed").min() + 510)


def everyone(changed: dict[str, tuple[tuple[float, ...], ...]] | None = None) -> pl.DataFrame:
    values = USUAL | (changed or {})
    return table(
        *(
            planted(study, arm, zip(alphas, values[world][k], strict=True))
            for world, (study, alphas) in STUDIES.items()
            for k, arm in enumerate(CHOSEN)
        )
    )


def chosen() -> list[FinalistCandidate]:
    candidates = candidates_of(
        old(
            **{
                "plain_0.1": (0.1, 0.2, 0.4, 0.55, 0.9),
                "domain-randomization_0.1": (0.1, 0.2, 0.45, 0.6, 0.9),
                "PLR-regret_0.01": (0.1, 0.2, 0.3, 0.5, 0.9),
            }
        )
    )
    return finalists_of(candidates)


def states(agents: pl.DataFrame) -> list[str]:
    return [prediction.found for prediction in judged(agents, chosen())]


def test_the_best_able_arm_of_each_method_is_a_candidate_and_the_first_three_are_chosen() -> None:
    agents = old(
        **{
            "plain_0.01": (0.1, 0.2, 0.3, 0.5, 0.9),
            "plain_0.1": (0.1, 0.2, 0.4, 0.55, 0.9),
            "ACCEL_0.01": (0.6, 0.7, 0.8, 0.8, 0.9),  # the best, but not able at one α
            "SFL_0.01": (0.1, 0.1, 0.2, 0.4, 0.8),
            "PLR_0.1": (0.1, 0.1, 0.1, 0.2, 0.3),  # passes one half nowhere
            "DR_0.1": (0.2, 0.3, 0.5, 0.7, 0.9),
            "short_0.1": (0.9,) * 5,
        }
    )
    weak = (pl.col("method") == "ACCEL 0.01") & (pl.col("parameter") == 0.03)
    agents = agents.with_columns(capability=pl.when(weak).then(0.8).otherwise(pl.col("capability")))
    agents = agents.filter((pl.col("method") != "short 0.1") | (pl.col("parameter") > 0.003))
    candidates = candidates_of(agents)
    assert next(candidate.arm for candidate in candidates) == "ACCEL 0.01"
    assert "short 0.1" not in [candidate.arm for candidate in candidates]
    assert [candidate.arm for candidate in finalists_of(candidates)] == ["DR 0.1", "plain 0.1", "SFL 0.01"]
    assert [candidate.arm for candidate in candidates][-1] == "PLR 0.1"


def test_predictions_that_hold() -> None:
    assert [candidate.arm for candidate in chosen()] == list(CHOSEN)
    assert states(everyone()) == [HOLDS, HOLDS, HOLDS, HOLDS, HOLDS]


@pytest.mark.parametrize(
    ("k", "changed"),
    [
        (0, {"Corner": ((0.2, 0.3, 0.6, 0.8), (0.1, 0.2, 0.5, 0.7), (0.1, 0.2, 0.3, 0.4))}),
        (1, {"CoinRun": (*USUAL["CoinRun"][:2], (0.1, 0.2, 0.3, 0.4, 0.7, 0.95))}),
        (2, {"Beacon": ((0.3, 0.6, 0.8),) * 2 + ((0.4, 0.7, 0.9),)}),
        (3, {"CoinRun": (*USUAL["CoinRun"][:2], (0.1, 0.2, 0.3, 0.4, 0.5, 0.8))}),
        (4, {"CoinRun": ((0.4, 0.5, 0.6, 0.7, 0.8, 0.9),) * 3}),
    ],
)
def test_predictions_that_do_not_hold(k: int, changed: dict[str, tuple[tuple[float, ...], ...]]) -> None:
    assert states(everyone(changed))[k] == FAILS


def test_a_world_that_is_not_recorded_leaves_what_it_decides_unknown() -> None:
    only = everyone().filter(pl.col("world") == "CoinRun")
    assert states(only) == [UNKNOWN, HOLDS, UNKNOWN, UNKNOWN, HOLDS]


def test_an_interval_across_the_bound_is_open_and_a_method_that_is_no_finalist_is_not_judged() -> None:
    apart = pl.when(pl.col("method") == CHOSEN[0]).then(0.2 * (pl.col("seed") % 2) - 0.1).otherwise(0)
    assert states(everyone().with_columns(preference=pl.col("preference") + apart))[0] == OPEN
    others = [candidate for candidate in chosen() if candidate.arm != CHOSEN[0]]
    found = [prediction.found for prediction in judged(everyone(), others)]
    assert found[:4] == [INAPPLICABLE] * 4


def test_a_prediction_on_replay_is_judged_for_every_finalist_that_chooses_levels() -> None:
    agents = everyone()
    second = agents.filter(pl.col("method") == CHOSEN[2]).with_columns(method=pl.lit("ACCEL 0.1"))
    high = second.with_columns(
        preference=pl.col("preference") + pl.when(pl.col("world") == "Beacon").then(0.6).otherwise(0)
    )
    arms = [replace(chosen()[2], arm="ACCEL 0.1"), *chosen()]
    both = judged(pl.concat([agents, second]), arms)
    assert [prediction.found for prediction in both][1:4] == [HOLDS] * 3
    assert "ACCEL 0.1, the difference at" in both[1].words
    mixed = judged(pl.concat([agents, high]), arms)[2]
    assert mixed.found == FAILS
    assert "(does not hold); PLR-regret 0.01 minus" in mixed.words
    assert mixed.words.endswith("(holds)")


def test_pairs_are_paired_by_seed_and_corrected() -> None:
    noise = {arm: np.random.default_rng(k).normal(0, 0.3, 10) for k, arm in enumerate(CHOSEN)}
    own = everyone().filter(pl.col("world") == "Beacon")
    added = [noise[arm][seed % 10] for arm, seed in own.select("method", "seed").iter_rows()]
    own = own.with_columns(preference=pl.col("preference") + pl.Series(added))
    pairs = pairs_of(own, "preference", CHOSEN)
    raw = {
        (one, other): differences(own.filter(pl.col("method").is_in([one, other])), "preference", other)[0]
        for one, other in pairs
    }
    assert len(pairs) == 3
    last = max(raw, key=lambda pair: -raw[pair].p)
    assert pairs[last].p == pytest.approx(min(1, 3 * raw[last].p))
    expected = 1.1 / 3 + (noise[CHOSEN[0]] - noise[CHOSEN[2]]).mean()
    assert pairs[CHOSEN[0], CHOSEN[2]].span.value == pytest.approx(expected)
    assert pairs[CHOSEN[0], CHOSEN[2]].span.n == 10


def test_the_page_says_who_was_chosen_and_shows_every_world() -> None:
    agents = everyone()
    candidates = chosen()
    text = page(
        agents, candidates, candidates, judged(agents, candidates), draw(agents, candidates), agents.height
    )
    assert "`domain-randomization 0.1`, `plain 0.1`, `PLR-regret 0.01`" in text
    assert "Incomplete" not in text
    assert "5 hold and 0 do not; none is open" in text
    for world in STUDIES:
        assert f"| {world} | domain-randomization 0.1 minus plain 0.1 | 10 | 0" in text
        assert f"\n{world}:\n" in text
    assert "PLR-regret 0.01 in CoinRun" in text  # the figure's title
    part = page(agents[:60], candidates, candidates, [], None, agents.height)
    assert f"60 of {agents.height} agents are recorded" in part


def test_the_command_says_who_is_chosen_or_writes_the_page(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "old_agents", lambda rows: None)
    monkeypatch.setattr(command, "candidates_of", lambda agents: chosen())
    monkeypatch.setattr(command, "new_agents", lambda rows: everyone())
    given = [str(tmp_path / "three.csv"), "--rows", str(tmp_path)]
    command.main([*given, "--choose"])
    assert "| PLR-regret 0.01 | 0.03 [" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []
    command.main(given)
    written = {path.name for path in tmp_path.iterdir()}
    assert written == {"three.csv", "three.md", "methods-finalists.svg", "methods-finalists.png"}
    assert "**Incomplete.** 390 of 750 agents are recorded" in (tmp_path / "three.md").read_text("utf-8")


def arms_of(study: str) -> dict[str, ExperimentConfig]:
    """The config of each arm of a study, by method and bonus."""
    return {name_of(point): point.config for point in points_of(plan_study(study), RecordedRows())}


def test_the_three_studies_have_the_same_arms_with_the_options_of_the_old_ones() -> None:
    first, *others = (arms_of(study) for study, _ in STUDIES.values())
    before = arms_of("methods-l1") | arms_of("methods-entropy")
    assert len(first) == 3
    for arm, config in first.items():
        assert config.method == before[arm].method
        assert config.train == before[arm].train
        for other in others:
            assert other[arm].method == config.method
            assert other[arm].train.ent_coef == config.train.ent_coef
    for (study, alphas), n in zip(STUDIES.values(), (30, 10, 10), strict=True):
        points = plan_study(study).points
        assert {len(point.runs) for point in points} == {n}
        assert len(points) == 3 * len(alphas)


@pytest.mark.slow
def test_the_studies_have_the_arms_that_the_rule_chooses_from_the_committed_rows() -> None:
    chosen = finalists_of(candidates_of(old_agents(ROOT / "docs" / "results" / "rows")))
    assert {arm.arm for arm in chosen} == set(arms_of("methods-finalists"))


def test_limits_name_finalists_that_are_not_able_in_a_world_and_what_each_learns_from() -> None:
    agents = everyone()
    lost = (pl.col("world") == "Beacon") & (pl.col("method") == CHOSEN[2]) & (pl.col("parameter") == 0.3)
    agents = agents.with_columns(
        capability=pl.when(lost).then(0.5).otherwise("capability"),
        scoring_steps=pl.when(pl.col("method") == CHOSEN[2]).then(pl.col("steps") / 2).otherwise(0.0),
    )
    text = "\n".join(limits(agents, chosen()))
    assert "the bar for finalists: PLR-regret 0.01 in Beacon (0.50 at α = 0.3)." in text
    assert "plain 0.1 learns from 100%" in text
    assert "PLR-regret 0.01 learns from 50% of the steps" in text
    assert "the bar for finalists" not in "\n".join(limits(everyone(), chosen()))
