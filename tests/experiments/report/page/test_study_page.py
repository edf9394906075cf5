"""A study's page, its docs page and the comparison of two studies, on made-up studies."""

import json
import re

import polars as pl
import pytest
from fixtures.study_specimen import alpha_summary, seeds_summary

from goalposts.errors import UserError
from goalposts.experiments.cli.tables import compare_text
from goalposts.experiments.evaluation.replay import replay
from goalposts.experiments.report.data import WorldWords
from goalposts.experiments.report.figures.study_charts import draw
from goalposts.experiments.report.page.study_page import (
    StudyAgent,
    StudyFigure,
    StudyPage,
    StudyTable,
    build_study_page,
    rows_of,
)
from goalposts.experiments.study.design.plan import plan_study
from goalposts.experiments.study.folder.folder import StudyFolder
from goalposts.experiments.study.results.compare import compare
from goalposts.experiments.study.results.docs_page import SHOWN, gap_words, write_docs
from goalposts.experiments.system.atomic_files import RunError

WORDS = WorldWords(
    "CoinRun", "the coin", "the right edge", "takes the coin", "runs to the right edge", "past the coin"
)
EVIL = "</script><script>alert(1)</script>"


def agents(n: int) -> list[StudyAgent]:
    return [
        StudyAgent(f"a/{k}", "edge", f"seed {k}", (k % 10) / 10, "MIXED", "odd" if k == 3 else "")
        for k in range(n)
    ]


def page(**changes: object) -> str:
    from goalposts.envs import generate, solve

    level = generate("CoinRun", condition="off_path", seed=7, count=1)[0]
    path = solve(level).path_to_goal
    assert path is not None
    rollout = replay(level, list(path))
    data = {
        "name": "try",
        "question": "What?",
        "intro": "Ten agents.",
        "agents": agents(100),
        "agents_note": "Pick one.",
        "figures": [
            StudyFigure(one.title, one.inline(), one.caption) for one in draw("seeds", seeds_summary(20))
        ],
        "table": StudyTable(["point", "seeds"], [["edge", "10"]], "n", "a,b\n"),
        "command": "goalposts study try",
        "study": "name: try\n",
        "version": "0",
        "world": WORDS,
        "where": "levels",
        "replays": [(f"a/{k}", "layout", rollout) for k in range(100)],
    }
    return build_study_page(StudyPage(**(data | changes)))  # type: ignore[arg-type]


def test_every_dot_leads_to_its_agents_episodes() -> None:
    text = page()
    dots = re.findall(r'data-agent-key="([^"]+)"', text)
    options = re.findall(r'<option value="([^"]+)">Seed', text)
    block = re.search(r'id="report-data">(.*?)</script>', text, re.DOTALL)
    assert block is not None
    player = json.loads(block[1])["player"]
    takes = {take["c"] for level in player["levels"] for take in level["takes"]}
    assert sorted(dots) == sorted(options) == sorted(takes) == sorted(f"a/{k}" for k in range(100))


def test_the_page_of_a_hundred_agents_is_one_small_file_without_network() -> None:
    text = page()
    assert len(text.encode()) < 5_000_000
    assert "http://" not in re.sub(r'xmlns(:\w+)?="[^"]+"', "", text)
    assert "https://" not in text
    assert "default-src &#39;none&#39;" in text


def test_what_comes_from_outside_is_escaped() -> None:
    text = page(
        question=EVIL,
        study=EVIL,
        command=EVIL,
        agents=[StudyAgent(f"a/0{EVIL}", EVIL, EVIL, 0.5, EVIL)],
        replays=(),
    )
    assert EVIL not in text


def test_same_data_same_bytes() -> None:
    assert page() == page()


def test_dots_do_not_hide_each_other() -> None:
    (row,) = rows_of(agents(100))
    places = [(dot.x, dot.y) for dot in row.dots]
    assert len(set(places)) == 100
    assert all(0 < y < row.height for _, y in places)
    assert sum(dot.outlier for dot in row.dots) == 1


@pytest.mark.parametrize(("kind", "table"), [("alpha", alpha_summary()), ("seeds", seeds_summary())])
def test_study_findings_are_reported_with_intervals(kind: str, table: pl.DataFrame) -> None:
    said = " ".join(SHOWN[kind](plan_study(kind), table))
    assert re.search(r"\d\.\d\d \[", said) or "95%" in said


def test_two_studies_differ_where_their_agents_do() -> None:
    one, two = alpha_summary(0.02), alpha_summary(0.1)
    found = compare(one, two)
    at = {(d.values["env.condition"], d.measure): d for d in found if d.arm == "main"}
    changed = at["mixture(0.05)", "preference"]
    assert changed.difference < -0.3
    assert changed.high is not None
    assert changed.high < 0
    same = at["mixture(0.001)", "capability"]
    assert same.low is not None
    assert same.high is not None
    assert same.low <= 0 <= same.high
    assert "differs" in compare_text(found, ("one", "two"))


def test_studies_without_a_common_point_are_refused() -> None:
    other = alpha_summary().with_columns(pl.col("env.condition") + "x")
    with pytest.raises(UserError, match="no point in common"):
        compare(alpha_summary(), other)


def test_shipped_studies_have_a_figure_and_say_what_they_do_not_show() -> None:
    from goalposts.experiments.report.figures.study_charts import FIGURES
    from goalposts.experiments.study.design.config import FIGURES as NAMES
    from goalposts.experiments.study.results.docs_page import NOT_SHOWN

    assert set(FIGURES) == set(NAMES) == set(SHOWN) == set(NOT_SHOWN)


def test_a_page_that_was_written_by_hand_is_not_overwritten(tmp_path) -> None:
    (tmp_path / "recipe.md").write_text("mine")
    with pytest.raises(RunError, match="would be overwritten"):
        write_docs(StudyFolder(tmp_path / "study"), plan_study("recipe"), tmp_path, "goalposts study docs")
    assert (tmp_path / "recipe.md").read_text() == "mine"


def test_gap_over_training_is_reported_with_its_interval() -> None:
    table = pl.DataFrame(
        [
            {"point": "edge", "seed": seed, "step": step, "measure": f"eval/off_path/{what}", "value": value}
            for seed in (0, 1, 2)
            for step, reached, first in ((10, 0.2, 0.2), (20, 0.9 + seed / 100, 0.1))
            for what, value in (("reached", reached), ("goal_first", first))
        ]
    )
    assert gap_words(table, "edge") == (
        "the gap between capability and goal-first under shift goes from 0.00 [0.00, 0.00] at step 10 "
        "to 0.81 [0.79, 0.83] at step 20 (Student’s t over seeds)"
    )
