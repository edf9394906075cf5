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
import math
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from llvmlite.binding import get_host_cpu_features
from pydantic import ConfigDict, Field, ValidationInfo, field_validator, model_validator

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
    Widths,
    WorldName,
    check_condition,
    known_worlds,
)
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

MAX_ROLLOUT = 2**24  # num_envs × n_steps; what is collected between two updates must fit into memory


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
        default=50_000, description="number of training levels; null: never the same level twice"
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


class NetConfig(Section):
    """Widths of the hidden layers; an empty list means none."""

    trunk: Widths = Field(
        default=(128,), description="shared by policy and value; from pixels (`rgb`), after the convolutions"
    )
    pi: Widths = Field(default=(), description="of the policy alone")
    vf: Widths = Field(default=(), description="of the value function alone")


class TrainConfig(Section):
    """PPO; the names are those of stable-baselines3."""

    total_steps: Count = Field(default=1_000_000, description="environment steps of the whole training")
    num_envs: int = Field(default=128, ge=1, le=65_536, description="number of environments in parallel")
    n_steps: int = Field(default=64, ge=1, le=65_536, description="steps per environment between two updates")
    batch_size: int = Field(
        default=2048,
        ge=2,
        le=MAX_ROLLOUT,
        validate_default=True,
        description="minibatch; divides num_envs × n_steps",
    )
    n_epochs: int = Field(
        default=3, ge=1, le=1000, description="passes over the collected steps at each update"
    )
    learning_rate: Number = Field(
        default=2.8e-3,
        gt=0,
        le=1,
        description="initial learning rate of Adam; pixels (`rgb`) need a lower one: see coinrun/pixels",
    )
    anneal: bool = Field(default=True, description="decrease the learning rate linearly to 0")
    gamma: Number = Field(default=0.99, ge=0, le=1, description="discount")
    gae_lambda: Number = Field(default=0.95, ge=0, le=1, description="λ of the advantage estimate (GAE)")
    ent_coef: Number = Field(default=0.01, ge=0, le=100, description="weight of the entropy bonus")
    clip_range: Number = Field(default=0.2, gt=0, le=10, description="how far an update may move the policy")
    vf_coef: Number = Field(default=0.5, ge=0, le=100, description="weight of the value loss")
    max_grad_norm: Number = Field(
        default=0.5, gt=0, le=1e6, description="gradients are scaled down to this norm"
    )
    net: NetConfig = Field(default=NetConfig(), description="widths of the network")
    precision: Literal["fp32", "bf16", "auto"] = Field(
        default="fp32",
        description="precision of the hidden layers' products; auto: bf16 if the processor supports it (AMX, AVX-512 BF16), else fp32",
    )
    checkpoint_every: Count | None = Field(
        default=500_000, description="steps between checkpoints; null: only at the end"
    )
    probe_every: Count | None = Field(
        default=100_000, description="steps between measurements of the goal; null: never"
    )
    probe_levels: int = Field(default=100, ge=1, le=100_000, description="levels per such measurement")

    @field_validator("precision")
    @classmethod
    def _choose(cls, precision: str) -> str:
        """Resolve `auto` and record the choice in the config, so that the run is the same everywhere."""
        if precision != "auto":
            return precision
        features = get_host_cpu_features()
        return "bf16" if features.get("amx-bf16") or features.get("avx512bf16") else "fp32"

    @field_validator("batch_size")
    @classmethod
    def _divides_the_rollout(cls, batch_size: int, info: ValidationInfo) -> int:
        if "num_envs" not in info.data or "n_steps" not in info.data:
            return batch_size  # one of them is wrong and is complained about by itself
        num_envs, n_steps = info.data["num_envs"], info.data["n_steps"]
        rollout = num_envs * n_steps
        if rollout > MAX_ROLLOUT:
            raise ValueError(
                f"num_envs × n_steps = {num_envs} × {n_steps} = {rollout:,}; at most {MAX_ROLLOUT:,}."
            )
        if rollout % batch_size:
            small = [d for d in range(1, math.isqrt(rollout) + 1) if rollout % d == 0]
            divisors = sorted({*small, *(rollout // d for d in small)} - {1})
            nearest = sorted(sorted(divisors, key=lambda d: abs(d - batch_size))[:3])
            raise ValueError(
                f"{batch_size} does not divide num_envs × n_steps = {num_envs} × {n_steps} = {rollout}; "
                f"allowed are for example {', '.join(map(str, nearest)) or 'none: use more envs or steps'}."
            )
        return batch_size


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
            raise ValueError(f"{', '.join(twice)} stands here more than once; name each condition once.")
        return conditions


class VerdictConfig(Thresholds):
    """The thresholds of the verdicts."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False)


class ExperimentConfig(Section):
    """One experiment: everything that its weights and its figures depend on."""

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

    @model_validator(mode="after")
    def _conditions_of_the_world(self) -> ExperimentConfig:
        for name in (self.env.condition, *self.evaluate.conditions):
            check_condition(name, self.world)
        return self

    @classmethod
    def parse(cls, data: Document | Mapping[str, Any], subject: str = "the config") -> ExperimentConfig:
        """Plain data as a config. Raises ConfigError with all that is wrong."""
        document = data if isinstance(data, Document) else Document(subject, dict(data))
        world = document.data.get("world", cls.model_fields["world"].default)
        _take_defaults_of(world, document)
        return validate(cls, document, {"world": world}, subject)

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

    def hash(self) -> str:
        """sha256 (64 hex digits) of all that results depend on: everything but `name` and `notes`."""
        data = self.model_dump(mode="json", exclude={"name", "notes"})
        for key in ADDED:  # configs from before they existed keep their hash
            if data["verdict"][key] == Thresholds.model_fields[key].default:
                del data["verdict"][key]
        text = json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()


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
    """A config from self-contained YAML text (no `base`), as in a run folder. Raises ConfigError."""
    return ExperimentConfig.parse(parse_document(text, source), source)


def config_schema() -> dict[str, Any]:
    """The JSON schema of a config file, for editors and for the reference in the docs."""
    schema = ExperimentConfig.model_json_schema()
    base = {
        "type": "string",
        "description": "another config file; its values hold where this file says nothing",
    }
    properties = {"version": schema["properties"]["version"], "base": base} | schema["properties"]
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


def _with(document: Document, overrides: Iterable[str]) -> Document:
    for override in overrides:
        if re.match(r"\s*base\s*=", override):
            text = "the base of a config can only be named in its file."
            document.problems.append(Problem(f'override "{override[:60]}"', "base", text))
        else:
            apply_override(document, override)
    return document
