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
from goalposts.experiments.report.numbers import ShownEstimate
from goalposts.experiments.report.page.study_page import (
    StudyAgent,
    StudyFigure,
    StudyPage,
    StudyPoint,
    StudyTable,
    build_study_page,
    replay_of,
    rows_of,
)
from goalposts.experiments.study.design.plan import plan_study
from goalposts.experiments.study.folder.folder import StudyFolder
from goalposts.experiments.study.results.compare import compare
from goalposts.experiments.study.results.docs_page import SHOWN, gap_words, write_docs
from goalposts.experiments.system.atomic_files import RunError

WORDS = WorldWords(
    "CoinRun", "the coin", "the right edge", "takes the coin", "reaches the right edge", "past the coin"
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
        "replays": [replay_of(f"a/{k}", "layout", rollout, [(1, 2)]) for k in range(100)],
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
    assert "http://" not in re.sub(r"""xmlns(:\w+)?=(["'])[^"']+\2""", "", text)
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


def test_twenty_rows_of_ten_equal_agents_fit_a_screen() -> None:
    crowd = [
        StudyAgent(f"{k}/{i}", f"row {k}", f"seed {i}", 0.14, "MIXED") for k in range(20) for i in range(10)
    ]
    rows = rows_of(crowd)
    assert len(rows) == 20
    assert sum(row.height for row in rows) <= 560  # pixels
    for row in rows:
        assert len({dot.y for dot in row.dots}) == 10
        assert all(0 < dot.y < row.height for dot in row.dots)


def test_rows_follow_the_points_and_show_their_estimates() -> None:
    half = ShownEstimate(0.5, 0.4, 0.625)
    points = [
        StudyPoint("edge", "edge", "", half, half),
        StudyPoint("blind: 1%", "1%", "blind", half),
        StudyPoint("blind: 3%", "3%", "blind"),
    ]
    one = StudyAgent("b/0", "blind: 1%", "seed 0", 0.3, "MIXED")
    rows = rows_of([one], (), points)
    assert [(row.label, row.arm, len(row.dots), row.mean) for row in rows] == [
        ("edge", "", 0, "50.0%"),
        ("1%", "blind", 1, "50.0%"),
        ("3%", "", 0, "–"),
    ]
    assert not rows[1].dots[0].plays
    text = page(agents=[one], points=points, replays=())
    assert text.count('class="a-strip"') == 3
    assert len(re.findall(r'class="reach" x="40.00%" width="22.50%"', text)) == 2
    assert text.count('class="a-row a-axis"') == 2, "one axis for all rows, above and below them"


def test_the_answer_is_the_heading_and_is_said_once() -> None:
    finding = "Coin anywhere in 3%: a toss-up"
    text = page(answer=f"{finding}.", figures=[StudyFigure(finding, "<svg></svg>", "n = 10")])
    assert re.findall(r"<h1>(.*?)</h1>", text) == [f"{finding}."]
    assert f"<h3>{finding}" not in text
    assert "<h1>What?</h1>" in page(answer="")


def test_the_key_names_each_verdict_that_occurs() -> None:
    text = page(agents=[*agents(4), StudyAgent("z", "edge", "seed 9", 0.1, "MISGENERALIZED")])
    key = re.search(r'a-legend">(.*?)</p>', text, re.DOTALL)
    assert key is not None
    assert "no clear goal: 4" in key[1]
    assert "goes for the right edge: 1" in key[1]
    assert "goes for the coin" not in key[1]
    assert "the right edge, the proxy" in text
    assert "the right edge, the proxy" not in page(replays=())


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
