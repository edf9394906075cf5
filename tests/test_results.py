"""Results pages cannot go stale unnoticed: each names its recipe and matches the shipped one."""

import hashlib
import json
import re
import sys
from pathlib import Path

import pytest
from fixtures.places import DOCS, GOLDEN, ROOT

sys.path.insert(0, str(DOCS / "_build"))

import polars as pl
import world_tables
from claims import CLAIMS, FIGURES, FILLED, MARK, PAGE, claims_page, figures, filled

from goalposts.experiments.analyses.all_worlds_page import STRICT
from goalposts.experiments.measurement.metrics import GOAL_EFFECT_SEPARATES
from goalposts.experiments.study.design.plan import plan_study
from goalposts.experiments.study.results.page_details import details, markdown_row
from goalposts.experiments.study.results.page_header import front_matter, golden_of, problems_of, split
from goalposts.experiments.study.results.report import points_table
from goalposts.registration import WORLDS

RESULTS = DOCS / "results"
PAGES = sorted(path for path in RESULTS.glob("*.md") if path.name != "index.md")
STUDY_PAGES = [
    path for path in PAGES if f"goalposts study docs studies/{path.stem} " in path.read_text("utf-8")
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_is_what_the_shipped_recipe_makes(page: Path) -> None:
    assert problems_of(page) == []
    header, body = split(page.read_text("utf-8"))
    assert header["command"]
    assert header["n"]
    assert body.startswith("# ")


@pytest.mark.parametrize("page", STUDY_PAGES, ids=lambda page: page.stem)
def test_a_study_page_says_what_its_table_says(page: Path) -> None:
    table = pl.read_csv(page.with_suffix(".csv"), infer_schema_length=None).with_columns(
        pl.col("words").cast(pl.String)
    )
    text = page.read_text("utf-8")
    plan = plan_study(page.stem)
    summary = points_table(plan, table)
    sentences = [
        *map(markdown_row, (summary.head, *summary.rows)),
        f"{summary.note} All numbers: ",
        *details(plan, table),
    ]
    assert [line for line in sentences if line not in text] == [], "run `goalposts study docs` again"


def test_the_golden_digests_are_those_that_the_tests_of_levels_hold() -> None:
    known = json.loads((GOLDEN / "adb767d.json").read_text("utf-8"))
    for world, digest in golden_of(RESULTS).items():
        lines = [f"{name} {value}" for name, value in sorted(known.items()) if name.startswith(f"{world} ")]
        assert len(lines) == 2
        assert digest == hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def planted(folder: Path, recipes: dict[str, str], worlds: dict[str, str]) -> Path:
    (folder / "golden.json").write_text(json.dumps({"CoinRun": "0123456789abcdef"}))
    page = front_matter("goalposts train coinrun/edge", "5 training seeds", recipes, worlds) + "# A page\n"
    for name, known in recipes.items():
        page = re.sub(rf"(  {name}: ).*", rf"\g<1>{known}", page)
    path = folder / "page.md"
    path.write_text(page)
    return path


def test_a_planted_stale_page_is_caught(tmp_path: Path) -> None:
    header, _ = split((RESULTS / "recipe-search.md").read_text("utf-8"))
    now = header["recipes"]["coinrun/edge"]
    good = planted(tmp_path, {"coinrun/edge": now}, {"CoinRun": "0123456789abcdef"})
    assert problems_of(good) == []
    (told,) = problems_of(
        planted(tmp_path, {"coinrun/edge": "'0000000000000000'"}, {"CoinRun": "0123456789abcdef"})
    )
    assert f"made with recipe coinrun/edge 0000000000000000, shipped is {now}" in told
    assert "remake the page: goalposts train coinrun/edge" in told
    (told,) = problems_of(planted(tmp_path, {"coinrun/edge": now}, {"CoinRun": "fedcba9876543210"}))
    assert "levels of CoinRun were fedcba9876543210, now 0123456789abcdef" in told
    plan = good.read_text().replace("goalposts train coinrun/edge", "'none: a plan, written before any run'")
    plan = re.sub(r"(  coinrun/edge: ).*", r"\g<1>'0000000000000000'", plan)
    (tmp_path / "page.md").write_text(plan)
    assert not [problem for problem in problems_of(tmp_path / "page.md") if "recipe" in problem]
    (tmp_path / "page.md").write_text("# No header\n")
    (told,) = problems_of(tmp_path / "page.md")
    assert "lacks command, n, recipes, worlds" in told


# ── figures that README and the docs quote ──


def test_quoted_figures_are_those_of_the_tables() -> None:
    known = figures()
    for name in FILLED:
        if (ROOT / name).exists():
            text = (ROOT / name).read_text("utf-8")
            assert filled(text, known) == text, f"{name} quotes old figures: run python docs/_build/claims.py"
    assert PAGE.read_text("utf-8") == claims_page(known), "run python docs/_build/claims.py"


@pytest.mark.parametrize("world", world_tables.PAGES)
def test_the_pages_of_worlds_show_the_tables_of_their_studies(world: str) -> None:
    text = world_tables.PAGES[world].read_text("utf-8")
    assert "| verdict |" in text
    assert world_tables.filled(text, world) == text, "run python docs/_build/claims.py"


def test_the_goal_effect_is_shown_where_it_separates_an_agent_from_its_control() -> None:
    """Both judged as they should be, the agent's interval below its control's."""
    separated = set()
    for world in WORLDS:
        study = world.lower()
        table = pl.read_csv(RESULTS / f"{study}.csv", infer_schema=False).filter(pl.col("seed").is_null())
        of = {(row["arm"], row["measure"]): row for row in table.iter_rows(named=True)}
        agent, control = "main", STRICT.get(world, WORLDS[world].pair)[1]
        words = [of[arm, "verdict"]["words"] for arm in (agent, control)]
        high, low = (
            float(of[arm, "goal_effect"][bound]) for arm, bound in ((agent, "high"), (control, "low"))
        )
        if words == ["MISGENERALIZED", "ALIGNED"] and high < low:
            separated.add(world)
    assert separated == set(GOAL_EFFECT_SEPARATES)
    assert all((RESULTS.parents[1] / page).exists() for page in GOAL_EFFECT_SEPARATES.values())


def test_figures_of_readme_are_those_of_claims() -> None:
    """docs/claims.md names the command behind each figure of README; a page quotes each claim, and each figure is used."""
    marks = {name: _marks(ROOT / name) for name in FILLED}
    claimed = {name for claim in CLAIMS for name in claim.figures}
    assert len(marks["README.md"]) > 20
    assert marks["README.md"] <= claimed
    quoted = set().union(*marks.values())
    assert [claim.sentence for claim in CLAIMS if not claim.figures & quoted] == []
    assert FIGURES.keys() == claimed | quoted


def _marks(page: Path) -> set[str]:
    return {name for name, _ in MARK.findall(page.read_text("utf-8"))}


def test_words_for_what_agents_do_are_those_of_the_probes() -> None:
    """Agents trained at the edge run right; no probe shows that they go to the edge, or prefer it."""
    pages = (
        "README.md",
        "docs/index.md",
        "docs/gallery.md",
        "docs/idea.md",
        "docs/lesson.md",
        "docs/claims.md",
    )
    for name in (*pages, "docs/results/outer-inner.md"):
        text = (ROOT / name).read_text("utf-8")
        assert (
            re.findall(r"runs to the (?:right )?edge|prefers? the (?:right )?edge|both go for", text) == []
        ), name


def test_what_the_field_reports_is_compared_with_marked_figures() -> None:
    """The only bare percentage is the 2% of levels of the original CoinRun, and of α."""
    text = MARK.sub("", (ROOT / "docs" / "field.md").read_text("utf-8"))
    assert set(re.findall(r"[0-9.]+%", text)) == {"2%"}


def test_every_test_that_reviews_name_exists() -> None:
    """A row of docs/reviews.md names the tests that hold it; a renamed or removed one would leave the finding unheld."""
    text = (ROOT / "docs/reviews.md").read_text("utf-8")
    sources: dict[str, str] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        sources[path.name] = sources.get(path.name, "") + path.read_text("utf-8")
    files = set(re.findall(r"`(test_\w+\.py)`", text))
    assert len(files) > 20
    assert files <= sources.keys()
    named = set(re.findall(r"`(test_\w+)`", text))
    known = {name for file in files for name in re.findall(r"^def (test_\w+)", sources[file], re.MULTILINE)}
    assert named - known == set()


def test_the_criterion_for_seeds_of_several_kinds_is_met_where_reviews_say_so() -> None:
    """At least 95% pointed out and at most 10% false alarms: with ten seeds and 300 levels, not with fewer of either."""
    known = figures()

    def rate(name: str) -> float:
        return float(known[name].removesuffix("%"))

    assert rate("rev-found") >= 95
    assert rate("rev-alarms") <= 10
    assert max(rate("rev-found-100-levels"), rate("rev-found-three")) < 95 <= rate("rev-found-five")
    assert min(rate("seeds-alarms-three"), rate("seeds-alarms-five")) > 10


def test_every_verdict_of_the_algorithms_is_quoted() -> None:
    table = pl.read_csv(RESULTS / "algorithms.csv", infer_schema=False)
    rows = table.filter(
        (pl.col("measure") == "verdict") & pl.col("seed").is_null() & pl.col("step").is_null()
    )
    quoted = figures()["algorithms-verdicts"]
    assert all(
        f"except {arm}’s, which is {verdict}" in quoted or quoted.startswith(f"the verdict is {verdict}")
        for arm, verdict in rows.select("arm", "words").iter_rows()
    )
    assert len(set(rows["words"])) == quoted.count("except") + 1


def test_means_say_how_many_agents_they_leave_out() -> None:
    table = pl.read_csv(RESULTS / "cure.csv", infer_schema=False)
    lost = table.filter(
        (pl.col("measure") == "verdict")
        & pl.col("seed").is_not_null()
        & (pl.col("words") == "CAPABILITY LOSS")
    )
    numbers = [int(few) for few in re.findall(r"(\d+) of \d+", figures()["rev-cure-lost"])]
    assert sum(numbers) == lost.height > 0


@pytest.mark.parametrize("world", [world for world in WORLDS if world != "CoinRun"])
def test_the_pages_of_worlds_name_the_study_that_makes_their_tables(world: str) -> None:
    text = world_tables.PAGES[world].read_text("utf-8")
    assert f"    goalposts study {world.lower()}\n" in text
    assert "--seeds" not in text


def test_typed_figure_is_caught() -> None:
    known = figures()
    text = "in <!-- pair-edge -->99%<!-- / --> of episodes"
    assert filled(text, known) == f"in <!-- pair-edge -->{known['pair-edge']}<!-- / --> of episodes" != text
    with pytest.raises(KeyError):
        filled("<!-- no-such -->1<!-- / -->", known)
