"""Titles of study figures that state the finding, and plain words for what varies in a study. All computed from the data.

Read next: `study_charts.py`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from ...measurement.study_curves import Crossing, Link, Spot
from ...measurement.verdict.thresholds import Thresholds
from ..data import WorldWords
from ..words import capitalized

SAME_SCORE = 0.05  # capabilities that differ by less count as equal
WEAK, STRONG = 0.5, 0.8  # rank correlations
FEW = 4  # recipes that a title lists
KINDS = {
    "MISGENERALIZED": "the same wrong goal",
    "ALIGNED": "the intended goal",
    "MIXED": "no clear goal",
    "CAPABILITY LOSS": "nothing learned",
    "INCONCLUSIVE": "no conclusion",
}
LEADS = {
    "env.condition": "Wherever {goal} is in training",
    "env.levels": "However many training levels",
    "env.observation": "However the level is shown",
    "train.algorithm": "With every algorithm and method",
    "train.net.trunk": "However wide the net",
    "train.total_steps": "However long the training",
    "": "With every recipe",
}


def alpha_title(found: Crossing, able: Sequence[Spot], spots: Sequence[Spot], words: WorldWords) -> str:
    """State at which α goal and proxy are equally likely, and whether the score shows it."""
    scores = [spot.value for spot in able]
    hidden = bool(scores) and max(scores) - min(scores) < SAME_SCORE
    end = "; the score does not show it" if hidden else ""
    if found.value is None:
        values = [spot.value for spot in spots]
        return (
            f"{capitalized(words.goal)} comes first in {_span(values)}; no α tested makes it a toss-up{end}"
        )
    at = f"{capitalized(bare(words.goal))} anywhere in {100 * found.value:.2g}% of training levels"
    return f"{at}: a toss-up between {bare(words.goal)} and {bare(words.proxy)}{end}"


def seeds_title(labels: Sequence[str]) -> str:
    """State how many of the agents get which verdict."""
    (label, most), n = Counter(labels).most_common(1)[0], len(labels)
    said = KINDS.get(label, label.lower())
    if most == n:
        return f"{n} training seeds, {n} times {said}" if n > 1 else f"One training seed: {said}"
    return f"Of {n} training seeds, {most} end with {said}"


def links_title(found: Sequence[Link]) -> str:
    """State how well training statistics go along with the learned goal."""
    own = [link for link in found if not link.shifted]
    if not own:
        return "What goes along with the learned goal"
    best = max(own, key=lambda link: abs(link.value))
    if not any(link.established for link in own):
        return "Nothing that training shows is linked to the learned goal beyond chance"
    size = abs(best.value)
    how = "weakly" if size < WEAK else "partly" if size < STRONG else "closely"
    signed = f"{best.value:.2f}".replace("-", "−")
    return (
        f"What training shows is only {how} linked to the learned goal: correlation {signed} at most".replace(
            "only closely", "closely"
        )
    )


def gap_title(
    able: Sequence[tuple[float, float]], first: Sequence[tuple[float, float]], words: WorldWords
) -> str:
    """State how capability and goal-first change over training. able, first: (start, end) in per cent, one per line."""
    if not able or not first:
        return f"How often {words.goal} comes first, over training"
    (a, b), (c, d) = (
        tuple(sum(pair[k] for pair in pairs) / len(pairs) for k in (0, 1)) for pairs in (able, first)
    )
    verb = "rises" if d > c + 2 else "falls" if d < c - 2 else "stays"
    joined = "while" if (b > a) != (verb == "rises") else "and"
    end = f"from {c:.0f} to {d:.0f}%" if verb != "stays" else f"near {d:.0f}%"
    return f"Skill {'rises' if b > a else 'falls'} from {a:.0f} to {b:.0f}%, {joined} “{words.goal} first” {verb} {end}"


def preference_title(key: str, named: Sequence[tuple[str, Spot]], words: WorldWords) -> str:
    """State how goal preference varies over the rows of a figure. key: what varies; "" if only arms do."""
    values, limits = [spot.value for _, spot in named], Thresholds()
    lead = LEADS.get(key, f"For every value of {key}").format(goal=words.goal)
    if all(spot.high < limits.proxy_preferred for _, spot in named):
        return f"{lead}, the agent prefers {words.proxy}: {bare(words.goal)} first in {_span(values)}"
    if all(spot.low >= limits.aligned for _, spot in named):
        return f"{lead}, the agent prefers {words.goal}: first in {_span(values)}"
    if not key and len(named) <= FEW:
        each = [f"{100 * spot.value:.0f}% ({name.replace('_', ' ')})" for name, spot in named]
        return f"{capitalized(words.goal)} comes first in {', '.join(each[:-1])} and {each[-1]}"
    least, most = min(named, key=lambda pair: pair[1].value), max(named, key=lambda pair: pair[1].value)
    apart = "" if least[1].high < most[1].low else "; their intervals overlap"
    return (
        f"{capitalized(words.goal)} comes first in {100 * least[1].value:.0f}% ({least[0]}) to "
        f"{100 * most[1].value:.0f}% ({most[0]}){apart}"
    )


def _span(values: Sequence[float]) -> str:
    low, high = (f"{100 * value:.0f}" for value in (min(values), max(values)))
    return f"{low}%" if low == high else f"{low}–{high}%"


def bare(noun: str) -> str:
    """The noun without its article, for a label."""
    return noun.removeprefix("the ")


def plain_value(key: str, text: str) -> str:
    """A grid's value in plain words: `right_fraction(0.05)` → "right 5%", `view(coin=4)` → "coin in 4 planes"."""
    if text.replace("_", "").isdigit():
        return f"{int(text):,}"
    inner = re.fullmatch(r"(right_fraction|mixture|view)?[(\[](.*)[)\]]", text)
    if inner is None:
        return {"null": "unlimited", "edge": "at the edge", "view": "as usual"}.get(text, text)
    kind, value = inner[1], inner[2]
    if kind == "view":
        return "; ".join(_shown(part.strip()) for part in value.split(","))
    try:
        return f"right {100 * float(value):g}%" if kind == "right_fraction" else value
    except ValueError:
        return value


def _shown(text: str) -> str:
    found = re.fullmatch(r"(\w+)=(\d+)(?:x(\d+))?", text)
    if found is None:
        return text
    thing, planes, size = found[1], int(found[2]), int(found[3] or 1)
    if not planes:
        return f"{thing} not shown"
    words = ([f"in {planes} planes"] if planes > 1 else []) + ([f"{size} cells large"] if size > 1 else [])
    return f"{thing} {', '.join(words)}" if words else f"{thing} as usual"


def link_words(name: str, step: int | None) -> str:
    """A training statistic in plain words: `eval/off_path/goal_first` at 400,000 → "goal first at 0.4 M"."""
    spoken = {
        "ep_rew_mean": "return at the end",
        "entropy": "entropy at the end",
        "value_loss": "value loss at the end",
        "policy_loss": "policy loss at the end",
        "ep_len_mean": "episode length",
    }
    if step is None:
        return spoken.get(name, name)
    what = name.rsplit("/", 1)[-1].replace("_", " ")
    return f"{what} at {step / 1e6:.1f} M" if step >= 1e5 else f"{what} at {step / 1e3:.0f} k"
