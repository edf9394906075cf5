"""Figures on methods that README and the docs quote, read from the committed results. Read next: `claims.py`, which fills them in."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import polars as pl

RESULTS = Path(__file__).parents[2] / "docs" / "results"
WORLDS = {"": "methods-l1", "-corner": "methods-corner"}  # ends of names, and the study of each world
METHODS = {
    "plain": "plain",
    "randomized": "domain-randomization",
    "exact": "PLR-regret",
    "estimate": "PLR-max-return",
    "evolved": "ACCEL-identity-regret",
}


def _critical(study: str, method: str) -> Callable[[], str]:
    """The α at which a method's mean goal preference passes one half, and that of goal first of all episodes, with intervals."""

    def read() -> str:
        own = pl.read_csv(RESULTS / "methods.csv", infer_schema=False).filter(study=study, method=method)
        rows = [own.filter(measure=f"critical/{measure}") for measure in ("preference", "goal_first")]
        if not all(part.height for part in rows):
            return f"measured by the study `{study}`, not yet run"
        first, every = (str(part["words"][0]) for part in rows)
        return f"{first}; of all episodes {every}"

    return read


def _on_page(name: str, pattern: str) -> Callable[[], str]:
    """Words of a results page."""

    def read() -> str:
        path = RESULTS / f"{name}.md"
        found = re.search(pattern, path.read_text(encoding="utf-8"), re.MULTILINE) if path.exists() else None
        return found[1] if found else f"measured by the study `{name}`, not yet run"

    return read


def _why(number: int) -> Callable[[], str]:
    """A prediction of the study of why: its state and its numbers."""

    def read() -> str:
        path = RESULTS / "methods-why.md"
        found = (
            re.search(rf"(?m)^- \*\*{number}\. .*?\*\*: (.*?)\. (.*?)\.?$", path.read_text(encoding="utf-8")) if path.exists() else None
        )
        return f"{found[1]}: {found[2]}" if found else "measured by the study `methods-why`, not yet run"

    return read


COMPARED: Mapping[str, Callable[[], str]] = {
    **{
        f"methods-{name}{end}": _critical(study, method)
        for name, method in METHODS.items()
        for end, study in WORLDS.items()
    },
    "methods-max-return": _on_page("methods", r"with max return in CoinRun: (.*?) \(n = "),
    "methods-max-return-corner": _on_page("methods", r"with max return in Corner: (.*?) \(n = "),
    "methods-curve": _on_page("methods", r"By the plan's test: \*\*(.*?)\*\*"),
    "methods-lowest": _on_page("methods", r"agents of (\S+ lie lowest \(.*?\))"),
    "methods-highest": _on_page("methods", r"those of (\S+ highest \(.*?);"),
    **{f"methods-why-{number}": _why(number) for number in range(1, 7)},
}
