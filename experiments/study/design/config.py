"""The study config: a YAML file with a base config, a grid, seeds, the evaluation, and the figure to draw.

    base: coinrun/edge
    grid: {env.condition: ["mixture(0)", "mixture(0.01)", "mixture(1)"]}
    seeds: 10

Validated as strictly as a run's config, and resolved to a self-contained value that includes the base. Read next: `plan.py`,
which expands it to runs.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator

from goalposts.errors import UserError

from ....envs.worlds.registry import get_world
from ...config.error_messages import validate
from ...config.fields import VERSION, ConditionNames, Name, Section, Seed, Text, Version
from ...config.initial_section import weights_known
from ...config.schema import ConfigError, EvaluateConfig, ExperimentConfig, read_base
from ...config.yaml_document import (
    Document,
    Problem,
    apply_override,
    read_document,
    refuse_what_is_none,
    to_yaml,
)
from ...runs.provenance import ROOT
from ...system.atomic_files import read_limited
from .study_file import find_study

FIGURES = ("alpha", "seeds", "capability", "right_fraction", "salience", "levels", "plain")
MAX_SEEDS, MAX_PLAN = 100_000, 1 << 24

Figure = Literal["alpha", "seeds", "capability", "right_fraction", "salience", "levels", "plain"]


def _dotted(value: object) -> object:
    """Flatten `{"env": {"condition": x}}` to `{"env.condition": x}`; of duplicate keys, the last one counts."""
    if not isinstance(value, dict):
        return value
    flat: dict[str, Any] = {}
    for key, inner in value.items():
        if isinstance(inner, dict) and inner:
            flat |= {f"{key}.{below}": leaf for below, leaf in _dotted(inner).items()}  # type: ignore[union-attr]
        else:
            flat[key] = inner
    return flat


def _seeds(value: object) -> object:
    """Expand a number n of seeds to the seeds 0 … n − 1. Raises ValueError."""
    if type(value) is int:
        if not 1 <= value <= MAX_SEEDS:
            raise ValueError(
                f"{value} is out of range; must be 1 to {MAX_SEEDS:,} seeds, or a list of seeds."
            )
        return tuple(range(value))
    if isinstance(value, list | tuple) and value:
        twice = sorted({str(seed) for seed in value if value.count(seed) > 1})
        if twice:
            raise ValueError(f"the seed {', '.join(twice)} is listed more than once; name each seed once.")
        return tuple(value)
    raise ValueError(
        f"{value!r} is not allowed; it must be a number of seeds, such as 10, or a list such as [0, 1, 2]."
    )


Changes = Annotated[
    dict[str, Any],
    BeforeValidator(_dotted),
    Field(
        json_schema_extra={"x-expected": "a section of keys of a config, such as train.total_steps: 500_000"}
    ),
]
Values = Annotated[
    tuple[Any, ...], BeforeValidator(lambda v: tuple(v) if isinstance(v, list) else v), Field(min_length=1)
]
Grid = Annotated[
    dict[str, Values],
    BeforeValidator(_dotted),
    Field(json_schema_extra={"x-expected": "a section of keys of a config, each with a list of values"}),
]
Seeds = Annotated[
    tuple[Seed, ...],
    BeforeValidator(_seeds),
    Field(json_schema_extra={"x-expected": "a number of seeds, such as 10, or a list such as [0, 1, 2]"}),
]


class Arm(Section):
    """Additional runs, such as a ceiling: the same study with other settings."""

    name: Name = Field(description="of the arm, as figures and tables call it")
    set: Changes = Field(default={}, description="changes to the base that hold in this arm")
    grid: Grid | None = Field(default=None, description="null: the study's own grid")
    seeds: Seeds | None = Field(default=None, description="null: the study's own seeds")


class PlanFile(Section):
    """A plan that was written before any run of the study: its file and its SHA-256, recorded in every run's provenance."""

    file: Text = Field(description="relative to the working directory, or to the folder of the checkout")
    sha256: str = Field(pattern="^[0-9a-f]{64}$", description="of the file's bytes")

    def check(self, of_folder: bool = False) -> None:
        """Raise UserError if the file is there and has another hash; line endings that git changed do not count.

        of_folder: a study folder, which may come from anywhere, names the file; no path that leads elsewhere is read then.
        """
        for place in (Path(), ROOT):
            path = place / self.file
            if of_folder and not path.resolve().is_relative_to(place.resolve()):
                raise UserError(
                    f"plan.file {self.file!r} leads out of {place.resolve()}, and the study.yaml of a study folder may not name "
                    "a file there. Give the study as a separate file"
                )
            if path.is_file():
                content = read_limited(path, MAX_PLAN, follow=True)
                digests = [sha256(text).hexdigest() for text in (content, content.replace(b"\r\n", b"\n"))]
                if self.sha256 not in digests:
                    raise UserError(
                        f"{path} is not the plan that the study names: its SHA-256 is {digests[0]}, and the study states {self.sha256}. "
                        "Restore the plan; or, if no run has been made yet, state the new hash under plan.sha256"
                    )
                return


class StudyConfig(Section):
    """A grid of runs and the figure to draw from it."""

    LATER = frozenset({"plan", "predictors", "weights"})

    version: Version = Field(default=VERSION, description="version of this file format")
    name: Name = Field(description="name of the study, and of its folder under studies/")
    question: Text = Field(default="", description="the question that the study answers")
    base: str | dict[str, Any] = Field(
        description="the config that all runs start from: a file, a shipped name, or a section"
    )
    set: Changes = Field(default={}, description="changes to the base in all runs")
    grid: Grid = Field(
        default={},
        description="config keys with the values to try; all combinations are run",
    )
    seeds: Seeds = Field(
        default=tuple(range(5)), description="training seeds of each point: a number, or a list"
    )
    arms: tuple[Arm, ...] = Field(
        default=(), max_length=16, strict=False, description="further runs in addition to the main ones"
    )
    conditions: ConditionNames = Field(
        default=("edge_held_out", "off_path", "invisible"),
        description="on which each run is evaluated; the same levels for all. null: the usual control and shift of the base's "
        "world, and the one in which the goal is not seen",
    )
    levels: int = Field(default=1000, ge=1, le=10**7, description="layouts per condition")
    level_seed: Seed = Field(
        default=EvaluateConfig.model_fields["level_seed"].default, description="seed of the levels"
    )
    greedy: bool = Field(default=False, description="also play each level with the most likely action")
    figure: Figure = Field(default="plain", description="the figure to draw")
    plan: PlanFile | None = Field(
        default=None, description="the plan that was written before any run, and its SHA-256; null: none"
    )
    predictors: bool = Field(
        default=False, description="also compute the predictors of `goalposts foresee` for each run"
    )
    weights: dict[str, str] = Field(
        default={},
        description="SHA-256 of the weights of each `init_from`; filled in, so that a study folder needs no other",
    )

    @field_validator("arms")
    @classmethod
    def _names_differ(cls, arms: tuple[Arm, ...]) -> tuple[Arm, ...]:
        names = ["main", *(arm.name for arm in arms)]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(
                f"the arm {', '.join(twice)} is named twice ('main' is the study itself); give each its own name."
            )
        return arms

    def to_dict(self) -> dict[str, Any]:
        """Return all keys in canonical order, as plain JSON values."""
        data = self.model_dump(mode="json")
        for part in (data, *data["arms"]):
            if part["seeds"] == list(range(len(part["seeds"] or ()))):
                part["seeds"] = len(part["seeds"])
        return data

    def to_yaml(self) -> str:
        """Format as YAML that `read_study` reads back as the same study."""
        return to_yaml(self.to_dict())


def read_study(
    source: str | os.PathLike[str], overrides: Iterable[str] = ()
) -> tuple[StudyConfig, Document, Document]:
    """Read a study file, a shipped study by name (`alpha`) or a study folder; return (study, its document, its base's).

    Overrides are keys of the study: `seeds=3`, `set.train.total_steps=50_000`. Raises ConfigError with every mistake,
    UserError if there is no such study.
    """
    path, overrides = find_study(source), list(overrides)
    document = read_document(path)
    refuse_what_is_none(document, set(StudyConfig.model_fields), "study")
    for override in overrides:
        apply_override(document, override)
    if document.data.get("conditions", 0) is None:
        del document.data["conditions"]
    study = validate(StudyConfig, document, {"world": _world_of(document)}, str(path))
    if isinstance(study.base, str):
        given = any(
            re.match(r"\s*base\s*=", override) for override in overrides
        )  # relative to the working directory
        of_folder = os.path.isdir(source) and not given
        base = read_base(study.base, Path() if given else path.parent, closed=of_folder)
        if base.broken:
            document.problems += [
                Problem(
                    document.place(("base",)) if not problem.place else problem.place,
                    problem.key or "base",
                    problem.text,
                )
                for problem in base.problems
            ]
            validate(StudyConfig, document, None, str(path))
        with weights_known(study.weights if of_folder else None):
            study = study.model_copy(update={"base": _resolved(base)})
    else:
        base = Document(f"{path}, base", dict(study.base))
    if "conditions" not in document.data:
        study = study.model_copy(update={"conditions": _usual_conditions(base, study.conditions)})
    return study, document, base


def _usual_conditions(base: Document, otherwise: tuple[str, ...]) -> tuple[str, ...]:
    """Control, shift and `invisible` of the base's world; `otherwise` if that world is unknown."""
    try:
        world = get_world(base.data.get("world", ExperimentConfig.model_fields["world"].default))
    except UserError:  # reported for the points
        return otherwise
    unseen = [c.name for c in world.conditions if c.name == "invisible"]
    return (world.default_condition("control"), world.default_condition("shift"), *unseen)


def _resolved(base: Document) -> dict[str, Any]:
    """Write out every default of the base, so that a study resumes unchanged if defaults change.

    A base that is not a valid config by itself is left unchanged; its mistakes are reported for the points made from it.
    """
    data = {"name": "base"} | base.data
    try:
        return ExperimentConfig.parse(Document(base.source, data, base.places, list(base.problems))).to_dict()
    except ConfigError:
        return base.data


def _world_of(document: Document) -> str | None:
    """The document's world, if it is a shipped one; conditions are checked against it once the base is known."""
    base: Mapping[str, Any] | object = document.data.get("base")
    return base.get("world") if isinstance(base, Mapping) else None
