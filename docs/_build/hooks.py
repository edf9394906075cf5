"""mkdocs hooks: generate the reference pages, blocks made from code and results, and include samples and linked source files.

- `reference/*.md` are generated from the code and never committed (`cli_reference.py`, `config_reference.py`, `methods_reference.py`,
  `metrics_reference.py`, `schemas_reference.py`).
- In the `nav` of mkdocs.yml a pattern such as `results/*.md` represents all matching pages that are not listed elsewhere.
- Marks such as `<!-- results -->` become blocks that are made from the pages and the code (`showcase.py`).
- Sample reports, the live page and images of worlds come from build/docs-samples (`samples.py`), else they are placeholders.
- The site has the colours of the reports: their palette becomes a style sheet of the site.
- A link to a file outside docs/ becomes a link to a page of the site that shows that file, so the site works offline.

Read next: mkdocs.yml.
"""

from __future__ import annotations

import io
import posixpath
import re
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from cli_reference import command_page
from config_reference import config_page, study_page, worlds_page
from methods_reference import methods_page
from metrics_reference import metrics_page
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from PIL import Image
from samples import ROLES, SAMPLES, SITE, image_path
from schemas_reference import schemas_page
from showcase import with_blocks

from goalposts.envs.render.sprites import sprite
from goalposts.experiments.report.parts import part
from goalposts.registration import WORLDS

PAGES = {
    "reference/cli.md": command_page,
    "reference/config.md": config_page,
    "reference/methods.md": methods_page,
    "reference/metrics.md": metrics_page,
    "reference/schemas.md": schemas_page,
    "reference/study.md": study_page,
    "reference/worlds.md": worlds_page,
}
HIDDEN = ("_build/", "overrides/")
COIN = "assets/coin.png"  # the site's icon
PALETTE = "assets/palette.css"
PLACEHOLDER = "<!doctype html><html lang=en><title>Sample</title><p>This sample is made by <code>make docs</code>.</p></html>"
SEARCH = 'data-md-component="search" role="dialog"'
LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#)([^)\s#]+)(#[^)\s]*)?(?=\))")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Expand the patterns in the nav to pages."""
    docs = Path(config.docs_dir)
    pages = [path.relative_to(docs).as_posix() for path in sorted(docs.rglob("*.md"))]
    named = {entry for entry in _entries(config.nav) if "*" not in entry}
    left = [page for page in pages if page not in named and not page.startswith(HIDDEN)]
    config.nav = _spread(config.nav, left)
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages, and one page for each linked file outside docs/."""
    for path, write in PAGES.items():
        files.append(File.generated(config, path, content=write()))
    files.append(File.generated(config, COIN, content=_coin()))
    files.append(File.generated(config, PALETTE, content=part("palette.css")))
    made = [path for path in SITE.rglob("*") if path.is_file()]
    for path in made:
        files.append(File.generated(config, path.relative_to(SITE).as_posix(), abs_src_path=str(path)))
    known = {path.relative_to(SITE).as_posix() for path in made}
    images = [image_path(world, role) for world in WORLDS for role in ROLES]
    for path in (path for path in (*SAMPLES, *images) if path not in known):
        files.append(File.generated(config, path, content=PLACEHOLDER if path.endswith("html") else _coin()))
    docs = Path(config.docs_dir)
    for page in list(files.documentation_pages()):
        if page.abs_src_path is None:
            continue
        for link, _ in LINK.findall(page.content_string):
            outside = _outside(page.src_uri, link)
            source = docs.parent / (outside or "")
            path = f"source/{outside}.md"
            if (
                outside
                and source.is_file()
                and outside != "README.md"
                and files.get_file_from_path(path) is None
            ):
                files.append(
                    File.generated(config, path, content=_listing(outside, source.read_text("utf-8")))
                )
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Redirect links that leave docs/ to pages of the site, and fill in the marked blocks."""

    def inwards(found: re.Match[str]) -> str:
        outside = _outside(page.file.src_uri, found[1])
        if outside is None:
            return found[0]
        target = "index.md" if outside == "README.md" else f"source/{outside}.md"
        if files.get_file_from_path(target) is None:
            return found[0]  # no such file: mkdocs reports it
        return posixpath.relpath(target, posixpath.dirname(page.file.src_uri) or ".")

    up = "../" * page.file.src_uri.count("/")
    markdown = with_blocks(markdown, Path(config.docs_dir) / "results", up)
    return LINK.sub(inwards, markdown)


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Name the theme's search for screen readers, which the theme does not."""
    return output.replace(SEARCH, f'{SEARCH} aria-label="Search"', 1)


def _outside(page: str, link: str) -> str | None:
    """Path relative to the repository's root of a link that leaves docs/, else None."""
    path = posixpath.normpath(posixpath.join("docs", posixpath.dirname(page), link))
    return None if path == "docs" or path.startswith(("docs/", "../")) else path


def _coin() -> bytes:
    file = io.BytesIO()
    Image.fromarray(sprite("coin", 32)).save(file, "png")
    return file.getvalue()


def _listing(name: str, text: str) -> str:
    kind = {".py": "python", ".yaml": "yaml", ".yml": "yaml", ".toml": "toml"}.get(Path(name).suffix, "text")
    fence = "`" * max([3, *(len(run) + 1 for run in re.findall("`+", text))])
    head = f"---\nsearch:\n  exclude: true\n---\n\n# {Path(name).name}"
    told = f"`{name}` of the repository, as it was when this site was built."
    return f"{head}\n\n{told}\n\n{fence}{kind}\n{text}\n{fence}\n"


def _entries(nav: Any) -> list[str]:
    if isinstance(nav, str):
        return [nav]
    if isinstance(nav, dict):
        return [entry for value in nav.values() for entry in _entries(value)]
    return [entry for value in nav or [] for entry in _entries(value)]


def _spread(nav: Any, left: list[str]) -> Any:
    """Expand the patterns of a nav; each page in `left` goes to the first pattern that it matches."""
    if isinstance(nav, dict):
        return {title: _spread(value, left) for title, value in nav.items()}
    if not isinstance(nav, list):
        return nav
    spread = []
    for entry in nav:
        if isinstance(entry, str) and "*" in entry:
            found = [page for page in left if fnmatch(page, entry) and page.count("/") == entry.count("/")]
            spread += found
            left[:] = [page for page in left if page not in found]
        else:
            spread.append(_spread(entry, left))
    return [entry for entry in spread if not (isinstance(entry, dict) and [] in entry.values())]
