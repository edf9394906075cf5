"""Blocks of the site that are made from the code and the pages: images of worlds, the gallery, results by finding.

Marks on a page: `<!-- levels Corner -->`, `<!-- gallery -->`, `<!-- results -->`. Read next: `hooks.py`, `samples.py`.
"""

from __future__ import annotations

import re
from html import escape
from pathlib import Path

from samples import ROLES, image_path

from goalposts.envs.worlds.registry import get_world
from goalposts.experiments.publish.wording import notes_of, words_of
from goalposts.experiments.report.words import phrase
from goalposts.experiments.study.results.page_header import split
from goalposts.registration import WORLDS

LEVELS = re.compile(r"<!-- levels (\w+) -->")
RESULTS, GALLERY = "<!-- results -->", "<!-- gallery -->"
SAID = {"train": "In training", "shift": "After the move"}
FIGURE = re.compile(r"!\[([^\]]+)\]\(([^)]+\.svg)\)")
SHOWS = re.compile(
    r"(?:\*\*What it shows\.\*\*|## What (?:it shows|they say)\n+-)\s+(.+?)(?:\n\n|\n- |$)", re.DOTALL
)
FIRST = (
    "coinrun",
    "seeds",
    "alpha",
    "outer-inner",
    "worlds",
    "algorithms",
    "explain",
    "foresight",
    "finetune",
)  # what a newcomer reads
CHECKS = ("no ", "2,000", "400", "1,000", "40 batches")  # how n begins on the pages without trained agents
QUESTION = re.compile(r"\*\*Question[^*]*\*\*\s*(.+?)(?:\n\n|$)", re.DOTALL)


def with_blocks(markdown: str, results: Path, up: str) -> str:
    """Replace the marks on a page; up: path from the page's folder to the site's root, such as `../`."""
    markdown = LEVELS.sub(lambda found: level_images(found[1], up), markdown)
    if GALLERY in markdown:
        markdown = markdown.replace(GALLERY, gallery(results, up))
    if RESULTS in markdown:
        markdown = markdown.replace(RESULTS, results_by_finding(results))
    return markdown


def level_images(name: str, up: str = "", link: str = "") -> str:
    """A level as in training and one with the goal moved, side by side."""
    world = get_world(name)
    words, cells = words_of(world), []
    for role in ROLES:
        where = phrase(notes_of(world, [world.default_condition(role)])[0], words)
        text = escape(f"{SAID[role]}: {where}")
        image = f'<img src="{up}{image_path(name, role)}" alt="A level of {name}. {text}">'
        cells.append(f"<figure>{image}<figcaption>{text}</figcaption></figure>")
    inner = "".join(cells)
    return (
        f'<div class="levels">{inner}</div>' if not link else f'<a class="levels" href="{link}">{inner}</a>'
    )


def gallery(results: Path, up: str) -> str:
    """Every world with its levels, and every figure with its finding."""
    lines = ["## Worlds", ""]
    for name in WORLDS:
        words = words_of(get_world(name))
        lines += [
            f"### [{name}](worlds/{name.lower()}.md)",
            "",
            f"Goal: {words.goal}. Proxy: {words.proxy}.",
            "",
        ]
        lines += [level_images(name, up), ""]
    lines += ["## Figures", "", '<div class="grid-two" markdown>', ""]
    for page in _pages(results):
        for title, file in FIGURE.findall(page.read_text("utf-8")):
            lines += [f"[![{title}](results/{file})](results/{page.name})", ""]
    return "\n".join([*lines, "</div>"])


def results_by_finding(folder: Path) -> str:
    """One item per page, headed by what it found: from its figure's title, its statement, or else its question."""
    groups: dict[str, list[str]] = {
        "Findings": [],
        "Checks of the method, on agents with known goals and in simulations": [],
        "Plans and data": [],
    }
    findings, checks, plans = groups
    for page in _pages(folder):
        header, body = split(page.read_text("utf-8"))
        title = re.search(r"^# (.+)$", body, re.MULTILINE)
        name, n = title[1] if title else page.stem, str(header.get("n", ""))
        planned = page.stem.endswith(("-plan", "-data"))
        finding = "" if planned else _finding(body)
        item = f"- **[{finding or name}]({page.name})**  \n  {f'{name}; ' if finding else ''}n = {n}."
        groups[plans if planned else checks if n.startswith(CHECKS) else findings].append(item)
    return "\n\n".join(f"## {head}\n\n" + "\n".join(items) for head, items in groups.items() if items)


def _finding(body: str) -> str:
    figure = FIGURE.search(body)
    if figure and f"*{figure[1]}" in body:  # the caption repeats a title that was computed from the data
        return figure[1]
    for pattern in (SHOWS, QUESTION):
        found = pattern.search(body)
        if found:
            text = (
                re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", " ".join(found[1].split()))
                .replace("**", "")
                .replace("*", "")
            )
            sentence = re.match(r".{30,}?[.?!:](?= |$)", text)
            return (sentence[0] if sentence else text).rstrip(".:")
    return ""


def _pages(folder: Path) -> list[Path]:
    """The pages of results, those for newcomers first, the rest by name."""
    found = sorted(path for path in folder.glob("*.md") if path.name != "index.md")
    return sorted(found, key=lambda page: FIRST.index(page.stem) if page.stem in FIRST else len(FIRST))
