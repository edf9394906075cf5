"""The first lines of the page of methods, and a control that does not hold for a reason that an experiment found."""

from functools import cache
from pathlib import Path

import polars as pl
import pytest
from fixtures.methods_planted import LABELS, cells_from, curve, planned_from, planted, table

from goalposts.experiments.analyses.methods.comparison.controls import HOLDS, L1, Checked
from goalposts.experiments.analyses.methods.comparison.figures import relearning_figure
from goalposts.experiments.analyses.methods.comparison.in_short import in_short
from goalposts.experiments.analyses.methods.comparison.page import page
from goalposts.experiments.analyses.methods.comparison.predictions import Findings, findings_of
from goalposts.experiments.analyses.methods.why import predictions as why

SLOW, QUICK, NEVER = (0.13, 0.15, 0.3, 0.6, 0.9), (0.2, 0.4, 0.7, 0.9, 0.95), (0.05,) * 5
CAUSE = "Cause found in part: it learns from half of its steps"


pytestmark = pytest.mark.usefixtures("few_samples")


@cache
def everyone(shuffled: tuple[float, ...] = SLOW) -> pl.DataFrame:
    methods = {"plain": SLOW, "domain-randomization": QUICK, "PLR-max-return": NEVER, "SFL": SLOW}
    parts = [planted(L1, name, curve(values), 10, lambda a: 2 * a) for name, values in methods.items()]
    parts += [planted(L1, "all-levels", [(1.0, 0.99)]), planted(L1, "PLR-shuffled", curve(shuffled))]
    parts += [
        planted("methods-l0", "plain", [(0.0, 0.13)]),
        planted("methods-l0", "dropout-0.1", [(0.0, 0.2)]),
    ]
    for name in ("cloning", "dagger", "fine-tuning"):
        parts += [
            planted("methods-labelled", name + end, [(k, min(1.0, k / needed)) for k in LABELS], 5)
            for end, needed in (("", 60), ("-untrained", 120))
        ]
    return table(*parts)


def found_in(agents: pl.DataFrame, cause: str = "") -> Findings:
    return findings_of(agents, cells_from(agents), planned_from(agents), cause)


def test_the_first_lines_are_those_of_known_agents() -> None:
    agents = everyone()
    lines = in_short(agents, cells_from(agents), found_in(agents))
    assert len(lines) == 4
    assert "with plain PPO, 0.0" in lines[0]
    assert (
        "higher with domain-randomization (+0.21); lower with PLR-max-return (-0.37); no difference shown for 1"
        in lines[0]
    )
    assert "not one curve.** The lowest mean residual is that of PLR-max-return (-0." in lines[1]
    assert (
        "the highest of 1 variants of plain PPO is dropout-0.1, with a chance-corrected preference of 0.10"
        in lines[2]
    )
    assert (
        "cloning 1.7 [1.7, 1.7] for the goal, unknown (both pass from the start) for the capability"
        in lines[3]
    )


def test_the_figure_of_labels_counts_head_starts_by_their_intervals() -> None:
    drawn = relearning_figure(everyone())
    assert drawn is not None
    assert drawn.title.endswith("in the goal with 3 of 3 methods, in capability with 0")


def test_a_method_that_loses_its_capability_says_so() -> None:
    own = pl.col("method") == "domain-randomization"
    agents = everyone().with_columns(pl.when(own).then(0.5).otherwise("capability").alias("capability"))
    assert (
        "domain-randomization (+0.21; capability 0.50)"
        in in_short(agents, cells_from(agents), found_in(agents))[0]
    )


def test_nothing_is_said_in_short_of_a_class_whose_control_fails_without_a_cause() -> None:
    agents = everyone(shuffled=NEVER)
    failed, explained = found_in(agents), found_in(agents, CAUSE)
    cells = cells_from(agents)
    assert [len(in_short(agents, cells, found)) for found in (failed, explained)] == [2, 4]
    assert failed.predictions[3].found == "not concluded"
    assert explained.predictions[3].found == "holds"
    text = page(agents, cells, explained, [], [])
    assert "; negative: shuffled: fails, cause found in part" in text
    assert text.count(CAUSE) == 1
    whole = found_in(agents, CAUSE.replace("Cause found in part", "Cause found"))
    assert "; negative: shuffled: fails, cause found)" in page(agents, cells, whole, [], [])


def test_a_control_that_holds_needs_no_cause() -> None:
    assert not any(control.cause for control in found_in(everyone(), CAUSE).controls)


@pytest.mark.parametrize(
    ("state", "seeds", "known"), [(HOLDS, 5, True), ("open", 5, False), (HOLDS, 4, False)]
)
def test_the_cause_is_known_if_its_prediction_holds_with_all_agents(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, state: str, seeds: int, known: bool
) -> None:
    assert why.why_of(tmp_path).cause == ""
    for study in (L1, "methods-why"):
        (tmp_path / f"{study}.parquet").touch()
    agents = table(planted("methods-why", "plain-half", curve(SLOW), seeds))
    monkeypatch.setattr(why, "read_agents", lambda rows: agents)
    monkeypatch.setattr(why, "judged", lambda agents: [Checked("", state, "−0.01 [−0.02, 0.00]")] * 6)
    assert ("found in part" in why.why_of(tmp_path).cause) is known
