"""How far the evaluated layouts are from the training layouts: reported next to the leakage.

Leakage 0 says that no evaluated layout was trained on; most may still differ from a training layout in one or two cells. Generates
levels, plays nothing. Read next: `envs/generation/distance.py`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ...envs.generation.distance import CAP, Layouts
from ...envs.generation.generate import FAR_COUNT, generate
from ...envs.levels.level import LevelSet
from ..config.schema import ExperimentConfig
from ..measurement.intervals import percent

MOST = 1000  # levels of a condition that are compared
KEPT = 256
_COMPARED: dict[tuple[str, str], HeldOut] = {}  # by training and evaluated layouts


@dataclass(frozen=True)
class HeldOut:
    """Distances of a condition's layouts to the nearest training layout, in cells that differ (at most `CAP`)."""

    training: int  # layouts that they were compared with
    levels: int
    nearest: int
    median: float
    within_1: float  # fraction of the levels
    within_2: float

    def __str__(self) -> str:
        from_ = f"{CAP} or more" if self.nearest >= CAP else f"{self.nearest}"
        middle = f"{CAP} or more" if self.median >= CAP else f"{self.median:g}"
        return f"nearest {from_}, median {middle}; {percent(self.within_1)} of levels within 1, {percent(self.within_2)} within 2"

    def to_dict(self) -> dict[str, Any]:
        """All fields, for JSON."""
        return asdict(self)


def held_out(config: ExperimentConfig, conditions: Iterable[str], levels: int) -> dict[str, HeldOut]:
    """By condition; of at most `MOST` levels each. Training levels without end are represented by the first `FAR_COUNT`."""
    count = min(config.env.levels or FAR_COUNT, FAR_COUNT)
    training = generate(config.world, config.env.condition, config.env.level_seed, count, split="train")
    trained_on, known = _key(training), None
    distances = {}
    for name in conditions:
        chosen = generate(config.world, name, config.evaluate.level_seed, min(levels, MOST))
        key = (trained_on, _key(chosen))
        if key not in _COMPARED:
            if len(_COMPARED) >= KEPT:
                _COMPARED.clear()
            known = known or Layouts(training)
            cells = known.nearest(chosen)
            _COMPARED[key] = HeldOut(
                count,
                len(chosen),
                int(cells.min()),
                float(np.median(cells)),
                float((cells <= 1).mean()),
                float((cells <= 2).mean()),
            )
        distances[name] = _COMPARED[key]
    return distances


def _key(levels: LevelSet) -> str:
    """Digest of the layouts, which several conditions have in common."""
    return hashlib.sha256("".join([levels.world, *levels.layout_hashes()]).encode()).hexdigest()


def words(distances: dict[str, HeldOut]) -> list[str]:
    """A line for each group of conditions with the same distances."""
    groups: dict[HeldOut, list[str]] = {}
    for name, summary in distances.items():
        groups.setdefault(summary, []).append(name)
    return [
        f"distance to the nearest of {distance.training:,} training layouts, in cells that differ: {distance} ({', '.join(names)})"
        for distance, names in groups.items()
    ]
