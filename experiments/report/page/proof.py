"""The proof of a verdict in the page's number format: a sentence's fractions become per cent, each as elsewhere on the page.

A sentence of a verdict gives an estimate as the command line does, `0.86 [0.83, 0.88]`; the page gives every fraction in per cent
with one decimal. Read next: `view.py`, which shows the sentences.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..numbers import NBSP, ShownEstimate, shown, tenth

_NUMBER = r"[−-]?\d\.\d+"
_ESTIMATE = rf"({_NUMBER}) \[({_NUMBER}), ({_NUMBER})\]"
_BOUND = rf"\b(lower|upper) bound ({_NUMBER})"
_SHARE = r"(?<![\w.,])[01]\.\d+(?![\w.,]*\d)"
_FRACTIONS = re.compile(
    f"{_ESTIMATE}|{_BOUND}|{_SHARE}"
)  # in one pass: a per cent is not taken for a fraction again


def in_percent(sentence: str, verdict: Mapping[str, Any]) -> str:
    """Rewrite a sentence's fractions; `verdict` holds the estimates that they are rounded from."""
    known = {_short(number): number for value in verdict.values() if (number := _estimate(value)) is not None}
    used: list[ShownEstimate] = []

    def estimate(match: re.Match[str]) -> str:
        fraction = known.get(match[0].replace(NBSP, " "))
        if fraction is None:  # of no estimate on this page: convert what is printed
            value, low, high = (float(x.replace("−", "-")) for x in match.groups()[:3])
            fraction = ShownEstimate(value, low, high)
        used.append(fraction)
        return fraction.text

    def converted(match: re.Match[str]) -> str:
        if match[1]:
            return estimate(match)
        if match[4]:
            ends = used[-1].bounds if used else (tenth(100 * float(match[5].replace("−", "-"))),) * 2
            return f"{match[4]} bound {ends[match[4] == 'upper']}%"
        return f"{tenth(100 * float(match[0])).removesuffix('.0')}%"

    return _FRACTIONS.sub(converted, sentence)


def _estimate(value: Any) -> ShownEstimate | None:
    return shown(value) if isinstance(value, Mapping) and "value" in value else None


def _short(estimate: ShownEstimate) -> str:
    return f"{estimate.point} {estimate.interval}".replace(NBSP, " ")
