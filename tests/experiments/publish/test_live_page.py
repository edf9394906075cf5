"""The live page as a file: small, self-contained, safe with untrusted text, and refused for agents it cannot compute."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path

import numpy as np
import pytest
from fixtures.live_run import live_run
from fixtures.places import ROOT

from goalposts.agents.policy.loading import load_agent
from goalposts.agents.policy.policy_agent import PolicyAgent, QAgent, RecurrentAgent
from goalposts.agents.rollout import play
from goalposts.envs import LevelSet, generate, known_worlds
from goalposts.envs.engine.outcome import FIRST, O_FIRST
from goalposts.envs.levels.level import Level, LevelError
from goalposts.envs.worlds.registry import get_world
from goalposts.errors import UserError
from goalposts.experiments.evaluation.subjects import subject_named
from goalposts.experiments.publish.live_page import chosen_levels, live_page
from goalposts.experiments.publish.palette import palette_of, short_name
from goalposts.experiments.publish.weights import check_plain, packed_network
from goalposts.experiments.report.live.page import build_live_page, write_live_page


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("live")
    runs = [
        live_run(folder / "edge", width=128),
        live_run(folder / "anywhere", condition="anywhere", seed=1, width=128),
    ]
    return write_live_page(live_page(runs, "goalposts live edge anywhere"), folder / "live.html").read_text(
        "utf-8"
    )


def block(html: str) -> dict:
    found = re.search(r'<script type="application/json" id="live-data">(.*?)</script>', html, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def test_two_agents_of_the_shipped_width_take_less_than_a_megabyte(html: str) -> None:
    assert len(html.encode()) < 1_000_000


def test_it_asks_no_network_and_admits_only_its_own_scripts(html: str) -> None:
    assert not re.search(r"(src|href)=[\"'](https?:)?//", html)
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', html)
    assert policy is not None
    rules = unescape(policy[1]).split("; ")
    assert rules[0] == "default-src 'none'"
    assert re.fullmatch(r"script-src 'sha256-\S+' 'sha256-\S+'", rules[1])
    assert "unsafe" not in policy[1]
    assert "innerHTML" not in html


def test_page_starts_with_pairs_of_one_layout(html: str) -> None:
    for home, moved in block(html)["levels"]:
        pair = [Level.from_text("\n".join(rows), "CoinRun") for rows in (home, moved)]
        assert pair[0].layout_hash == pair[1].layout_hash
        assert pair[0].level_hash != pair[1].level_hash


@pytest.mark.parametrize(("word", "first"), [("GoToProxy", "proxy"), ("GoToGoal", "goal")])
def test_one_agent_does_on_the_first_levels_what_it_usually_does(word: str, first: str) -> None:
    """Not the rare level on which an agent that runs to the edge happens to touch the coin."""
    world, subject = get_world("CoinRun"), subject_named(word)
    moved = LevelSet.of([pair[1] for pair in chosen_levels(world, [subject])])
    played = play(subject.agent, moved, subject.observation, sampled=False)
    assert [FIRST[k] for k in played.outcome[:, O_FIRST]] == [first] * len(moved)


def test_untrusted_names_stay_text(tmp_path: Path) -> None:
    name = "</script><img src=x onerror=alert(1)>\u202e".replace("/", "∕")
    run = live_run(tmp_path / "a")
    run.path.rename(tmp_path / name)
    from goalposts.experiments.runs.run import Run

    html = build_live_page(live_page([Run.open(tmp_path / name)], f"goalposts live {name}"))
    assert "<img src=x" not in html
    assert "\u202e" not in html
    assert block(html)["agents"][0]["name"].startswith("<∕script><img")


def test_agents_that_see_pixels_are_refused_with_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"^\S+ sees pixels; a live page takes agents that see planes"
    ) as refused:
        live_page([live_run(tmp_path / "pixels", observation="rgb")])
    assert "\n" not in str(refused.value)


def test_agents_of_two_worlds_are_refused(tmp_path: Path) -> None:
    runs = [live_run(tmp_path / "a"), live_run(tmp_path / "b", world="Corner")]
    with pytest.raises(UserError, match="different worlds"):
        live_page(runs)


def test_several_agents_take_one_byte_per_weight(tmp_path: Path) -> None:
    run = live_run(tmp_path / "a", width=64)
    agent = load_agent(run.path)
    two, one = (packed_network(agent, "a", in_bytes) for in_bytes in (False, True))
    assert len(one["trunk"][0]["w"]) <= len(two["trunk"][0]["w"]) / 2 + 4


def test_the_palette_allows_what_the_worlds_check_allows() -> None:
    """Levels with every tile up to its limit in random free cells are valid; CoinRun's palette is spelled out."""
    random = np.random.default_rng(0)
    for name in known_worlds():
        world = get_world(name)
        level = max(
            generate(world, world.default_condition("shift"), seed=2, count=8), key=lambda one: one.tiles.size
        )
        bare = level.layout.tiles
        for code, limits in enumerate(palette_of(world, level)):
            if limits["most"] == 0 or limits["least"] or limits["beside"]:
                continue
            free = np.argwhere(bare[1:-1, 1:-1] == 0) + 1
            count = min(len(free), 12 if limits["most"] is None else limits["most"])
            tiles = bare.copy()
            for r, c in random.permutation(free)[:count]:
                tiles[r, c] = code
            try:
                Level(name, tiles).validate()
            except LevelError as error:
                pytest.fail(f"{name}: {count} of {world.legend.tiles[code].name}: {error}")


def test_names_of_brushes_are_short() -> None:
    names = [short_name(tile) for tile in get_world("CoinRun").legend.tiles]
    assert {"coin", "wall", "lava", "spikes", "monster", "decoy", "invisible coin", "start"} <= set(names)


@pytest.mark.parametrize(
    ("kind", "words"),
    [(RecurrentAgent, r"^run-1 remembers what it saw"), (QAgent, r"^run-1 acts by another kind of policy")],
)
def test_recurrent_and_q_agents_are_refused_with_one_sentence(kind: type[PolicyAgent], words: str) -> None:
    with pytest.raises(UserError, match=words) as refused:
        check_plain(kind.__new__(kind), "run-1")
    assert "\n" not in str(refused.value)


def test_a_report_gives_the_boards_no_layout_by_accident() -> None:
    """Regression: `.legend` of the report is a flex box, and the boards had a paragraph of that class."""
    folder = ROOT / "experiments" / "report"
    names = re.findall(r'class="([^"{]*)', (folder / "live" / "boards.html").read_text("utf-8"))
    used = {name for found in names for name in found.split()}
    style = (folder / "page" / "style.css").read_text("utf-8")
    styled = set(re.findall(r"(?m)^\.([a-z][\w-]*)(?= \{|,)", style))
    assert used & styled == {"hidden", "small", "notice", "tag"}
