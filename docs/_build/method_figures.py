"""Figures on methods that README and the docs quote, read from the committed results. Read next: `claims.py`, which fills them in."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import polars as pl

from review_figures import RESULTS, words_on

WORLDS = {"": "methods-l1", "-corner": "methods-corner"}  # ends of names, and the study of each world
METHODS = {
    "plain": "plain",
    "tuned": "plain-tuned",
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


def _percent(study: str, method: str) -> Callable[[], str]:
    """The α at which a method's mean goal preference passes one half, in percent, with its interval."""

    def read() -> str:
        row = pl.read_csv(RESULTS / "methods.csv", infer_schema=False).filter(study=study, method=method, measure="critical/preference")
        value, low, high = (100 * float(row[name][0]) for name in ("value", "low", "high"))
        return f"{value:.2g}% ({low:.2g}–{high:.2g}%)"

    return read


def _on_page(name: str, pattern: str) -> Callable[[], str]:
    """Numbers on a results page, with minus signs."""
    read = words_on(name, pattern, name)
    return lambda: read().replace("-0.", "−0.")


COMPARED: Mapping[str, Callable[[], str]] = {
    **{
        f"methods-{name}{end}": _critical(study, method)
        for name, method in METHODS.items()
        for end, study in WORLDS.items()
    },
    "methods-max-return": _on_page("methods", r"with max return in CoinRun: (.*?) \(n = "),
    "methods-max-return-corner": _on_page("methods", r"with max return in Corner: (.*?) \(n = "),
    "methods-plain-percent": _percent("methods-l1", "plain"),
    "methods-tuned-percent": _percent("methods-l1", "plain-tuned"),
    "methods-randomized-percent": _percent("methods-l1", "domain-randomization"),
    "methods-lead": _on_page("methods-why", r"averaged over α: (.*?) with 1 million steps"),
    "methods-lead-longer": _on_page("methods-why", r"with 1 million steps, (.*?) with 4 million \(n"),
    "methods-pool": _on_page("methods-why", r"change the goal preference of replay by (.*?) with 1 million"),
    "methods-often": _on_page("methods-why", r"on 300 distinguishing levels, the goal preference changes by (.*?) \(n"),
    "methods-curve": _on_page("methods", r"By the plan's test: \*\*(.*?)\*\*"),
}
