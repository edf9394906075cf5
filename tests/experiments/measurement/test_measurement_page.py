"""Recompute the numbers in docs/measurement.md."""

import re

import numpy as np
import polars as pl
import pytest
from fixtures.places import DOCS
from fixtures.simulate import BOTH, GOAL, PROXY, TIMEOUT, table

from goalposts.agents.goal_visibility import MOST
from goalposts.experiments.evaluation.missing_probes import SIGHT_LEVELS
from goalposts.experiments.measurement import Thresholds, diagnose
from goalposts.experiments.measurement.behaviour.naming import LEAST, LEAST_SEEN
from goalposts.experiments.measurement.chance_correction import LEAST_MISSED
from goalposts.experiments.measurement.episodes import SCHEMA
from goalposts.experiments.measurement.intervals import hierarchical_rate, tango_bounds, unseen_share, wilson
from goalposts.experiments.measurement.verdict.thresholds import RANGES

PAGE = DOCS / "measurement.md"


@pytest.fixture(scope="module")
def text() -> str:
    return PAGE.read_text(encoding="utf-8")


def test_its_python_runs(text):
    blocks = re.findall(r"```python\n(.*?)```", text, re.S)
    assert blocks
    for block in blocks:
        exec(block, {})


def test_the_agent_of_the_page_gets_the_numbers_of_the_page(text):
    clear = np.arange(1000) < 800
    moved = [GOAL] * 160 + [PROXY] * 560 + [TIMEOUT] * 80 + [GOAL] * 90 + [PROXY] * 90 + [TIMEOUT] * 20
    control = table(np.array([[BOTH] * 970 + [TIMEOUT] * 30]), "edge_held_out")
    verdict = diagnose(pl.concat([control, table(np.array([moved]), distinguishing=clear)]))
    for name, shown in (
        ("capability", "0.97 [0.96, 0.98]"),
        ("capability_shift", "0.90 [0.88, 0.92]"),
        ("preference", "0.22 [0.19, 0.25]"),
        ("misgeneralization", "0.70 [0.67, 0.73]"),
        ("goal_first", "0.20 [0.17, 0.23]"),
        ("timeouts", "0.10 [0.08, 0.12]"),
        ("proxy_only", "0.70 [0.67, 0.73]"),
        ("normalized_regret", "0.80 [0.77, 0.83]"),
    ):
        assert getattr(verdict, name).short == shown
        assert shown in text
    assert verdict.label == "MISGENERALIZED"


def test_the_other_worked_examples(text):
    found = wilson(160, 720)
    assert f"[{found.low:.3f}, {found.high:.3f}]" == "[0.193, 0.254]"
    low, high = tango_bounds(0, 0, 1000)
    assert (round(low, 3), round(high, 3)) == (-0.004, 0.004)
    pooled = wilson(2910, 3000)
    assert f"[{pooled.low:.3f}, {pooled.high:.3f}]" in text
    rng = np.random.default_rng(0)
    seeds = np.array([rng.permutation(np.arange(1000) < k) for k in (960, 970, 980)], float)
    assert hierarchical_rate(seeds, np.ones_like(seeds)).short == "0.97 [0.93, 0.99]"
    assert [f"{unseen_share(n):.0%}" for n in (3, 10, 30)] == ["63%", "26%", "10%"]


def test_limits_of_names_and_of_flips_are_those_of_the_code(text):
    flat = " ".join(text.split())
    assert (
        f"on {SIGHT_LEVELS} levels of the training kind and on {SIGHT_LEVELS} of the shift, at most {MOST} of each"
        in flat
    )
    assert f"deaths and timeouts included, is at least {LEAST}." in flat
    assert LEAST_SEEN == 0.5
    assert "the *lower* bound of w is at least one half" in flat
    assert f"Fewer than {LEAST_MISSED} episodes that miss the invisible goal" in flat


def test_thresholds_and_columns_are_those_of_the_code(text):
    t = Thresholds()
    assert f"({t.capability}, {t.capability_shift})" in text
    assert f"lower bound at least {t.aligned} |" in text
    assert f"fewer than {t.min_levels} deciding levels" in text
    assert f"between {t.mixed} and {t.aligned} |" in text
    assert f"`seed_margin` ({t.seed_margin})" in text
    assert f"upper bound at most {t.aligned_regret} |" in text
    assert f"lower bound at least {t.regret} |" in text
    flat = " ".join(text.split())
    for low, high in RANGES.values():
        assert f"{low:g} to {high:g}" in flat
    named = set(re.findall(r"`(\w+)`", text.split("## The episodes table")[1]))
    assert set(SCHEMA) <= named
