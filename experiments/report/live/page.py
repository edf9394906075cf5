"""The live page as one HTML file: the template filled, the scripts joined, nothing fetched when it is opened.

Text from outside is escaped by jinja2 in the page and by `json_block` in the data; a content-security policy admits the page's
own scripts by their hashes. The page's script does not use `innerHTML`. Same data, same bytes. Reads no folder.
Read next: `live.html`; `app.js`, which the page starts with; `experiments/publish/live_page.py`, which gathers the data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from goalposts import __version__

from ...system.atomic_files import write_atomic
from ..data import WorldWords
from ..parts import LIVE, part
from ..safe_page import content_policy, json_block, render

ENGINE = ("arithmetic.js", "engine.js", "network.js", "agents.js", "search.js")  # the worker has these too
WORKER = "worker.js"
APP = ("state.js", "palette.js", "board.js", "timeline.js", "share.js", "intro.js", "app.js")


@dataclass(frozen=True)
class LivePage:
    """The data of a live page.

    rules: JavaScript; labels: of the agents; training: description of the training levels; hidden: what "blind" hides; block: for
    the scripts.
    """

    world: str
    words: WorldWords
    story: str
    rules: str
    labels: Sequence[str]
    training: str
    hidden: str
    block: dict[str, Any]
    command: str = ""


def write_live_page(data: LivePage, path: Path | str) -> Path:
    """Write the page to `path` in one step. Raises RunError where the disk refuses."""
    write_atomic(Path(path), build_live_page(data).encode("utf-8", "replace"))
    return Path(path)


def build_live_page(data: LivePage) -> str:
    """The whole page as text."""
    engine = "\n".join([*map(live_part, ENGINE), f"const RULES = {data.rules};"])
    worker, app = live_part(WORKER), "\n".join(map(live_part, APP))
    style = "\n".join([part("palette.css"), live_part("live.css")])
    return render(
        live_part("live.html"),
        data=data,
        version=__version__,
        pair=[(k, "AB"[k], label) for k, label in enumerate(shown(data.labels))],
        policy=content_policy(style, [engine, app], "worker-src blob:; "),
        style=Markup(style),
        engine=Markup(engine),
        worker=Markup(worker),
        app=Markup(app),
        json=Markup(json_block(data.block)),
    )


def shown(labels: Sequence[str]) -> Sequence[str]:
    """The labels of the boards: of the only agent, of both, or of the first and the last."""
    return labels if len(labels) < 2 else (labels[0], labels[-1])


def live_part(name: str) -> str:
    """A file of this folder."""
    return part(name, LIVE)
