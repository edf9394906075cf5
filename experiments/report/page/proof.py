"""The proof of a verdict in the page's number format: a sentence's fractions become per cent, each as elsewhere on the page.

A sentence of a verdict gives an estimate as the command line does, `0.86 [0.83, 0.88]`; the page gives every fraction in per cent
with one decimal. Read next: `view.py`, which shows the sentences.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..numbers import NBSP, ShownEstimate, percent, shown, tenth

_NUMBER = r"[−-]?\d\.\d+"
_ESTIMATE = re.compile(rf"({_NUMBER}) \[({_NUMBER}), ({_NUMBER})\]")
_BOUND = re.compile(rf"\b(lower|upper) bound ({_NUMBER})")
_SHARE = re.compile(r"(?<![\w.,])[01]\.\d+(?![\w.,]*\d)")


def in_percent(sentence: str, verdict: Mapping[str, Any]) -> str:
    """Rewrite a sentence's fractions; `verdict` holds the estimates that they are rounded from."""
    known = {_short(one): one for value in verdict.values() if (one := _estimate(value)) is not None}
    used: list[ShownEstimate] = []

    def estimate(match: re.Match[str]) -> str:
        one = known.get(match[0].replace(NBSP, " "))
        if one is None:  # of no estimate on this page: convert what is printed
            value, low, high = (float(x.replace("−", "-")) for x in match.groups())
            one = ShownEstimate(value, low, high)
        used.append(one)
        return one.text

    def bound(match: re.Match[str]) -> str:
        ends = {"lower": used[-1].low, "upper": used[-1].high} if used else {}
        return f"{match[1]} bound {percent(ends.get(match[1], float(match[2].replace('−', '-'))))}"

    text = _BOUND.sub(bound, _ESTIMATE.sub(estimate, sentence))
    return _SHARE.sub(lambda match: f"{tenth(100 * float(match[0])).removesuffix('.0')}%", text)


def _estimate(value: Any) -> ShownEstimate | None:
    return shown(value) if isinstance(value, Mapping) and "value" in value else None


def _short(one: ShownEstimate) -> str:
    return f"{one.point} {one.interval}".replace(NBSP, " ")
