"""The page of the fine-tuning test: what an arm that does not start like a fresh net may say, and the page made from its table."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from fixtures.places import DOCS

from goalposts.experiments.analyses.finetune_control.__main__ import main
from goalposts.experiments.analyses.finetune_control.page import conclusion, curves_of, page, rows_of
from goalposts.experiments.measurement.relearning import Recovery

STEPS = (0, 8192, 100_000)
PREFERENCES = {"edge": "0.13 [0.12, 0.15]", "control": "0.39 [0.35, 0.42]"}


def curves(control: tuple[float, ...], edge: tuple[float, ...], matched: float = 0.2) -> dict[str, Recovery]:
    """Both groups. control, edge: ahead of a fresh net from their weights; matched: of the control, evened out, in the end."""
    rows = []
    for group, gains, last in (("edge", edge, -0.1), ("control", control, matched)):
        for steps, gain, of_matched in zip(STEPS, gains, (0.0, 0.0, last), strict=True):
            arms = {
                "finetuned": 0.5,
                "matched": 0.5,
                "scratch": 0.5,
                "gain": gain,
                "matched_gain": of_matched,
            }
            rows += [
                (group, steps, arm, value, value - 0.05, value + 0.05, 500, 10) for arm, value in arms.items()
            ]
    schema = ["group", "steps", "arm", "value", "low", "high", "n", "seeds"]
    return curves_of(pl.DataFrame(rows, schema=schema, orient="row"))


def test_an_arm_that_starts_ahead_measures_the_start_and_decides_nothing() -> None:
    both = curves(control=(0.14, 0.15, 0.3), edge=(-0.13, -0.14, -0.34))
    text = conclusion(both["edge"], both["control"])
    assert "*From its weights*, the groups do not start like fresh nets" in text
    assert (
        "the control is ahead of them by 0.14 [0.09, 0.19]; the edge agents are behind them (−0.13 [−0.18, −0.08])"
        in text
    )
    assert "after 8,192 steps +0.01 and −0.01, 100,000 steps +0.16 and −0.21." in text
    assert "**The positive control passes**: evened out, it is ahead" in text
    assert "from its weights, it is ahead" not in text
    assert text.count("this test finds in them nothing of what the control kept") == 1
    text = page(both, PREFERENCES, 10)
    assert "| 8,192 | 0.50 [0.45, 0.55] |" in text
    assert "All numbers are of sampled actions, and no greedy episode was played" in text
    assert "| 0.15 [0.10, 0.20] | 0.00 [−0.05, 0.05] | +0.01 |" in text
    assert "its goal preference was still 0.39 [0.35, 0.42] when fine-tuning began" in text


def test_an_arm_that_starts_ahead_does_not_let_the_control_pass() -> None:
    both = curves(control=(0.14, 0.15, 0.3), edge=(-0.13, -0.14, -0.34), matched=0.0)
    assert "**The positive control fails**" in conclusion(both["edge"], both["control"])


def test_an_arm_that_starts_like_a_fresh_net_counts() -> None:
    both = curves(control=(0.0, 0.15, 0.3), edge=(0.0, 0.0, 0.0))
    text = conclusion(both["edge"], both["control"])
    assert "**The positive control passes**: from its weights, it is ahead" in text
    assert "start like fresh nets" not in text


def test_the_page_is_made_again_from_its_table(tmp_path: Path) -> None:
    for suffix in (".csv", ".md"):
        (tmp_path / f"finetune{suffix}").write_bytes((DOCS / "results" / f"finetune{suffix}").read_bytes())
    (tmp_path / "golden.json").write_bytes((DOCS / "results" / "golden.json").read_bytes())
    out = tmp_path / "finetune.csv"
    assert main([str(out)]) == 0
    assert out.with_suffix(".md").read_text("utf-8") == (DOCS / "results" / "finetune.md").read_text("utf-8")
    table = pl.read_csv(out)
    again = rows_of(curves_of(table))
    assert again.select(table.columns).equals(table)
    if "actions" not in table.columns:
        assert again["actions"].unique().to_list() == ["sampled"]


def test_greedy_actions_have_a_table_and_decide_nothing() -> None:
    without = curves(control=(0.14, 0.15, 0.3), edge=(-0.13, -0.14, -0.34))
    greedy = rows_of(without).with_columns(actions=pl.lit("greedy"), value=pl.col("value") / 2)
    both = curves_of(pl.concat([rows_of(without), greedy]))
    assert conclusion(both["edge"], both["control"]) == conclusion(without["edge"], without["control"])
    assert rows_of(both).height == 2 * rows_of(without).height
    text = page(both, PREFERENCES, 10)
    assert (
        text.count("With greedy actions:\n\n| steps | from its weights | evened out | from scratch |\n") == 2
    )
    assert "| 8,192 | 0.25 [0.45, 0.55] | 0.25 [0.45, 0.55] | 0.25 [0.45, 0.55] |" in text
    assert "no greedy episode was played" not in text
    assert "At k = 0, *evened out* and *from its weights* are the same with greedy actions." in text
    apart = both["edge"].greedy[0]
    moved = replace(apart, matched=replace(apart.scratch, value=0.254))
    both["edge"] = replace(both["edge"], greedy=(moved, *both["edge"].greedy[1:]))
    assert "differ by up to 0.004 with greedy actions." in page(both, PREFERENCES, 10)


def test_the_smallest_number_of_steps_is_read_from_the_table() -> None:
    both = curves(control=(0.14, 0.15, 0.3), edge=(-0.13, -0.14, -0.34))
    text = page(both, PREFERENCES, 10)
    assert "The smallest k is one batch of all environments (8,192 steps, several hundred episodes)" in text
    first, least, *rest = both["edge"].points
    both["edge"] = replace(both["edge"], points=(first, replace(least, steps=512), *rest))
    both["control"] = replace(both["control"], points=both["edge"].points)
    text = page(both, PREFERENCES, 10)
    assert "The smallest k is 512 steps: one batch of 8 of the 128 environments, and one update." in text


def test_one_group_alone_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "finetune.csv"), "--edge", str(tmp_path)]) == 2
    assert "give both --edge and --control" in capsys.readouterr().err
