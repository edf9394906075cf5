"""The live page as one HTML file: the template filled, the scripts joined, nothing fetched when it is opened.

Text from outside is escaped by jinja2 in the page and by `json_block` in the data; a content-security policy admits the page's
own scripts by their hashes. The page's script does not use `innerHTML`. Same data, same bytes. Reads no folder.
Read next: `live.html`; `app.js`, which the page starts with; `experiments/publish/live_page.py`, which gathers the data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from goalposts import __version__

from ...system.atomic_files import write_atomic
from ..data import LivePage
from ..parts import ICON, LIVE, part
from ..safe_page import content_policy, json_block, render

ENGINE = ("arithmetic.js", "engine.js", "network.js", "agents.js", "search.js")  # the worker has these too
WORKER = "worker.js"
APP = (
    "state.js",
    "palette.js",
    "proxy.js",
    "board.js",
    "timeline.js",
    "story.js",
    "share.js",
    "teacher.js",
    "intro.js",
    "recorded.js",
    "app.js",
)
WORKERS = "worker-src blob:; "  # of the content-security policy


def write_live_page(data: LivePage, path: Path | str) -> Path:
    """Write the page to `path` in one step. Raises RunError where the disk refuses."""
    write_atomic(Path(path), build_live_page(data).encode("utf-8", "replace"))
    return Path(path)


def build_live_page(data: LivePage) -> str:
    """The whole page as text."""
    section = live_section(data, alone=True)
    style = "\n".join([part("palette.css"), live_part("live.css"), section.style])
    return render(
        live_part("live.html"),
        data=data,
        version=__version__,
        icon=Markup(ICON),
        policy=content_policy(style, section.scripts, WORKERS),
        style=Markup(style),
        boards=section.boards,
        blocks=section.blocks,
    )


@dataclass(frozen=True)
class LiveSection:
    """The boards as a part of a page: their markup, the blocks at the end of the page, the style, and the scripts in the blocks."""

    boards: Markup
    blocks: Markup
    style: str
    scripts: tuple[str, str]


def live_section(data: LivePage, alone: bool) -> LiveSection:
    """Fill the boards of a live page (`alone`) or of a report."""
    engine = "\n".join([*map(live_part, ENGINE), f"const RULES = {data.rules};"])
    app = "\n".join(map(live_part, APP))
    pair = [(k, "AB"[k], label) for k, label in enumerate(shown(data.labels))]
    boards = render(live_part("boards.html"), data=data, pair=pair, alone=alone)
    blocks = render(
        live_part("blocks.html"),
        json=Markup(json_block(data.block)),
        worker=Markup(live_part(WORKER)),
        engine=Markup(engine),
        app=Markup(app),
    )
    return LiveSection(Markup(boards), Markup(blocks), live_part("boards.css"), (engine, app))


def shown(labels: Sequence[str]) -> Sequence[str]:
    """The labels of the boards: of the only agent, of both, or of the first and the last."""
    return labels if len(labels) < 2 else (labels[0], labels[-1])


def live_part(name: str) -> str:
    """A file of this folder."""
    return part(name, LIVE)
