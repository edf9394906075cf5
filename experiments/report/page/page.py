"""The HTML report: one self-contained page from a `ReportData`, readable without network, server or installation.

All external text (names, notes, configs, levels) is escaped: by jinja2 in the page, by `json_block` in the data block. A content
security policy admits only this page's own style and scripts, by their hashes. Equal data gives equal bytes. Measures nothing
and reads no run folder. Read next: `experiments/report/data.py` (the input), `view.py` and `bars.py` (rows, bars),
`template.html`.
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from markupsafe import Markup

from ...system.atomic_files import RunError, read_limited, write_atomic
from ..data import ReportData, SpriteSheet
from ..figures.charts import charts
from ..live.page import WORKERS, live_section
from ..parts import ICON, LIVE, part, styles
from ..safe_page import content_policy, json_block, render
from ..story import description, headline, named_pair, same_score, steps
from . import bars, view
from .downloads import downloads
from .episodes import pack_episodes
from .evidence import evidence
from .explorer import pack_explorer
from .inside import inside
from .replays import pack

GENERATOR, MAX_BYTES = b'<meta name="generator" content="Goalposts">', 1 << 30
PAGE_SCRIPTS = ("page.js", "curves.js", "episodes.js")
SCRIPTS = ("player.js", "explorer.js")
STYLES = ("style.css", "player.css", "explorer.css", "sections.css")
SPECIAL = "attribution"  # charts whose names begin so are for specialists


def write_page(data: ReportData, path: Path | str) -> Path:
    """Write the page to `path` atomically. Raises RunError if the disk refuses."""
    write_atomic(
        Path(path), build_page(data).encode("utf-8", "replace")
    )  # a path may hold bytes that are not text
    return Path(path)


def is_page(path: Path) -> bool:
    """Whether a file is a page that Goalposts wrote."""
    try:
        return GENERATOR in read_limited(path, MAX_BYTES)[:1000]
    except RunError:
        return False


def build_page(data: ReportData) -> str:
    """Render the page as text. Raises ValueError if a replay is of an agent that the report does not have."""
    explorer = pack_explorer(data)
    needless = {"player.js": not data.replays, "explorer.js": explorer is None}
    scripts = [page_script(*PAGE_SCRIPTS), *(part(name) for name in SCRIPTS if not needless.get(name))]
    live = None if data.boards is None else live_section(data.boards, alone=False)
    style = "\n".join([styles(*STYLES), *([live.style] if live else [])])
    player = pack(data) if data.replays else None
    agents = view.agents(data)
    metrics = view.metrics(data, agents)
    overview, roles = view.overview(metrics), bars.roles(data, agents)
    listed = pack_episodes(data)
    shown, section = charts(data), evidence(data, agents)
    drawn = section.charts if section else ()
    block = _block(data, player, explorer)
    if listed is not None:
        block["episodes"] = listed
    block["curves"] = {chart.name: chart.values for chart in (*shown, *drawn) if chart.values}
    return render(
        part("template.html"),
        data=data,
        headline=headline(data),
        named=named_pair(data),
        same_score=same_score(data),
        steps=steps(data),
        agents=agents,
        description=description(data),
        preview=_image(data.preview) if data.preview else "",
        icon_address=Markup(ICON),
        boards=live.boards if live else "",
        blocks=live.blocks if live else "",
        metrics=metrics,
        overview=overview,
        basis=view.basis(overview),
        episodes=listed is not None,
        roles=roles,
        basis_of_bars=bars.common_basis(roles),
        charts=shown,
        evidence=section,
        sure=[chart for chart in drawn if not chart.name.startswith(SPECIAL)],
        special=[chart for chart in drawn if chart.name.startswith(SPECIAL)],
        view=view,  # a new section is a function there and its part of the template
        downloads=downloads(data),
        leaked_any=any(row.shared for row in data.leakage),
        inside=inside(data),
        player=player,
        explorer=explorer,
        columns=view.columns(player),
        policy=content_policy(style, [*(live.scripts if live else ()), *scripts], WORKERS if live else ""),
        style=Markup(style),
        scripts=[Markup(script) for script in scripts],
        json=Markup(json_block(block)),
    )


def page_script(*names: str) -> str:
    """The script that every page has: the mark of the proxy, then these files."""
    return "\n".join([part("proxy.js", LIVE), *map(part, names)])


def _block(
    data: ReportData, player: dict[str, Any] | None, explorer: dict[str, Any] | None
) -> dict[str, Any]:
    """Build the data block for the scripts: tables as CSV, data of player and explorer, sprites."""
    block: dict[str, Any] = {"tables": downloads(data)}
    if player is not None:
        block["player"] = player
    if explorer is not None:
        block["explorer"] = explorer
    if data.sprites is not None and len(block) > 1:
        block["sheet"] = _sheet(data.sprites)
    return block


def _sheet(sprites: SpriteSheet) -> dict[str, Any]:
    places = {name: list(place) for name, place in sorted(sprites.places.items())}
    sheet = {"src": _image(sprites.png), "px": sprites.px, "places": places, "ground": sprites.ground}
    if sprites.backdrop:
        sheet["backdrop"] = {"src": _image(sprites.backdrop), "px": sprites.backdrop_px}
    return sheet


def _image(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"
