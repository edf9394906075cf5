"""Names of observations as people write them: `view`, `full`, `rgb`, `view(coin=0)`, `view(coin=4, edge=1x3)`.

In brackets stands how single planes are shown: `plane=COUNT` or `plane=COUNTxSIZE`. COUNT is how many planes of the
observation show it (0: the agent cannot see it at all), SIZE how many cells wide and high each of its cells is drawn.
Reads and writes names only, without numpy or numba, as `envs/worlds/contract/condition_names.py` does. Read next:
`observe.py`, which draws them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from goalposts.closest import closest
from goalposts.errors import UserError

OBSERVATIONS = ("view", "full", "rgb")
MAX_COUNT = 16
SIZES = (1, 3, 5)

_FORM = re.compile(r"\s*([A-Za-z_]\w{0,63})\s*(?:\(([^()]*)\))?\s*")
_SHOWN = re.compile(r"\s*([A-Za-z_]\w{0,63})\s*=\s*(\d{1,3})(?:\s*x\s*(\d{1,3}))?\s*")


class ObservationError(UserError, ValueError):
    """An unknown kind of observation or plane, or a level that does not fit it."""


@dataclass(frozen=True)
class PlaneDisplay:
    """How a plane is shown: in how many planes of the observation, and how many cells wide."""

    count: int = 1
    size: int = 1


@dataclass(frozen=True)
class Observation:
    """A kind of observation, and what it shows otherwise than once and as it is. str() gives the one way to write it."""

    kind: str
    shown: Mapping[str, PlaneDisplay] = field(default_factory=dict)

    def __str__(self) -> str:
        if not self.shown:
            return self.kind
        items = (
            f"{name}={how.count}{f'x{how.size}' if how.size > 1 else ''}"
            for name, how in sorted(self.shown.items())
        )
        return f"{self.kind}({', '.join(items)})"


def parse_observation(text: str, planes: Collection[str] | None = None) -> Observation:
    """`"view(coin=0)"` → view without the plane `coin`. With `planes`, the planes must be among these.

    What is written as it would be anyway (`coin=1`) stays: a plane may be one that is not shown unless asked for.
    Raises ObservationError.
    """
    match = _FORM.fullmatch(text) if isinstance(text, str) else None
    kind = match[1] if match else ""
    if match is None or kind not in OBSERVATIONS:
        hint = closest(kind or text, OBSERVATIONS)
        raise ObservationError(
            f"unknown observation {str(text)[:60]!r}; it must be one of {', '.join(OBSERVATIONS)}, or with planes as in view(coin=0).{hint}"
        )
    if match[2] is None:
        return Observation(kind)
    if kind == "rgb":
        raise ObservationError(f"{text[:60]!r}: pixels have no planes; write rgb, or view(…) or full(…)")
    found: dict[str, PlaneDisplay] = {}
    for item in match[2].split(","):
        one = _SHOWN.fullmatch(item)
        if one is None:
            raise ObservationError(
                f"{item.strip()[:40]!r} in {text[:60]!r} does not say how a plane is shown; "
                "write plane=COUNT or plane=COUNTxSIZE, as in view(coin=0) or view(coin=1x3)"
            )
        name, count, size = one[1], int(one[2]), int(one[3] or 1)
        if name in found:
            raise ObservationError(f"{text[:60]!r} names the plane {name} twice; keep one")
        if count > MAX_COUNT or size not in SIZES:
            raise ObservationError(
                f"{item.strip()!r} is out of range: a plane is shown 0 to {MAX_COUNT} times, {', '.join(map(str, SIZES))} cells wide"
            )
        if planes is not None and name not in planes:
            known = f"the planes are {', '.join(planes)}"
            raise ObservationError(f"there is no plane {name!r}; {known}.{closest(name, planes)}")
        found[name] = PlaneDisplay(count, size)
    return Observation(kind, found)
