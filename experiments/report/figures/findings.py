"""Titles of study figures that state the finding, and plain words for what varies in a study. All computed from the data.

Read next: `study_charts.py`, `points_chart.py`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ...measurement.study_curves import Crossing, Link, Spot, parameter
from ...measurement.verdict.thresholds import Thresholds
from ..data import WorldWords
from ..numbers import alpha_text, percent
from ..words import capitalized

AS_IT_IS = "as it is"  # the name of a study's runs outside a grid and its arms

SAME_SCORE = 0.05  # capabilities that differ by less count as equal
WEAK, STRONG = 0.5, 0.8  # rank correlations
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
VARIED = {
    "env.condition": "Where {goal} is in training",
    "env.levels": "The number of training levels",
    "env.observation": "How the level is shown",
    "train.algorithm": "The algorithm or method",
    "train.net.trunk": "The width of the net",
    "train.total_steps": "The length of training",
}
_ORDERED = re.compile(r"edge|anywhere|null|(?:right_fraction|mixture)\([\d.e-]+\)|\[?[\d_.e-]+\]?")


@dataclass(frozen=True)
class ArmNames:
    """Words for the arms of a study and for the levels that its agents are judged on.

    main: name of the runs outside the grid and the arms; trained: by arm, a clause that follows "trained"; shift: a clause that
    follows "levels".
    """

    main: str = AS_IT_IS
    trained: Mapping[str, str] = field(default_factory=dict)
    shift: str = ""


@dataclass(frozen=True)
class NamedSpot:
    """A point of a study, with its arm and the name of its row in a figure."""

    arm: str
    name: str
    spot: Spot


def alpha_title(crossing: Crossing, able: Sequence[Spot], spots: Sequence[Spot], words: WorldWords) -> str:
    """State at which α goal and proxy are equally likely, and whether the score shows it."""
    scores = [spot.value for spot in able]
    hidden = bool(scores) and max(scores) - min(scores) < SAME_SCORE
    end = "; the score does not show it" if hidden else ""
    if crossing.value is None:
        values = [spot.value for spot in spots]
        return (
            f"{capitalized(words.goal)} comes first in {_span(values)}; no α tested makes it a toss-up{end}"
        )
    at = f"{capitalized(bare(words.goal))} anywhere in {alpha_text(crossing.value)} of training levels"
    return f"{at}: a toss-up between {bare(words.goal)} and {bare(words.proxy)}{end}"


def seeds_title(labels: Sequence[str]) -> str:
    """State how many of the agents get which verdict."""
    (label, most), n = Counter(labels).most_common(1)[0], len(labels)
    meaning = KINDS.get(label, label.lower())
    if most == n:
        return f"{n} training seeds, {n} times {meaning}" if n > 1 else f"One training seed: {meaning}"
    return f"Of {n} training seeds, {most} end with {meaning}"


def links_title(links: Sequence[Link]) -> str:
    """State how well training statistics go along with the learned goal."""
    own = [link for link in links if not link.shifted]
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


def preference_title(key: str, rows: Sequence[NamedSpot], words: WorldWords, naming: ArmNames) -> str:
    """State how goal preference varies over the rows of a figure, the main runs first. key: what varies; "" if only arms do."""
    spots, limits = [row.spot for row in rows], Thresholds()
    values = [spot.value for spot in spots]
    lead = LEADS.get(key, f"For every value of {key}").format(goal=words.goal)
    if all(spot.high < limits.proxy_preferred for spot in spots):
        return f"{lead}, the agent mostly reaches {words.proxy} first: {bare(words.goal)} first in {_span(values)}"
    if all(spot.low >= limits.aligned for spot in spots):
        return f"{lead}, the agent mostly reaches {words.goal} first: in {_span(values)}"
    varied = [row for row in rows if row.arm == rows[0].arm]
    compared = varied if key and len(varied) > 1 else rows
    least, most = (end(compared, key=lambda row: row.spot.value) for end in (min, max))
    if not apart(least.spot, most.spot):
        return f"No clear difference: {bare(words.goal)} first in {_span([row.spot.value for row in compared])}; the intervals overlap"
    if not key:
        return _contrast(rows, words, naming)
    ends = _ends(compared)
    if ends is not None:
        verb = "rises" if ends[1].spot.value > ends[0].spot.value else "falls"
        farther = _farther(rows, ends)
        more = f", and to {_named(farther)}" if farther else ""
        return f"“{capitalized(bare(words.goal))} first” {verb} from {_named(ends[0])} to {_named(ends[1])}{more}"
    arms_compared = compared is rows and len(varied) < len(rows)
    what = VARIED.get(key, f"The value of {key}").format(goal=words.goal)
    if arms_compared and key != "train.algorithm":  # an arm may differ in anything
        what = "The recipe"
    return f"{what} matters: {bare(words.goal)} first in {_named(least)} to {_named(most)}"


def _contrast(rows: Sequence[NamedSpot], words: WorldWords, naming: ArmNames) -> str:
    """State the preference of the main runs, and of the arm that is farthest from them; of two arms if none is apart from them."""
    first = rows[0]
    others = [row for row in rows[1:] if apart(first.spot, row.spot)]
    if others:
        second = max(others, key=lambda row: abs(row.spot.value - first.spot.value))
    else:
        first, second = (end(rows, key=lambda row: row.spot.value) for end in (min, max))
    how = [naming.trained.get(row.arm, f"as “{row.name}”") for row in (first, second)]
    return (
        f"Trained {how[0]}, the agent {words.reaches_goal} first {whole(first.spot.value)} of the time; "
        f"trained {how[1]}, {whole(second.spot.value)}"
    )


def apart(spot: Spot, two: Spot) -> bool:
    """Whether the intervals of two estimates do not overlap."""
    return spot.high < two.low or two.high < spot.low


def _ends(rows: Sequence[NamedSpot]) -> tuple[NamedSpot, NamedSpot] | None:
    """The rows with the smallest and the largest value, if all values are numbers and the preference clearly goes one way only."""
    if not all(_ORDERED.fullmatch(row.spot.x) for row in rows):
        return None
    ordered_rows = sorted(rows, key=lambda row: parameter(row.spot.x))
    ways = {
        ordered_rows[j].spot.value > ordered_rows[i].spot.value
        for i in range(len(ordered_rows))
        for j in range(i + 1, len(ordered_rows))
        if apart(ordered_rows[i].spot, ordered_rows[j].spot)
    }
    return (
        (ordered_rows[0], ordered_rows[-1])
        if apart(ordered_rows[0].spot, ordered_rows[-1].spot) and len(ways) == 1
        else None
    )


def _farther(rows: Sequence[NamedSpot], ends: tuple[NamedSpot, NamedSpot]) -> NamedSpot | None:
    """The arm's row that lies clearly beyond the last of the main runs, in the direction in which these go, and the farthest of them."""
    way = 1 if ends[1].spot.value > ends[0].spot.value else -1
    beyond = [
        row
        for row in rows
        if row.arm != ends[1].arm
        and way * (row.spot.value - ends[1].spot.value) > 0
        and apart(row.spot, ends[1].spot)
    ]
    return max(beyond, key=lambda row: way * row.spot.value, default=None)


def _named(row: NamedSpot) -> str:
    return f"{whole(row.spot.value)} ({row.name})"


def whole(share: float) -> str:
    """Format 0.134 as `13%`; only exactly 0 and 1 become `0%` and `100%`: 0.997 is `99.7%`."""
    text = f"{100 * share:.0f}%"
    return percent(share) if text in ("0%", "100%") else text


def _span(values: Sequence[float]) -> str:
    low, high = (whole(value) for value in (min(values), max(values)))
    return low if low == high else f"{low.removesuffix('%')}–{high}"


def bare(noun: str) -> str:
    """The noun without its article, for a label."""
    return re.sub("^(the|an?) ", "", noun)


def plain_value(key: str, text: str) -> str:
    """A grid's value in plain words: `right_fraction(0.05)` → "right 5%", `view(coin=4)` → "coin in 4 planes"."""
    if text.replace("_", "").isdigit():
        return f"{int(text):,}"
    inner = re.fullmatch(r"(right_fraction|mixture|view)?[(\[](.*)[)\]]", text)
    if inner is None:
        return {"null": "unlimited", "edge": "at the edge", "view": "as usual"}.get(text, text)
    kind, value = inner[1], inner[2]
    if kind == "view":
        return _shown(value)
    try:
        share = {"right_fraction": "right {:g}%", "mixture": "α = {:.2g}%"}.get(kind or "")
        return share.format(100 * float(value)) if share else value
    except ValueError:
        return value


def _shown(text: str) -> str:
    """`line=4, gem=4, wall=1x3` → "line and gem in 4 planes; wall 3 cells large"."""
    things: dict[str, list[str]] = {}
    for part in (part.strip() for part in text.split(",")):
        match = re.fullmatch(r"(\w+)=(\d+)(?:x(\d+))?", part)
        if match is None:
            things[part] = [""]
            continue
        planes, size = int(match[2]), int(match[3] or 1)
        words = ([f"in {planes} planes"] if planes > 1 else []) + (
            [f"{size} cells large"] if size > 1 else []
        )
        look = ", ".join(words) or ("as usual" if planes else "not shown")
        things.setdefault(look, []).append(match[1])
    joined = (
        f"{', '.join(names[:-1])} and {names[-1]}".removeprefix(" and ") + f" {look}"
        for look, names in things.items()
    )
    return "; ".join(text.strip() for text in joined)


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
