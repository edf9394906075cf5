"""Parts of pages: templates, styles and scripts that ship next to the code. Read next: `experiments/report/page/page.py`."""

from __future__ import annotations

from functools import lru_cache
from importlib import resources

PAGE = "goalposts.experiments.report.page"
LIVE = "goalposts.experiments.report.live"
ICON = (  # of a page's tab
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath d='M2 13C4 5 9 3 13 7' "
    "fill='none' stroke='%23b54806' stroke-width='2.4'/%3E%3C/svg%3E"
)


@lru_cache
def part(name: str, package: str = PAGE) -> str:
    """Text of a file that ships in a package. Raises FileNotFoundError if there is none."""
    return resources.files(package).joinpath(name).read_text(encoding="utf-8")


def styles(*names: str) -> str:
    """The palette and these style sheets of the report's pages, as one sheet."""
    return "\n".join(part(name) for name in ("palette.css", *names))
