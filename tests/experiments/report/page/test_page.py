"""The report page: self-contained, byte-identical for the same data, external text never parsed as markup.

`test_browser.py` tests it in a browser; the data is made up (`tests/fixtures/specimen.py`).
"""

import base64
import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib import resources
from pathlib import Path

import pytest
from fixtures.parsed import Page, block
from fixtures.places import TESTS
from fixtures.specimen import NASTY, nasty, specimen

from goalposts.errors import UserError
from goalposts.experiments.report import OutcomeRow, ReportData
from goalposts.experiments.report.figures.charts import PALETTE
from goalposts.experiments.report.numbers import shown
from goalposts.experiments.report.page.page import build_page, write_page
from goalposts.experiments.report.parts import LIVE, PAGE, part

# ── one file, the same bytes ──


@pytest.mark.slow
def test_same_data_same_bytes_in_every_process(html: str, tmp_path: Path) -> None:
    folder = TESTS / "fixtures"
    for seed in ("1", "2"):
        out = tmp_path / f"{seed}.html"
        surroundings = os.environ | {
            "PYTHONHASHSEED": seed,
            "TZ": "Asia/Tokyo",
            "LC_ALL": "C",
            "MPLCONFIGDIR": str(tmp_path),
        }
        (tmp_path / "matplotlibrc").write_text("font.size: 31\nsvg.fonttype: path\n")
        subprocess.run(
            [sys.executable, folder / "specimen.py", out], check=True, env=surroundings, capture_output=True
        )
        assert out.read_text(encoding="utf-8") == html


def test_nothing_is_fetched(page: Page, html: str) -> None:
    for tag, attributes in page.elements:
        for name in ("src", "srcset", "href", "action", "poster", "data", "xlink:href"):
            if name in attributes:
                inside = ("#", "data:") if tag == "link" else "#"
                assert str(attributes[name]).startswith(inside), f"<{tag} {name}={attributes[name]}>"
    assert [link["rel"] for link in page.named("link")] == ["icon"]
    styles = "".join(page.texts["style"])
    assert "url(" not in styles
    assert "@import" not in styles
    assert len(html.encode()) < 5_000_000


def test_policy_admits_its_own_style_and_scripts_only(page: Page) -> None:
    policy = next(
        a["content"] for a in page.named("meta") if a.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy is not None
    rules = {rule.split()[0]: rule.split()[1:] for rule in policy.split(";")}
    assert rules["default-src"] == ["'none'"]
    assert rules["img-src"] == ["data:"]
    hashed = [
        text for a, text in zip(page.named("script"), page.texts["script"], strict=True) if "type" not in a
    ]
    assert rules["script-src"] == [_hash(text) for text in hashed]
    assert rules["style-src"] == [_hash(text) for text in page.texts["style"]]
    for tag, attributes in page.elements:
        blocked = [name for name in attributes if name == "style" or name.startswith("on")]
        assert not blocked, f"the policy blocks {blocked} of <{tag}>"


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def test_ids_are_unique_and_every_reference_is_met(page: Page) -> None:
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for tag, attributes in page.elements:
        for name in ("aria-labelledby", "aria-describedby", "for", "href"):
            if name in attributes and tag != "link":
                assert str(attributes[name]).removeprefix("#") in ids
        for value in attributes.values():
            assert all(used in ids for used in re.findall(r"url\(#([^)]+)\)", value or ""))


def test_every_picture_and_control_has_a_name(page: Page) -> None:
    for tag, attributes in page.elements:
        if tag == "canvas" or attributes.get("role") in ("img", "region", "group"):
            assert attributes.get("aria-label") or attributes.get("aria-labelledby"), f"<{tag} {attributes}>"


# ── external text is never markup ──


def test_hostile_text_shows_as_text(twins: ReportData) -> None:
    html = build_page(nasty(twins))
    page = Page(html)
    assert len(page.named("script")) == 4
    assert not page.named("img")
    assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)
    for tag in ("h1", "title", "pre", "li", "th", "td", "code", "summary"):
        assert any(NASTY in text for text in page.texts[tag]), f"not shown in <{tag}>"
    assert block(html)["player"]["levels"][0]["boards"][0]["text"] == NASTY


def test_a_script_tag_in_a_config_shows_as_text(twins: ReportData) -> None:
    section = replace(twins.agents[0], config="name: <script>alert('x')</script>\n")
    page = Page(build_page(replace(twins, agents=(section, twins.agents[1]))))
    assert any("<script>alert('x')</script>" in text for text in page.texts["pre"])
    assert len(page.named("script")) == 4


# ── missing parts are omitted ──


def _bare(data: ReportData) -> ReportData:
    return ReportData(
        "Bare", "", data.world, [replace(data.agents[0], verdict={}, outcomes=(), progress=(), config="")]
    )


REDUCED: dict[str, Callable[[ReportData], ReportData]] = {
    "no replays": lambda data: replace(data, replays=()),
    "no sprites": lambda data: replace(data, sprites=None),
    "one agent": lambda data: specimen(twins=False),
    "replays before the change only": lambda data: replace(
        data, replays=[r for r in data.replays if r.condition == "edge_held_out"]
    ),
    "no words for the conditions": lambda data: replace(data, conditions=()),
    "no verdict, no numbers": _bare,
    "nobody": lambda data: ReportData("Nobody", "", data.world, ()),
    "thirty agents": lambda data: replace(
        data,
        agents=[replace(data.agents[i % 2], name=f"a{i}") for i in range(30)],
        replays=(),
        explorations=(),
    ),
}


@pytest.mark.parametrize("kind", REDUCED)
def test_a_page_is_made_of_what_there_is(twins: ReportData, kind: str) -> None:
    page = Page(build_page(REDUCED[kind](twins)))
    assert page.texts["h1"][0]
    data = REDUCED[kind](twins)
    canvases = bool(data.replays) + bool(data.explorations)
    assert len(page.named("script")) == 2 + canvases


def test_outcomes_come_straight_from_the_measurement() -> None:
    from goalposts.experiments.measurement.intervals import wilson
    from goalposts.experiments.measurement.rates import Outcomes

    some = wilson(200, 1000)
    row = OutcomeRow.of(
        Outcomes("off_path", "shift", some, some, wilson(600, 1000), some, some), sampled=False
    )
    assert (row.condition, row.goal, row.sampled) == ("off_path", some, False)
    found = shown(row.goal)
    assert found is not None
    assert (found.n, found.seeds, found.kept) == (1000, 1, 1.0)
    assert f"{found.point} {found.interval}".replace("\u00a0", " ") == some.short


# ── charts ──


def test_charts_say_n_and_interval_and_take_the_page_colours(html: str) -> None:
    svgs = re.findall(r'<svg[^>]*class="chart".*?</svg>', html, re.DOTALL)
    assert len(svgs) == 3
    assert all("<title" in svg and "style=" not in svg and "<style" not in svg for svg in svgs)
    assert "var(--goal)" in svgs[1]
    assert "var(--proxy)" in svgs[1]
    captions = re.findall(r"<figcaption[^>]+>([^<]+)</figcaption>", html)
    assert all("n = " in caption and "interval" in caption for caption in captions)


def test_charts_and_page_agree_on_every_colour(page: Page) -> None:
    style = "".join(page.texts["style"])
    for meaning, colour in PALETTE.items():
        assert re.search(rf"--{meaning}: light-dark\({colour},", style), (
            f"--{meaning} of the page is not {colour}"
        )


def test_scripts_and_styles_repeat_no_colour_of_the_palette() -> None:
    listed = {colour.lower() for colour in re.findall(r"#[0-9a-fA-F]{6}\b", part("palette.css"))} - {
        "#ffffff"
    }
    found = [
        (name, colour)
        for package in (PAGE, LIVE)
        for name in (entry.name for entry in resources.files(package).iterdir())
        if name.endswith((".js", ".css")) and name != "palette.css"
        for colour in re.findall(r"#[0-9a-fA-F]{6}\b", part(name, package))
        if colour.lower() in listed
    ]
    assert not found


def test_rows_of_progress_may_have_holes(twins: ReportData) -> None:
    rows = [
        {"step": 1},
        {"ep_rew_mean": 0.5},
        {"step": 2, "ep_rew_mean": ""},
        {"step": 3, "ep_rew_mean": "0.25"},
        {"step": 4, "ep_rew_mean": float("nan")},
    ]
    section = replace(twins.agents[0], progress=rows)
    html = build_page(replace(twins, agents=(section,), replays=(), explorations=()))
    assert "The agent ends at 0.25" in html


# ── imports and files ──


def test_making_a_page_loads_no_world_and_no_torch() -> None:
    code = (
        "import sys, goalposts.experiments.report.page.page as p; "
        "print([m for m in sys.modules if m.split('.')[0] in ('torch', 'stable_baselines3', 'gymnasium', 'numba', 'matplotlib') "
        "or m.startswith(('goalposts.envs', 'goalposts.agents'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


def test_a_page_is_written_whole_or_not_at_all(twins: ReportData, tmp_path: Path, html: str) -> None:
    path = write_page(twins, tmp_path / "report.html")
    assert path.read_text(encoding="utf-8") == html
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.html"]
    with pytest.raises(UserError, match="folder"):
        write_page(twins, tmp_path / "nowhere" / "report.html")


def test_a_report_links_to_the_live_page_where_there_is_one() -> None:
    assert "Open the live page" not in build_page(specimen())
    html = build_page(replace(specimen(), live='live.html?"><script>'))
    assert '<a href="live.html?&#34;&gt;&lt;script&gt;">Open the live page</a>' in html


def test_the_names_of_a_pair_end_its_headline() -> None:
    data = specimen()
    agents = [
        replace(agent, evidence={**agent.evidence, "behaviour": {"name": name, "sentence": ""}})
        for agent, name in zip(data.agents, ("runs right", "goes for <b>"), strict=True)
    ]
    assert "<h1>" in build_page(data)
    assert 'class="named"' not in build_page(data)
    html = build_page(replace(data, agents=tuple(agents)))
    assert ' <span class="named">A runs right, B goes for &lt;b&gt;.</span></h1>' in html.replace(
        "\u00a0", " "
    )
