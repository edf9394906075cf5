"""Parse and format observation names: `view`, `full`, `rgb`, `view(coin=0)`, `view(coin=4, edge=1x3)`.

Brackets modify single planes: `plane=COUNT` or `plane=COUNTxSIZE`. COUNT is the number of planes of the
observation that show it (0: hidden from the agent); SIZE is the width and height, in cells, at which each of its cells is drawn.
Handles names only, without numpy or numba, like `envs/worlds/contract/condition_names.py`. Read next:
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
    """How a plane is displayed: the number of observation planes that show it, and the width of its cells."""

    count: int = 1
    size: int = 1


@dataclass(frozen=True)
class Observation:
    """A kind of observation and its modified planes. str() returns the canonical name."""

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
    """Parse an observation: `"view(coin=0)"` → view without the plane `coin`. With `planes`, only these planes are known.

    Keeps explicit defaults (`coin=1`), since some planes are shown only on request.
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
    displays: dict[str, PlaneDisplay] = {}
    for item in match[2].split(","):
        plane_match = _SHOWN.fullmatch(item)
        if plane_match is None:
            raise ObservationError(
                f"{item.strip()[:40]!r} in {text[:60]!r} does not specify how to show a plane; "
                "write plane=COUNT or plane=COUNTxSIZE, as in view(coin=0) or view(coin=1x3)"
            )
        name, count, size = plane_match[1], int(plane_match[2]), int(plane_match[3] or 1)
        if name in displays:
            raise ObservationError(f"{text[:60]!r} names the plane {name} twice; keep one")
        if count > MAX_COUNT or size not in SIZES:
            raise ObservationError(
                f"{item.strip()!r} is out of range: a plane is shown 0 to {MAX_COUNT} times, {', '.join(map(str, SIZES))} cells wide"
            )
        if planes is not None and name not in planes:
            known = f"the planes are {', '.join(planes)}"
            raise ObservationError(f"there is no plane {name!r}; {known}.{closest(name, planes)}")
        displays[name] = PlaneDisplay(count, size)
    return Observation(kind, displays)
