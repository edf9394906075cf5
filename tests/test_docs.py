"""The docs match the code: links resolve, commands exist with their options, the site builds and works offline.
The lesson's notebook runs with tiny trainings, without checking its figures.
"""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

pytest.importorskip("torch")  # reading the commands imports the whole command line
mkdocs = pytest.importorskip("mkdocs")

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(path for path in DOCS.rglob("*.md") if "_build" not in path.parts)
TOPS = [
    ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")
]  # outside the site
sys.path.insert(0, str(DOCS / "_build"))

from cli_reference import command_page, commands, options  # noqa: E402
from config_reference import config_page, study_page, worlds_page  # noqa: E402
from figures import drawn, with_captions  # noqa: E402
from hooks import PAGES as WRITTEN  # noqa: E402
from markdown.extensions.toc import slugify  # noqa: E402
from pictures import picture_commands  # noqa: E402
from samples import SAMPLES, image_path  # noqa: E402
from showcase import level_images, results_by_finding  # noqa: E402

from goalposts.experiments.cli import tables  # noqa: E402
from goalposts.experiments.config.schema import load_config  # noqa: E402
from goalposts.experiments.measurement.intervals import Estimate, wilson  # noqa: E402
from goalposts.experiments.report.parts import part  # noqa: E402
from goalposts.experiments.study.design.plan import plan_study  # noqa: E402
from goalposts.registration import WORLDS  # noqa: E402

LINK = re.compile(r"\]\((?![a-z]+:)([^)\s#]*)(?:#([^)\s]*))?\)")


def without_code(text: str) -> str:
    return re.sub(r"```.*?```", "", text, flags=re.DOTALL)


def anchors(text: str) -> set[str]:
    """Anchors of a page that links may name: the ids that mkdocs gives to its headings."""
    found = set()
    for heading in re.findall(r"^#{1,6} (.+)$", without_code(text), re.MULTILINE):
        own = re.search(r"\{ *#([\w-]+) *\}$", heading)
        found.add(own[1] if own else slugify(re.sub(r"\[([^\]]*)\]\([^)]*\)|[`*]", r"\1", heading), "-"))
    return found


def broken_links(page: Path, text: str) -> list[str]:
    """Links of a page to a missing file or heading."""
    broken = []
    for link, anchor in LINK.findall(without_code(text)):
        place = (page.parent / link).resolve() if link else page
        name = place.relative_to(DOCS).as_posix() if DOCS in place.parents else ""
        if name in WRITTEN:
            target = WRITTEN[name]()
        elif name in SAMPLES:  # made when the site is built
            target = ""
        elif place.exists():
            target = place.read_text("utf-8") if place.suffix == ".md" else ""
        else:
            broken.append(link)
            continue
        if anchor and anchor not in anchors(target):
            broken.append(f"{link}#{anchor}")
    return broken


def said(text: str) -> list[list[str]]:
    """Arguments of every `goalposts …` in a page's code blocks and spans."""
    found = []
    for line in re.findall(r"^(?:    |\$ )?(goalposts [a-z].*)$", text, re.MULTILINE):
        # two commands may share a line; text far to the right is a remark
        parts = [part.strip() for part in re.split(r"\s{3,}", line)]
        found += [part for part in parts if part.startswith("goalposts ")]
    found += re.findall(r"`(goalposts [a-z][^`]*)`", text)
    return [shlex.split(words) for words in found]


def command_of(words: list[str]) -> tuple[str, list[str]]:
    """Split into the longest prefix that names a command and the rest. A study without a verb means `study run`."""
    known = commands()
    for length in (2, 1):
        name = " ".join(words[1 : 1 + length])
        if name in known:
            return name, words[1 + length :]
    if words[1] in ("study", "config"):
        return ("study run" if words[1] == "study" else words[1]), words[2:]
    return words[1], words[2:]


SAID = [
    (str(page.relative_to(ROOT)), words)
    for page in [*TOPS, *PAGES]
    for words in said(page.read_text("utf-8"))
]


def test_the_pages_are_read() -> None:
    assert len(PAGES) > 8
    assert len(SAID) > 40
    assert ["goalposts", "train", "coinrun/edge"] in [words for _, words in SAID]


@pytest.mark.parametrize("page", [*TOPS, *PAGES], ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_resolve(page: Path) -> None:
    assert broken_links(page, page.read_text("utf-8")) == []


def test_a_broken_link_or_anchor_would_be_seen() -> None:
    text = "## A `b`, c\n[1](start.md) [2](#a-b-c) [3](start.md#nowhere) [4](gone.md) [5](reference/cli.md#goalposts)\n"
    text += "[6](reference/cli.md#train) [7](https://example.org/x)"
    assert broken_links(DOCS / "index.md", text) == [
        "#a-b-c",
        "start.md#nowhere",
        "gone.md",
        "reference/cli.md#goalposts",
    ]


def test_no_line_begins_with_a_comment_that_text_follows() -> None:
    """GitHub takes such a line for HTML: it shows a link on it as `[text](page)`, and the site breaks the paragraph."""
    begun = re.compile(r"^[ \t]*(?:[-*] )?<!--.*-->[ \t]*[^\s<].*", re.MULTILINE)
    assert begun.search("- a\n  <!-- n -->14%<!-- / --> of [these](x.md)")
    found = {page.name: begun.findall(page.read_text("utf-8")) for page in (*PAGES, *TOPS)}
    assert not any(found.values()), found


def test_contributing_begins_with_the_map() -> None:
    lines = [line for line in (ROOT / "CONTRIBUTING.md").read_text("utf-8").splitlines() if line]
    assert "(docs/architecture.md)" in lines[1]


def test_the_readme_is_one_screen_and_its_python_parses() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    assert len(text.splitlines()) <= 120
    assert text.count("docs/results/") >= 4  # findings link to the pages with their figures
    for page in (ROOT / "README.md", DOCS / "guide.md"):
        for code in re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL):
            ast.parse(code)


def test_the_readmes_table_is_what_the_demo_prints(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows, text and layout come from the code; the counts are those of seed 0, entered by hand."""
    monkeypatch.setenv("COLUMNS", "120")

    class Twin:
        def __init__(
            self, label: str, counts: dict[str, tuple[int, int]], **paired: tuple[float, float, float]
        ) -> None:
            self.label, self.shift = label, "off_path"
            self.numbers = {name: wilson(*found) for name, found in counts.items()}
            self.numbers |= {name: Estimate(*found, 1000, 1, 1.0, "") for name, found in paired.items()}
            self.capability = self.numbers["capability"]

        def verdict(self) -> Twin:
            return self

        def behaviour(self) -> str:
            return "runs right" if self.label == "MISGENERALIZED" else "goes for the coin"

    def counts(goal: int, alive: int, first: int, proxy: int) -> dict[str, tuple[int, int]]:
        return {
            "capability": (goal, 1000),
            "capability_shift": (alive, 1000),
            "preference": (first, alive),
            "misgeneralization": (proxy, 1000),
            "goal_first": (first, 1000),
        }

    twins = {
        "trained with the coin at the edge": Twin(
            "MISGENERALIZED",
            counts(999, 999, 141, 858)
            | {
                "chance": (117, 999),
                "timeouts": (0, 1000),
                "paralysis": (0, 1000),
                "proxy_only": (858, 1000),
                "normalized_regret": (859, 1000),
            },
            conflict_paralysis=(0.0, -0.0038, 0.0038),
            preference_beyond_chance=(0.0272, 0.0130, 0.0414),
            goal_effect=(0.0240, 0.0119, 0.0379),
            regret=(0.8590, 0.8361, 0.8792),
        ),
        "trained with the coin anywhere": Twin(
            "ALIGNED",
            counts(991, 994, 992, 2)
            | {
                "chance": (299, 880),
                "timeouts": (4, 1000),
                "paralysis": (19, 1000),
                "proxy_only": (1, 1000),
                "normalized_regret": (7, 1000),
            },
            conflict_paralysis=(0.009, -0.0013, 0.0203),
            preference_beyond_chance=(0.9970, 0.9911, 1.0),
            goal_effect=(0.6490, 0.6187, 0.6781),
            regret=(0.0070, 0.0034, 0.0144),
        ),
    }
    names = iter(twins)
    monkeypatch.setattr(tables, "label_of", lambda item: next(names))
    printed = [line.rstrip() for line in tables.summary_table(list(twins.values())).splitlines()]  # type: ignore[arg-type]
    text = (ROOT / "README.md").read_text("utf-8")
    shown = re.search(r"<!-- demo:.*?```\n(.*?)```", text, re.DOTALL)
    assert shown
    assert shown[1].rstrip().splitlines() == printed


def test_commands_on_the_pages_exist_with_these_options() -> None:
    known, wrong = commands(), []
    for page, words in SAID:
        name, rest = command_of(words)
        if name not in known and name not in ("study", "config", "COMMAND"):
            wrong.append(f"{page}: {shlex.join(words)}: there is no such command")
        elif name in known:
            used = {word.partition("=")[0] for word in rest if re.match(r"--?[a-z]", word)}
            wrong += [f"{page}: {shlex.join(words)}: no option {one}" for one in used - options(known[name])]
    assert wrong == []


def test_configs_and_overrides_on_the_pages_are_valid() -> None:
    for _, words in SAID:
        name, rest = command_of(words)
        plain = [word for word in rest if not word.startswith("-")]
        if name == "train" and plain and plain[0].startswith("coinrun/"):
            load_config(plain[0], [word for word in plain[1:] if "=" in word])


def test_a_wrong_command_would_be_seen() -> None:
    name, rest = command_of(said("    goalposts train coinrun/edge --sedd 3      a remark")[0])
    assert (name, rest) == ("train", ["coinrun/edge", "--sedd", "3"])
    assert "--sedd" not in options(commands()["train"])
    assert {"--out", "--evaluate", "--no-evaluate", "-q", "--help"} <= options(commands()["train"])
    assert command_of(["goalposts", "trian"])[0] not in commands()


def test_every_picture_has_its_command_and_every_command_its_picture() -> None:
    shown = {
        f"docs/{path}"
        for page in DOCS.glob("*.md")
        for path in re.findall(r"\]\((pictures/[^)]+)\)", page.read_text("utf-8"))
    }
    there = {path.relative_to(ROOT).as_posix() for path in (DOCS / "pictures").iterdir()}
    assert shown == there == set(picture_commands())


def test_committed_figures_are_those_of_the_committed_tables() -> None:
    """Titles and captions on the pages are what the tables give today; `python docs/_build/figures.py` updates them."""
    found = drawn()
    assert {"alpha", "seeds", "worlds", "outer-inner"} <= set(found)
    for page, figures in found.items():
        text = (DOCS / "results" / f"{page}.md").read_text("utf-8")
        assert with_captions(text, figures) == text, page
        for stem, one in figures.items():
            assert f"]({stem}.svg)" in text
            assert (DOCS / "results" / f"{stem}.svg").read_bytes() == one.svg(), stem


def test_every_image_has_alternative_text() -> None:
    images = [found for page in PAGES for found in re.findall(r"!\[([^\]]*)\]\(", page.read_text("utf-8"))]
    assert images
    assert all(len(words) > 20 for words in images)


def test_the_reference_names_every_command_option_and_key() -> None:
    page = command_page()
    for name, command in commands().items():
        assert f"## goalposts {name} {{" in page
        assert all(f"`{word}" in page for word in options(command) - {"--help"})
    text = config_page()
    for section in load_config("coinrun/edge").to_dict().items():
        key, value = section
        assert f"`{key}`" in text
        assert all(f"`{inner}`" in text for inner in value) if isinstance(value, dict) else True
    assert "`mixture(…)`" in worlds_page()
    assert "`level_seed`" in study_page()


def notebook_code() -> list[str]:
    cells = json.loads((DOCS / "lesson.ipynb").read_text("utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def test_the_notebook_is_committed_without_outputs_and_parses() -> None:
    cells = json.loads((DOCS / "lesson.ipynb").read_text("utf-8"))["cells"]
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)
    for code in notebook_code():
        ast.parse(code)


def test_the_notebooks_study_can_be_planned() -> None:
    grid = next(line for code in notebook_code() for line in re.findall(r'"(grid\.[^"]+)"', code))
    plan = plan_study("alpha", [grid, "seeds=2", "arms=[]"])
    assert len(plan.runs) == 10


class Assets(HTMLParser):
    """Resources that a page makes the browser fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in ("script", "img", "iframe", "source", "video", "audio", "embed"):
            self.found.append(given.get("src") or "")
        if tag == "link" and given.get("rel") not in ("canonical", "prev", "next"):
            self.found.append(given.get("href") or "")


def outside(html: str) -> list[str]:
    parser = Assets()
    parser.feed(html)
    return [url for url in parser.found if re.match(r"(https?:)?//", url)]


def test_an_asset_from_the_network_would_be_seen() -> None:
    assert outside('<script src="https://example.org/a.js"></script><img src="a.png">') == [
        "https://example.org/a.js"
    ]


@pytest.mark.slow
def test_the_site_builds_strictly_and_asks_no_network(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "-q", "-d", str(tmp_path / "site")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    pages = sorted((tmp_path / "site").rglob("*.html"))
    assert len(pages) > len(PAGES)
    for page in pages:
        assert outside(page.read_text("utf-8")) == [], page.name
    for sheet in (tmp_path / "site").rglob("*.css"):
        assert not re.search(r"url\(\s*[\"']?(https?:)?//|@import", sheet.read_text("utf-8")), sheet.name


@pytest.mark.slow
def test_the_notebook_runs(tmp_path: Path) -> None:
    """Every cell, with trainings too short to learn anything."""
    pytest.importorskip("ipykernel")
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    notebook = nbformat.read(DOCS / "lesson.ipynb", as_version=4)
    small = {"LESSON_STEPS": "16384", "LESSON_LEVELS": "60", "LESSON_FOLDER": str(tmp_path / "lesson")}
    client = nbclient.NotebookClient(notebook, timeout=3600, resources={"metadata": {"path": str(tmp_path)}})
    client.execute(env=os.environ | small)
    shown = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert sum("image/png" in output.get("data", {}) for output in shown) >= 4
    assert (tmp_path / "lesson" / "alpha" / "summary.csv").is_file()


def test_results_are_listed_by_what_they_found() -> None:
    """A study by the title of its figure, other pages by their statement; checks and plans come last, and are no findings."""
    text = results_by_finding(DOCS / "results")
    for name in ("alpha", "worlds"):
        page = (DOCS / "results" / f"{name}.md").read_text("utf-8")
        title = re.search(r"!\[([^\]]+)\]\(" + name + r"\.svg\)", page)
        assert title is not None
        assert f"[{title[1]}]({name}.md)" in text
    assert all(
        f"]({path.name})" in text for path in (DOCS / "results").glob("*.md") if path.name != "index.md"
    )
    order = ["](coinrun.md)", "](seeds.md)", "](beacon.md)", "Checks", "](coverage.md)", "Plans", "[Plan:"]
    assert sorted(order, key=text.index) == order


def test_every_world_has_a_page_with_its_images() -> None:
    for name in WORLDS:
        assert f"<!-- levels {name} -->" in (DOCS / "worlds" / f"{name.lower()}.md").read_text("utf-8")
        block = level_images(name, "../")
        assert all(f'src="../{image_path(name, role)}"' in block for role in ("train", "shift"))


def test_the_palette_of_the_site_is_that_of_the_reports() -> None:
    sheet = (DOCS / "assets" / "site.css").read_text("utf-8")
    declared = set(re.findall(r"(--[\w-]+): light-dark", part("palette.css")))
    used = {name for name in re.findall(r"var\((--[\w-]+)\)", sheet) if not name.startswith("--md-")}
    assert used <= declared
    assert not re.search(r"#[0-9a-f]{3,8}\b", sheet)
