"""The config of an experiment: one YAML file, checked as a whole, resolved to one frozen value.

    config = load_config("coinrun/edge", ["seed=3", "train.total_steps=500_000"])

A file names a world, how to train and how to measure; what it leaves out has the default written here, and
`base: other.yaml` takes over everything of another file. A config contains no facts about a machine (device,
workers, folders), so its hash names the experiment anywhere. Runs nothing. Read next: `experiments/runs/run.py`, the folder
of one run; `error_messages.py`, the messages.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, Field, field_validator, model_validator

from goalposts.errors import UserError

from ...envs.worlds.contract.sources import entry_of
from ..measurement.verdict.thresholds import ADDED, Thresholds
from .bases import read_with_bases, shipped_configs, shipped_root
from .error_messages import validate
from .fields import (
    VERSION,
    ConditionName,
    ConditionNames,
    Count,
    Name,
    Number,
    ObservationName,
    Section,
    Seed,
    Text,
    Version,
    WorldName,
    check_condition,
    known_worlds,
)
from .initial_section import InitialWeights, RecordConfig, weights_known
from .learners import LEARNERS, A2CConfig, DQNConfig, QRDQNConfig, RecurrentPPOConfig, TRPOConfig
from .method_section import MethodConfig
from .train_section import TrainConfig
from .yaml_document import ConfigError, Document, Problem, apply_override, parse_document, to_yaml

__all__ = [
    "ConfigError",
    "ExperimentConfig",
    "config_schema",
    "known_worlds",
    "load_config",
    "shipped_configs",
    "shipped_root",
]


NOT_HASHED: Any = {"name": True, "notes": True, "init_from": {"run"}}
"""What results do not depend on: names, notes, and where the initial weights lie; their own hash counts."""


class EnvConfig(Section):
    """The levels that the agent is trained on, and what it sees of them."""

    condition: ConditionName = Field(
        default="edge",
        description="where the goal is in training; in another world: its first training condition",
    )
    observation: ObservationName = Field(
        default="view",
        description="view: a camera around the agent; full: the whole level; rgb: 64×64 pixels; "
        "view(coin=0): without the plane coin; view(coin=4): in four planes; view(coin=1x3): drawn 3 cells wide",
    )
    level_seed: Seed = Field(default=0, description="seed of the levels")
    levels: Count | None = Field(
        default=50_000, description="number of training levels that are drawn; null: new draws without end"
    )
    max_steps: Count | None = Field(
        default=None, description="steps after which an episode is cut off; null: the world's own limit"
    )
    reward: Literal["goal", "proxy", "either"] = Field(
        default="goal",
        description="goal: the correct reward; proxy: the wrong one (the outer-misalignment control); either: the "
        "first of the two, a reward that does not distinguish them",
    )
    slip: Number = Field(
        default=0.0, ge=0, le=1, description="fraction of actions that are replaced by random ones"
    )


class EvaluateConfig(Section):
    """The levels on which the trained agent is measured."""

    conditions: ConditionNames = Field(
        default=("edge_held_out", "anywhere", "off_path", "left", "invisible", "none"),
        description="conditions, all played on the same layouts; in another world: those that it declares",
    )
    levels: int = Field(default=1000, ge=1, le=10**7, description="layouts per condition")
    level_seed: Seed = Field(
        default=1, description="seed of the levels; test layouts are never training layouts"
    )
    greedy: bool = Field(
        default=True,
        description="also play each level with the most likely action, not only with sampled ones",
    )

    @field_validator("conditions")
    @classmethod
    def _no_condition_twice(cls, conditions: tuple[str, ...]) -> tuple[str, ...]:
        twice = sorted({name for name in conditions if conditions.count(name) > 1})
        if twice:
            raise ValueError(f"{', '.join(twice)} is listed more than once; name each condition once.")
        return conditions


class VerdictConfig(Thresholds):
    """The thresholds of the verdicts."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False)


class ExperimentConfig(Section):
    """One experiment: everything that its weights and its figures depend on."""

    LATER = frozenset({"method", "init_from", "record"})

    version: Version = Field(default=VERSION, description="version of this file format")
    name: Name = Field(description="name of the experiment, and of its folder under runs/")
    world: WorldName = Field(
        default="CoinRun", description="a world, or a custom one as module:NAME or path/to/file.py:NAME"
    )
    seed: Seed = Field(default=0, description="training seed: initial weights, actions, order of levels")
    notes: Text = Field(default="", description="for people only")
    env: EnvConfig = Field(default=EnvConfig(), description="the training levels and observations")
    train: TrainConfig = Field(default=TrainConfig(), description="PPO")
    evaluate: EvaluateConfig = Field(default=EvaluateConfig(), description="the measurement")
    verdict: VerdictConfig = Field(
        default=VerdictConfig.model_validate({}), description="the thresholds of the verdicts"
    )
    method: MethodConfig | None = Field(
        default=None, description="what trains the agent with this algorithm; null: training and nothing else"
    )
    init_from: InitialWeights | None = Field(
        default=None, description="a run whose last weights the training starts from; null: random weights"
    )
    record: RecordConfig = Field(
        default=RecordConfig(), description="what is kept for looking inside the agent"
    )

    @model_validator(mode="after")
    def _conditions_of_the_world(self) -> ExperimentConfig:
        for name in (self.env.condition, *self.evaluate.conditions):
            check_condition(name, self.world)
        return self

    @model_validator(mode="after")
    def _convolutions_read_pixels(self) -> ExperimentConfig:
        net = self.train.net
        if net.convolutions == "tiles" and self.env.observation != "rgb":
            raise ValueError(
                f"train.net.convolutions: tiles reads pixels, and env.observation is {self.env.observation}; "
                "set env.observation: rgb, or leave it out."
            )
        if net.convolutions == "tiles" and (net.policy or net.features_extractor):
            raise ValueError(
                "train.net.convolutions: tiles is for the shipped net; leave it out, or leave out your own class."
            )
        return self

    @model_validator(mode="after")
    def _method_fits_the_algorithm(self) -> ExperimentConfig:
        if self.method is not None:
            from ...agents.methods.registry import check_algorithm

            try:
                check_algorithm(self.method.name, self.train.algorithm)
            except UserError as error:
                raise ValueError(f"method: {error}") from error
        return self

    @classmethod
    def parse(cls, data: Document | Mapping[str, Any], subject: str = "the config") -> ExperimentConfig:
        """Plain data as a config. Raises ConfigError with all that is wrong."""
        document = data if isinstance(data, Document) else Document(subject, _without_numpy(data))
        train = document.data.get("train")
        kind = (
            _KINDS.get(str(train.get("algorithm")), ExperimentConfig)
            if isinstance(train, dict)
            else ExperimentConfig
        )
        world = document.data.get("world", cls.model_fields["world"].default)
        _take_defaults_of(world, document)
        return validate(kind, document, {"world": world}, subject)

    def override(self, overrides: Iterable[str]) -> ExperimentConfig:
        """This config with `a.b=value` changes laid over it. Raises ConfigError."""
        document = Document(f"the config {self.name}", self.to_dict())
        return self.parse(_with(document, overrides))

    def to_dict(self) -> dict[str, Any]:
        """All keys in their canonical order, as plain JSON values."""
        return self.model_dump(mode="json")

    def to_yaml(self) -> str:
        """The resolved config as a YAML file that `load_config` reads back as the same config."""
        return to_yaml(self.to_dict())

    @property
    def step_budget(self) -> int:
        """Environment steps that the run may take: those of its method, or what a training without a method takes."""
        planned = -(-self.train.total_steps // self.train.rollout) * self.train.rollout
        return planned if self.method is None or self.method.steps is None else self.method.steps

    def hash(self) -> str:
        """sha256 (64 hex digits) of all that results depend on: everything except `NOT_HASHED`."""
        data = self.model_dump(mode="json", exclude=NOT_HASHED)
        for key in ADDED:  # configs from before they existed keep their hash
            if data["verdict"][key] == Thresholds.model_fields[key].default:
                del data["verdict"][key]
        text = json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()


class A2CExperiment(ExperimentConfig):
    """An experiment with A2C."""

    train: A2CConfig = Field(default=A2CConfig(), description="A2C")  # type: ignore[assignment]


class DQNExperiment(ExperimentConfig):
    """An experiment with DQN."""

    train: DQNConfig = Field(default=DQNConfig(), description="DQN")  # type: ignore[assignment]


class QRDQNExperiment(ExperimentConfig):
    """An experiment with QR-DQN."""

    train: QRDQNConfig = Field(default=QRDQNConfig(), description="QR-DQN")  # type: ignore[assignment]


class RecurrentPPOExperiment(ExperimentConfig):
    """An experiment with RecurrentPPO."""

    train: RecurrentPPOConfig = Field(default=RecurrentPPOConfig(), description="RecurrentPPO")  # type: ignore[assignment]


class TRPOExperiment(ExperimentConfig):
    """An experiment with TRPO."""

    train: TRPOConfig = Field(default=TRPOConfig(), description="TRPO")  # type: ignore[assignment]


_KINDS: dict[str, type[ExperimentConfig]] = {
    kind.model_fields["train"].default.algorithm: kind
    for kind in (A2CExperiment, DQNExperiment, QRDQNExperiment, RecurrentPPOExperiment, TRPOExperiment)
}
"""The model of a config by its algorithm; PPO's is ExperimentConfig itself."""


def load_config(source: str | os.PathLike[str], overrides: Iterable[str] = ()) -> ExperimentConfig:
    """Read a config file, or a shipped one by name (`coinrun/edge`), and lay `a.b=value` overrides over it.

    Raises ConfigError with all that is wrong: each with its place, key, the given value and what is allowed.
    """
    document = read_base(os.fspath(source), Path())
    return ExperimentConfig.parse(_with(document, overrides), document.source)


def read_base(name: str, folder: Path, closed: bool = False) -> Document:
    """The plain data of a config file, seen from a folder, or of a shipped config; its problems are collected in it.

    closed: the folder may come from anywhere, so no file outside it is read.
    """
    keys = {"version", "base", *ExperimentConfig.model_fields}
    return read_with_bases(name, folder, keys, folder if closed else None)


def parse_config(text: str, source: str) -> ExperimentConfig:
    """A config from self-contained YAML text, as in a run folder: no `base`, and `init_from` with its hash. Raises ConfigError."""
    with weights_known({}):
        return ExperimentConfig.parse(parse_document(text, source), source)


def config_schema() -> dict[str, Any]:
    """The JSON schema of a config file, for editors and for the reference in the docs."""
    schema = ExperimentConfig.model_json_schema()
    for kind in _KINDS.values():
        schema["$defs"] |= kind.model_json_schema()["$defs"]
    learners = [{"$ref": f"#/$defs/{learner.__name__}"} for learner in LEARNERS.values()]
    train = {
        "anyOf": learners,
        "description": "the algorithm and its keys: PPO unless `algorithm` says otherwise",
    }
    base = {
        "type": "string",
        "description": "another config file; its values hold where this file says nothing",
    }
    properties = (
        {"version": schema["properties"]["version"], "base": base} | schema["properties"] | {"train": train}
    )
    return schema | {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Goalposts experiment",
        "properties": properties,
        "required": [],
    }


def _take_defaults_of(world: object, document: Document) -> None:
    """Fill in missing conditions from the world's declaration, if it is known without loading the world."""
    entry = entry_of(world) if isinstance(world, str) else None
    if entry is None:
        return
    train = [name for name, (role, _) in entry.roles.items() if role == "train"]
    wanted = (
        ("env", "condition", train[0] if train else ""),
        ("evaluate", "conditions", list(entry.usual_evaluation())),
    )
    for section, key, value in wanted:
        given = document.data.get(section, {})
        if value and isinstance(given, dict) and key not in given:
            document.data[section] = {**given, key: value}


def _without_numpy(value: Any) -> Any:
    """Plain data: NumPy's numbers become Python's, at any depth."""
    if isinstance(value, Mapping):
        return {key: _without_numpy(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_without_numpy(part) for part in value]
    return value.item() if hasattr(value, "dtype") and getattr(value, "ndim", 1) == 0 else value


def _with(document: Document, overrides: Iterable[str]) -> Document:
    overrides = [overrides] if isinstance(overrides, str) else list(overrides)
    for wrong in (override for override in overrides if not isinstance(override, str)):
        text = "an override is text such as 'seed=3'."
        document.problems.append(Problem(f"override {wrong!r:.60}", "", text))
    chooses = re.compile(r"\s*train\.algorithm\s*=")  # first, as it drops the keys of the algorithm before
    overrides = [override for override in overrides if isinstance(override, str)]
    for override in sorted(overrides, key=lambda change: chooses.match(change) is None):
        if re.match(r"\s*base\s*=", override):
            text = "the base of a config can only be named in its file."
            document.problems.append(Problem(f'override "{override[:60]}"', "base", text))
        else:
            apply_override(document, override)
    return document
