"""Figures on methods that README and the docs quote, read from the committed results. Read next: `../claims.py`, which fills them in."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import polars as pl
from quoted.committed_tables import RESULTS, pending, words_on

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
            return pending(study)
        first, every = (str(part["words"][0]) for part in rows)
        return f"{first}; of all episodes {every}"

    return read


def _percent(study: str, method: str) -> Callable[[], str]:
    """The α at which a method's mean goal preference passes one half, in percent, with its interval."""

    def read() -> str:
        row = pl.read_csv(RESULTS / "methods.csv", infer_schema=False).filter(
            study=study, method=method, measure="critical/preference"
        )
        value, low, high = (100 * float(row[name][0]) for name in ("value", "low", "high"))
        return f"{value:.2g}% ({low:.2g}–{high:.2g}%)"

    return read


def _on_page(name: str, pattern: str) -> Callable[[], str]:
    """Numbers on a results page, with minus signs."""
    read = words_on(name, pattern, name)
    return lambda: read().replace("-0.", "−0.")


def _as_percent(read: Callable[[], str]) -> Callable[[], str]:
    """A critical α and its interval, in percent."""

    def percent() -> str:
        numbers = [f"{100 * float(number):.2g}" for number in re.findall(r"[\d.]+", read())]
        return f"{numbers[0]}% ({numbers[1]}–{numbers[2]}%)" if len(numbers) == 3 else read()

    return percent


def _critical_percent(arm: str) -> Callable[[], str]:
    """The α at which the goal preference of an arm of the study of equal bonuses passes one half."""
    return _as_percent(
        words_on("methods-entropy", rf"^\| {re.escape(arm)} \| 10 \| (.*?) \|", "methods-entropy")
    )


def _on_new_seeds(arm: str, world: str) -> Callable[[], str]:
    """An arm minus domain randomization with the same bonus, on seeds that chose nothing: goal preference averaged over α."""
    return _on_page(
        "methods-finalists",
        rf"^- \*\*4\..*?{re.escape(arm)} minus domain-randomization 0\.1, .*?{world}: (.*?) \(n = ",
    )


def _at_most(world: str, alpha: str) -> Callable[[], str]:
    """Replay by exact regret minus domain randomization at one α, on the seeds of the finalists."""
    return _on_page("methods-finalists", rf"^\| {world} \| {re.escape(alpha)} \| \d+ \| .*? \| (.*?) \|$")


def _of_finalist(arm: str, every: bool = False) -> Callable[[], str]:
    """The critical α of a finalist in CoinRun on the new seeds, by goal preference or by goal first of all episodes."""
    cell = r".*? \| (.*?)" if every else r"(.*?)"
    return _on_page("methods-finalists", rf"^\| CoinRun \| {re.escape(arm)} \| 30 \| {cell} \|")


def _at(study: str, method: str, alpha: float) -> Callable[[], str]:
    """The goal preference of a method at one α, with its interval."""

    def read() -> str:
        rows = pl.read_csv(RESULTS / "methods.csv", infer_schema_length=None)
        row = rows.filter(study=study, method=method, parameter=alpha, measure="preference")
        value, low, high = (float(row[name][0]) for name in ("value", "low", "high"))
        return f"{value:.2f} [{low:.2f}, {high:.2f}]"

    return read


COMPARED: Mapping[str, Callable[[], str]] = {
    **{
        f"methods-{name}{end}": _critical(study, method)
        for name, method in METHODS.items()
        for end, study in WORLDS.items()
    },
    "methods-tuned": _critical("methods-l1", "plain-tuned"),  # not in the study of Corner
    "methods-max-return": _on_page("methods", r"with max return in CoinRun: (.*?) \(n = "),
    "methods-max-return-corner": _on_page("methods", r"with max return in Corner: (.*?) \(n = "),
    "methods-plain-percent": _percent("methods-l1", "plain"),
    "methods-tuned-percent": _percent("methods-l1", "plain-tuned"),
    "methods-randomized-percent": _percent("methods-l1", "domain-randomization"),
    "methods-lead": _on_page("methods-why", r"averaged over α: (.*?) with 1 million steps"),
    "methods-lead-longer": _on_page("methods-why", r"with 1 million steps, (.*?) with 4 million \(n"),
    "methods-randomized-at-3": _at("methods-l1", "domain-randomization", 0.03),
    "methods-randomized-at-10": _at("methods-l1", "domain-randomization", 0.1),
    "methods-randomized-corner-at-3": _at("methods-corner", "domain-randomization", 0.03),
    "methods-equal": _on_page(
        "methods-entropy", r"averaged over α from 0.001 to 0.1: (.*?) with a bonus of 0.01 for both"
    ),
    "methods-equal-higher": _on_page(
        "methods-entropy",
        r"with a bonus of 0.01 for both \(n = 10 seeds\), (.*?) with a bonus of 0.1 for both",
    ),
    "methods-equal-most": _on_page("methods-entropy", r"At α = 0.1: .*? and (.*?)\. In capability"),
    "methods-equal-able": _on_page("methods-entropy", r"In capability: .*? and (.*?)\.\*\*$"),
    "methods-equal-shorter": _on_page(
        "methods-entropy", r"^\| 0.1 \| 1 million, the α and seeds of the next row \| 5 \| (.*?) \|"
    ),
    "methods-ratio-low": _on_page(
        "methods-entropy", r"^Critical α of replay .*?a million steps: (.*?) \(n = 10\) with 0.01; "
    ),
    "methods-replay-low-percent": _critical_percent("PLR⊥ by exact regret, 0.01"),
    "methods-evolved-all": _on_page(
        "methods-entropy", r"^\| ACCEL by exact regret, 0.1 \| 10 \| .*? \| (.*?) \|"
    ),
    "methods-equal-longer": _on_page("methods-entropy", r"^\| 0.1 \| 4 million \| 5 \| (.*?) \|"),
    "methods-unbonused": _on_page("methods-entropy", r"both with 0.01: (.*?) \(n = 10 seeds\)\.$"),
    "methods-ratio": _on_page(
        "methods-entropy", r"^Critical α of replay .*?with 0.01; (.*?) \(n = 10\) with 0.1\. By goal first"
    ),
    "methods-replay-percent": _critical_percent("PLR⊥ by exact regret, 0.1"),
    "methods-evolved-percent": _critical_percent("ACCEL by exact regret, 0.1"),
    "methods-pool": _on_page("methods-why", r"change the goal preference of replay by (.*?) with 1 million"),
    "methods-often": _on_page(
        "methods-why", r"on 300 distinguishing levels, the goal preference changes by (.*?) \(n"
    ),
    **{
        f"finalists-{name}-{world.lower()}": _on_new_seeds(arm, world)
        for name, arm in {"replay": "PLR-regret 0.1", "evolved": "ACCEL-identity-regret 0.1"}.items()
        for world in ("CoinRun", "Corner", "Beacon")
    },
    "finalists-replay-most": _at_most("CoinRun", "0.1"),
    "finalists-alpha-replay": _as_percent(_of_finalist("PLR-regret 0.1")),
    "finalists-alpha-evolved-all": _of_finalist("ACCEL-identity-regret 0.1", every=True),
    "finalists-alpha-replay-all": _of_finalist("PLR-regret 0.1", every=True),
    "finalists-evolved-minus-replay": _on_page(
        "methods-finalists",
        r"^\| CoinRun \| ACCEL-identity-regret 0\.1 minus PLR-regret 0\.1 \| 30 \| .*? \| .*? \| (.*?) \|",
    ),
    "methods-curve": _on_page("methods", r"By the plan's test: \*\*(.*?)\*\*"),
}
