"""The report page: self-contained, the same bytes from the same data, nothing from outside read as markup.

What a browser makes of it is in `test_browser.py`; the data is invented (`specimen.py`).
"""

import base64
import csv
import hashlib
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from specimen import estimate, specimen

from goalposts.errors import UserError
from goalposts.experiments.report import ConditionNote, OutcomeRow, ReportData, WorldWords
from goalposts.experiments.report.bars import roles
from goalposts.experiments.report.figures import PALETTE
from goalposts.experiments.report.numbers import csv_text, percent, shown
from goalposts.experiments.report.page import build_page, write_page
from goalposts.experiments.report.replays import LINGER, pack, settled
from goalposts.experiments.report.story import headline, outcome, steps
from goalposts.experiments.report.view import agents
from goalposts.experiments.report.words import phrase, title

NASTY = """</script><script>alert(1)</script><img src=x onerror=alert(2)>"'&{{ 7*7 }}<!--$\\frac{"""
VOID = {"meta", "link", "img", "input", "br", "hr"}


class Page(HTMLParser):
    """A page taken apart: elements with their attributes and texts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
            self.texts.setdefault(tag, []).append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        if self.open:
            self.texts[self.open[-1]][-1] += data

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def twins() -> ReportData:
    return specimen()


@pytest.fixture(scope="module")
def html(twins: ReportData) -> str:
    return build_page(twins)


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def block(html: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="report-data">(.*?)</script>', html, re.DOTALL)
    assert found
    return json.loads(found[1])


# ── one file, the same bytes ──


def test_same_data_same_bytes_in_every_process(html: str, tmp_path: Path) -> None:
    folder = Path(__file__).parent
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
                assert str(attributes[name]).startswith("#"), f"<{tag} {name}={attributes[name]}>"
    assert not page.named("link")
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
    for _, attributes in page.elements:
        for name in ("aria-labelledby", "for", "href"):
            if name in attributes:
                assert str(attributes[name]).removeprefix("#") in ids
        for value in attributes.values():
            assert all(used in ids for used in re.findall(r"url\(#([^)]+)\)", value or ""))


def test_every_picture_and_control_has_a_name(page: Page) -> None:
    for tag, attributes in page.elements:
        if tag == "canvas" or attributes.get("role") in ("img", "region", "group"):
            assert attributes.get("aria-label") or attributes.get("aria-labelledby"), f"<{tag} {attributes}>"


# ── nothing from outside is markup ──


def _nasty(data: ReportData) -> ReportData:
    """The same report with hostile text in every text field."""
    section = replace(
        data.agents[0],
        name=NASTY,
        label=NASTY,
        config=f"note: {NASTY}",
        command=NASTY,
        note=NASTY,
        provenance={NASTY: NASTY, "argv": [NASTY]},
        verdict={
            **data.agents[0].verdict,
            "reasons": (NASTY,),
            "label": NASTY,
            "scope": NASTY,
            "thresholds": {NASTY: NASTY},
        },
        outcomes=[replace(row, condition=NASTY) for row in data.agents[0].outcomes[:1]],
    )
    nasty_rollout = replace(data.replays[0].rollout, level_text=NASTY, caption=NASTY, level_hash=NASTY)  # type: ignore[type-var]
    return replace(
        data,
        title=NASTY,
        intro=NASTY,
        world=WorldWords(*[NASTY] * 6),
        agents=(section,),
        conditions=(ConditionNote(NASTY, NASTY, NASTY, NASTY), *data.conditions),
        replays=(
            replace(data.replays[0], agent=NASTY, layout=NASTY, condition=NASTY, rollout=nasty_rollout),
        ),
        headline=NASTY,
        replay_note=NASTY,
        leakage=[replace(data.leakage[0], agent=NASTY, condition=NASTY)],
        command=NASTY,
        made=NASTY,
        version=NASTY,
    )


def test_hostile_text_shows_as_text(twins: ReportData) -> None:
    html = build_page(_nasty(twins))
    page = Page(html)
    assert len(page.named("script")) == 3
    assert not page.named("img")
    assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)
    for tag in ("h1", "title", "pre", "li", "th", "td", "code", "summary"):
        assert any(NASTY in text for text in page.texts[tag]), f"not shown in <{tag}>"
    assert block(html)["player"]["levels"][0]["boards"][0]["text"] == NASTY


def test_a_script_tag_in_a_config_shows_as_text(twins: ReportData) -> None:
    section = replace(twins.agents[0], config="name: <script>alert('x')</script>\n")
    page = Page(build_page(replace(twins, agents=(section, twins.agents[1]))))
    assert any("<script>alert('x')</script>" in text for text in page.texts["pre"])
    assert len(page.named("script")) == 3


# ── numbers ──


@pytest.mark.parametrize(
    ("given", "text", "table"),
    [
        ({"value": 0.976, "low": 0.964, "high": 0.984}, "97.6% [96.4, 98.4]", "0.98 [0.96, 0.98]"),
        ({"value": 0.9992, "low": 0.998, "high": 0.9999}, "99.9% [99.8, 99.9]", "0.9992 [0.9980, 0.9999]"),
        ({"value": 1.0, "low": 0.996, "high": 1.0}, "100% [99.6, 100]", "1.000 [0.996, 1.000]"),
        ({"value": 0.0, "low": 0.0, "high": 0.0004}, "0% [0, 0.1]", "0.0000 [0.0000, 0.0004]"),
        ({"value": -0.02, "low": -0.05, "high": 0.01}, "−2.0% [−5.0, 1.0]", "−0.02 [−0.05, 0.01]"),
    ],
)
def test_an_estimate_in_print(given: dict[str, float], text: str, table: str) -> None:
    found = shown(given)
    assert found is not None
    assert found.text.replace("\u00a0", " ") == text
    assert f"{found.point} {found.interval}".replace("\u00a0", " ") == table


def test_what_is_not_certain_is_not_printed_as_certain() -> None:
    assert percent(0.9999) == "99.9%"
    assert percent(0.0001) == "0.1%"


@pytest.mark.parametrize(
    "broken",
    [
        None,
        {},
        {"value": 0.5},
        {"value": 0.5, "low": None, "high": 1.0},
        {"value": float("nan"), "low": 0, "high": 1},
    ],
)
def test_a_number_without_an_interval_is_not_shown(broken: Any) -> None:
    assert shown(broken) is None


def test_the_table_says_what_it_rests_on(page: Page, twins: ReportData) -> None:
    cells = " ".join(page.texts["td"] + page.texts["b"] + page.texts["span"])
    for expected in ("0.97", "[0.96,\u00a00.98]", "1,000", "100%", "94.0%"):
        assert expected in cells


def test_the_csv_holds_every_digit(html: str, twins: ReportData) -> None:
    tables = block(html)["tables"]
    rows = list(csv.DictReader(io.StringIO(tables["verdict"]["text"])))
    assert [row["agent"] for row in rows[:2]] == ["edge-0", "anywhere-0"]
    assert float(rows[0]["low"]) == twins.agents[0].verdict["capability"]["low"]
    assert {row["metric"] for row in rows} == {
        "capability",
        "capability_shift",
        "preference",
        "misgeneralization",
        "goal_effect",
    }
    outcomes = list(csv.DictReader(io.StringIO(tables["outcomes"]["text"])))
    one = next(
        r for r in outcomes if (r["agent"], r["condition"], r["outcome"]) == ("edge-0", "off_path", "proxy")
    )
    assert (
        float(one["value"])
        == next(r for r in twins.agents[0].outcomes if r.condition == "off_path").proxy["value"]
    )
    assert (one["role"], one["actions"], one["n"], one["seeds"]) == ("shift", "sampled", "1000", "1")


def test_a_spreadsheet_does_not_run_a_name() -> None:
    assert csv_text(("name",), [("=1+1",), ("-x",), ("fine",)]) == "name\r\n'=1+1\r\n'-x\r\nfine\r\n"
    assert csv_text(("value",), [(-0.5,)]) == "value\r\n-0.5\r\n"


def test_bars_fill_their_width_with_goal_left_and_proxy_right(twins: ReportData) -> None:
    found = {c.name: c for role in roles(twins, agents(twins)) for c in role.conditions}
    bar = found["off_path"].bars[0]
    assert [part.kind for part in bar.parts] == ["goal", "neither", "proxy"]
    assert bar.parts[-1].x + bar.parts[-1].width == pytest.approx(100, abs=0.01)
    whiskers = {whisker.kind: whisker for whisker in bar.whiskers}
    assert whiskers["goal"].low < bar.parts[0].width < whiskers["goal"].high
    assert whiskers["proxy"].low < bar.parts[2].x < whiskers["proxy"].high
    assert [part.kind for part in found["none"].bars[0].parts] == ["neither", "proxy"]
    assert list(found) == ["edge", "edge_held_out", "anywhere", "off_path", "left", "none"]


# ── sentences ──


def _labelled(data: ReportData, *labels: str) -> ReportData:
    sections = [
        replace(data.agents[i % 2], verdict={**data.agents[i % 2].verdict, "label": label})
        for i, label in enumerate(labels)
    ]
    return replace(data, agents=tuple(sections))


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (("MISGENERALIZED", "ALIGNED"), "Same score, different goals."),
        (("ALIGNED", "ALIGNED"), "What did 2 agents learn to want?"),
        (("MISGENERALIZED",), "It learnt to want the right edge, not the coin."),
        (("ALIGNED",), "It learnt to want the coin."),
        (("CAPABILITY LOSS",), "Move the coin, and it loses its way."),
        (("MIXED",), "Sometimes the coin, sometimes the right edge."),
        (("INCONCLUSIVE",), "Too little evidence to say what it wants."),
    ],
)
def test_the_headline_says_what_the_verdicts_say(
    twins: ReportData, labels: tuple[str, ...], expected: str
) -> None:
    assert headline(_labelled(twins, *labels)) == expected


def test_the_same_score_is_only_claimed_where_it_is_the_same(twins: ReportData) -> None:
    worse = replace(twins.agents[1], verdict={**twins.agents[1].verdict, "capability": estimate(0.8)})
    assert headline(replace(twins, agents=(twins.agents[0], worse))) == "Different goals."


def test_three_steps_say_what_was_trained_changed_and_done(twins: ReportData) -> None:
    trained, changed, did = steps(twins)
    said = {step.title: " ".join(step.sentences).replace("\u00a0", " ") for step in (trained, changed, did)}
    assert said["Trained"] == (
        "Agent A was trained with the coin at the edge; Agent B was trained with the coin anywhere. On new levels with the coin "
        "at the edge, A takes the coin in 96.8% [95.7, 97.9] and B in 97.4% [96.4, 98.4] of episodes."
    )
    assert said["Changed"] == (
        "Then both were tried on levels with the coin off the path. A shortest way to the edge does not pass the coin."
    )
    assert said["What they did"].startswith(
        "A runs to the right edge first, past the coin, in 74.4% [71.7, 77.1] of episodes, and takes"
    )
    assert "B takes the coin first in 92.1% [90.4, 93.8] of episodes." in said["What they did"]


@pytest.mark.parametrize(
    ("first", "end", "has_goal", "said"),
    [
        ("goal", "goal", True, "takes the coin after 19 steps"),
        ("proxy", "timeout", True, "runs to the right edge, past the coin"),
        ("proxy", "timeout", False, "runs to the right edge"),
        ("proxy", "goal", True, "runs to the right edge, past the coin, then takes the coin"),
        ("proxy", "death", True, "runs to the right edge, past the coin, then dies"),
        ("neither", "death", True, "dies after 19 steps"),
        ("neither", "timeout", True, "gets to neither in 19 steps"),
    ],
)
def test_what_an_episode_shows(twins: ReportData, first: str, end: str, has_goal: bool, said: str) -> None:
    rollout = replace(twins.replays[0].rollout, outcome_first=first, outcome_end=end, steps=19)  # type: ignore[type-var]
    assert outcome(rollout, twins.world, has_goal) == said


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("off_path", "with the coin off the path"),
        ("mixture(0.03)", "with the coin anywhere in 3% of the levels, else at the edge"),
        ("right_fraction(0.125)", "with the coin in the right 12.5% of the level"),
        ("none", "without the coin"),
        ("two_lamps", "of the kind “two lamps”"),
        ("(((", "of the kind “(((”"),
    ],
)
def test_conditions_in_plain_words(twins: ReportData, name: str, said: str) -> None:
    assert phrase(ConditionNote(name, "shift"), twins.world) == said
    assert phrase(ConditionNote(name, "shift", phrase="as it is"), twins.world) == "as it is"
    assert title(ConditionNote("off_path", "shift"), twins.world) == "The coin off the path"


# ── recorded episodes ──


def test_a_replay_keeps_what_moves_and_cuts_what_shows_nothing(twins: ReportData) -> None:
    packed = pack(twins)
    level = packed["levels"][0]
    board = level["boards"][0]
    assert board["w"] == 20
    assert board["h"] < 12
    assert board["h"] + board["top"] == 12
    assert len(board["tiles"]) == board["w"] * board["h"]
    assert packed["home"] == ["edge_held_out"]
    assert packed["moved"] == ["off_path", "none"]
    take = next(t for t in level["takes"] if t["a"] == 0 and t["c"] == "off_path")
    names = packed["names"]
    start = {
        names[take["frames"][0][i]]: take["frames"][0][i + 1 : i + 3]
        for i in range(0, len(take["frames"][0]), 3)
    }
    assert start["agent_right"] == [10 - board["top"], 0]
    assert take["camera"][0][0] == 6 - board["top"]
    assert take["said"] == "runs to the right edge, past the coin; nothing new from step 25 to step 139"


def test_empty_rows_are_cut_although_walls_stand_on_both_sides(twins: ReportData) -> None:
    replay = twins.replays[0]
    tiles = list(replay.rollout.tiles)
    tiles[0] = ("wall",) * 20
    tiles[1:5] = [("wall", *("sky",) * 18, "crate")] * 4
    walled = replace(replay.rollout, tiles=tuple(tiles))  # type: ignore[type-var]
    board = pack(replace(twins, replays=[replace(replay, rollout=walled)]))["levels"][0]["boards"][0]
    assert (board["top"], board["h"]) == (5, 7)  # the agent comes as high as row 6; one row is left above it


def test_a_bar_does_not_call_nearly_all_of_it_all(twins: ReportData) -> None:
    rows = [OutcomeRow("edge", estimate(0.999), estimate(0.001), estimate(0.0))]
    data = replace(twins, agents=[replace(twins.agents[0], outcomes=rows)])
    assert roles(data, agents(data))[0].conditions[0].bars[0].parts[0].text == ">99%"


def test_waiting_until_time_runs_out_is_cut(twins: ReportData) -> None:
    waiting = next(r.rollout for r in twins.replays if r.rollout.outcome_end == "timeout")
    assert settled(waiting) == 19 + LINGER
    assert settled(replace(waiting, outcome_end="goal")) == len(waiting.frames) - 1  # type: ignore[type-var]


def test_levels_beyond_the_budget_are_counted_and_said(
    twins: ReportData, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = pack(twins, budget=9_000)
    assert len(packed["levels"]) + packed["left_out"] == 3
    assert packed["left_out"] > 0
    monkeypatch.setattr("goalposts.experiments.report.page.pack", lambda data: packed)
    assert f"{packed['left_out']} more recorded levels were left out" in build_page(twins)


def test_a_replay_of_an_unknown_agent_is_refused(twins: ReportData) -> None:
    with pytest.raises(ValueError, match=r"'who'.*edge-0, anywhere-0"):
        build_page(replace(twins, replays=(replace(twins.replays[0], agent="who"),)))


# ── what is missing is left out ──


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
        data, agents=[replace(data.agents[i % 2], name=f"a{i}") for i in range(30)], replays=()
    ),
}


@pytest.mark.parametrize("kind", REDUCED)
def test_a_page_is_made_of_what_there_is(twins: ReportData, kind: str) -> None:
    page = Page(build_page(REDUCED[kind](twins)))
    assert page.texts["h1"][0]
    assert len(page.named("script")) == (3 if "canvas" in dict(page.elements) else 2)


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


def test_rows_of_progress_may_have_holes(twins: ReportData) -> None:
    rows = [
        {"step": 1},
        {"mean_return": 0.5},
        {"step": 2, "mean_return": ""},
        {"step": 3, "mean_return": "0.25"},
        {"step": 4, "mean_return": float("nan")},
    ]
    section = replace(twins.agents[0], progress=rows)
    html = build_page(replace(twins, agents=(section,), replays=()))
    assert "The agent ends at 0.25" in html


# ── the surroundings ──


def test_making_a_page_loads_no_world_and_no_torch() -> None:
    code = (
        "import sys, goalposts.experiments.report.page as p; "
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
