"""The figure of a study's points: capability and goal preference of each recipe, one row per recipe.

A colour is an agent: the runs of the grid are the first, as in all reports, and each arm has its own. The shape of a mark is what was
measured. Read next: `dot_rows.py`, which draws the rows; `findings.py`, which states the finding.
"""

from __future__ import annotations

from collections import Counter

import polars as pl

from ...measurement.study_curves import MAIN, arms_of, curve, keys_of
from ...measurement.verdict.kinds import preferences_judged
from ..data import WorldWords
from .charts import PALETTE
from .dot_rows import DotRow, RowDot, dot_rows
from .drawn import Drawn
from .findings import AS_IT_IS, ArmNames, NamedSpot, bare, plain_value, preference_title, whole
from .study_axes import spell_n

AGENTS = [meaning for meaning in PALETTE if meaning.startswith("agent-")]
LONG = 34  # characters of a description of levels that has no place in a label


def over_key(table: pl.DataFrame, words: WorldWords, naming: ArmNames) -> Drawn | None:
    """Draw capability and goal preference for each value of the grid's first key, then for each arm."""
    key, arms = key_of(table), arms_of(table)
    preferred = {spot.point: spot for arm in arms for spot in curve(table, "preference", key, arm)}
    spots = [(arm, spot) for arm in arms for spot in curve(table, "capability", key, arm)]
    if (not keys_of(table) and arms == [MAIN]) or not preferred:
        return None
    alone: dict[str, list[float]] = {}
    for arm in arms:
        for spot in preferences_judged(table, key, arm):
            alone.setdefault(spot.point, []).append(spot.value)
    sizes, rows, named, colours = Counter(arm for arm, _ in spots), [], [], colours_of(arms)
    for arm, spot in spots:
        name = place_words(arm, plain_value(key, spot.x), sizes[arm], bool(keys_of(table)), naming.main)
        name = name.replace("_", " ")
        colour = PALETTE[colours[arm]]
        pair = [RowDot(spot.value, spot.low, spot.high, colour, filled=False)]
        preference = preferred.get(spot.point)
        if preference is not None:
            agents = tuple(alone.get(spot.point, ()))
            pair.append(
                RowDot(
                    preference.value,
                    preference.low,
                    preference.high,
                    colour,
                    agents=agents,
                    label=whole(preference.value),
                )
            )
            named.append(NamedSpot(arm, name, preference))
        rows.append(DotRow(name, tuple(pair)))
    shift = naming.shift if 0 < len(naming.shift) <= LONG else "after the shift"
    labels = [
        (None, "□ levels as in training: goal reached", PALETTE["muted"]),
        (None, f"● {shift}: {bare(words.goal)} first", PALETTE["muted"]),
    ]
    figure, _ = dot_rows(rows, labels, "of episodes")
    several = len(set(colours.values())) > 1
    meaning = (
        "Purple: the study's recipe; other colours: arms, which differ from it as the study file says. "
        * several
    )
    caption = (
        "Open squares: capability in distribution. Filled: goal preference, the goal first in episodes that reach goal or proxy, on "
        f"distinguishing levels {naming.shift or 'after the shift'}; small dots: single agents. {meaning}"
        f"{spell_n([spot for _, spot in spots])}. Bars: 95% intervals over seeds and levels."
    )
    title = preference_title(key if keys_of(table) else "", named, words, naming)
    return Drawn("points", title, figure, caption)


def colours_of(arms: list[str]) -> dict[str, str]:
    """A colour of an agent for each arm; the same for all where there are more arms than colours."""
    return (
        dict(zip(arms, AGENTS, strict=False)) if len(arms) <= len(AGENTS) else dict.fromkeys(arms, AGENTS[0])
    )


def key_of(table: pl.DataFrame) -> str:
    """The first key of the study's grid; "point" without a grid."""
    return next(iter(keys_of(table)), "point")


def place_words(arm: str, value: str, places: int, has_grid: bool, main: str = AS_IT_IS) -> str:
    """Name of a row: the grid's value, or the arm, or both if an arm has several values."""
    if arm == MAIN:
        return value if has_grid else main
    return arm if places == 1 else f"{arm}: {value}"
