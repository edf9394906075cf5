"""The kinds of values that configs hold: names, seeds, counts, conditions; each says what it allows.

No experiment is defined here, and no world is loaded. Read next: `schema.py`, which is built of these.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated, Any, ClassVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    Strict,
    ValidationInfo,
    model_serializer,
)

from goalposts.closest import closest
from goalposts.registration import WORLDS, installed_worlds

from ...envs.engine.observation_spec import OBSERVATIONS, ObservationError, parse_observation
from ...envs.worlds.contract.condition_names import format_condition, parse_condition
from ...envs.worlds.contract.sources import entry_of, recorded_as
from .error_messages import spell_value

VERSION = 1

# Limits for numbers in files of Goalposts, far above any value that occurs.
LARGEST, LARGEST_COUNT = 1e12, 1 << 53
Whole = Annotated[int, Field(ge=0, le=LARGEST_COUNT)]
Amount = Annotated[float, Field(ge=0, le=LARGEST, allow_inf_nan=False)]

_RESERVED = {"con", "prn", "aux", "nul"} | {f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10)}


def known_worlds() -> tuple[str, ...]:
    """Names of the shipped worlds, without loading one."""
    return tuple(WORLDS)


def _check_version(version: object) -> object:
    if type(version) is not int or version != VERSION:
        raise ValueError(
            f"{spell_value(version)} is not a version that this Goalposts reads; it reads version {VERSION}. "
            f"Update Goalposts, or write version: {VERSION} if that is what the file is."
        )
    return version


def _check_name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}", name) or name.endswith("."):
        allowed = "letters, digits and . _ - (at most 80, first a letter or digit, no dot at the end)"
        raise ValueError(f"{name[:90]!r} cannot name a folder; use {allowed}.")
    if name.split(".")[0].lower() in _RESERVED:
        raise ValueError(
            f"{name!r} is a reserved name on some systems; choose another, for example {name}-run."
        )
    return name


def _check_text(text: str) -> str:
    if any(unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t" for c in text):
        raise ValueError("the text holds control characters; besides those it may hold anything.")
    return text


def _check_world(world: str) -> str:
    own = re.fullmatch(r"[A-Za-z_][\w.-]*:[A-Za-z_]\w*", recorded_as(world), re.ASCII)
    if world not in known_worlds() and not own and world not in installed_worlds():
        names = ", ".join(known_worlds())
        raise ValueError(
            f"there is no world {world[:60]!r}; the worlds are {names}, or your own as module:NAME or path/to/file.py:NAME."
            f"{closest(world, known_worlds())}"
        )
    return recorded_as(world)


def check_condition(condition: str, world: object) -> str:
    """A condition as it is written, checked against its world if that is known without loading it."""
    entry = entry_of(world) if isinstance(world, str) else None
    known, dials = (entry.conditions, entry.dials) if entry else (None, None)
    return format_condition(*parse_condition(condition, known, dials))


def _check_condition(condition: str, info: ValidationInfo) -> str:
    return check_condition(condition, (info.context or {}).get("world"))


def _check_observation(observation: str) -> str:
    try:
        return str(parse_observation(observation))
    except ObservationError as error:
        raise ValueError(f"{error}".rstrip(".") + ".") from error


def _no_negative_zero(number: float) -> float:
    return number + 0.0


class Section(BaseModel):
    """Base of all parts of a config: frozen, no unknown keys, no silent conversions, no NaN."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    LATER: ClassVar[frozenset[str]] = frozenset()
    """Keys that were added after version 1: left out of the resolved config, and its hash, while they have their default."""

    @model_serializer(mode="wrap")
    def _without_later_defaults(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields = type(self).model_fields
        return {
            name: value
            for name, value in handler(self).items()
            if name not in self.LATER
            or getattr(self, name) != fields[name].get_default(call_default_factory=True)
        }


Count = Annotated[int, Field(ge=1, le=10**12)]
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]
Number = Annotated[float, AfterValidator(_no_negative_zero)]
Width = Annotated[int, Field(ge=1, le=8192)]
Widths = Annotated[tuple[Width, ...], Strict(False), Field(max_length=8)]
Version = Annotated[int, BeforeValidator(_check_version), Field(json_schema_extra={"const": VERSION})]
Name = Annotated[str, AfterValidator(_check_name), Field(json_schema_extra={"x-expected": "a short name"})]
Text = Annotated[str, AfterValidator(_check_text), Field(max_length=10_000)]
WorldName = Annotated[str, AfterValidator(_check_world)]
ObservationName = Annotated[
    str,
    AfterValidator(_check_observation),
    Field(json_schema_extra={"x-expected": f"one of {', '.join(OBSERVATIONS)}, or as in view(coin=0)"}),
]
ConditionName = Annotated[
    str,
    AfterValidator(_check_condition),
    Field(json_schema_extra={"x-expected": "the name of a condition, such as off_path or mixture(0.1)"}),
]
ConditionNames = Annotated[tuple[ConditionName, ...], Strict(False), Field(min_length=1, max_length=100)]
