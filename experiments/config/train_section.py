"""The `train` section of a config for PPO, and the sections within it: keys, defaults and what is allowed.

The names are those of stable-baselines3. Keys that were added after version 1 of the format are left out of a resolved config
while they have their default, so the hash of an older config stays the same. Trains nothing. Read next: `learners.py`, the other
algorithms; `schema.py`, which chooses.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from llvmlite.binding import get_host_cpu_features
from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from goalposts.closest import closest

from .fields import Count, Number, Section, Widths

MAX_ROLLOUT = 2**24  # num_envs × n_steps; what is collected between two updates must fit into memory
ALGORITHMS = ("PPO", "A2C", "DQN", "QR-DQN", "RecurrentPPO", "TRPO")

Activation = Literal["ReLU", "Tanh", "ELU", "GELU", "LeakyReLU", "SiLU"]
Plain = str | int | float | bool | None
_CLASS = re.compile(r"[A-Za-z_][\w.-]*:[A-Za-z_]\w*", re.ASCII)


def _check_class(name: str) -> str:
    if not _CLASS.fullmatch(name):
        raise ValueError(f"{name[:80]!r} is not a class; write it as module:Class.")
    return name


def _check_algorithm(name: object) -> object:
    if name not in ALGORITHMS:
        raise ValueError(
            f"{name!r} is not an algorithm; must be one of {', '.join(ALGORITHMS)}.{closest(str(name), ALGORITHMS)}"
        )
    return name


def _discrete(use_sde: bool) -> bool:
    if use_sde:
        raise ValueError(
            "true needs continuous actions (generalized state-dependent exploration), and every world here has discrete ones; "
            "it must be false."
        )
    return use_sde


ClassName = Annotated[
    str, AfterValidator(_check_class), Field(json_schema_extra={"x-expected": "a class as module:Class"})
]
Chosen = BeforeValidator(_check_algorithm)
UseSDE = Annotated[bool, AfterValidator(_discrete)]


def source_of(names: Sequence[str]) -> str | None:
    """SHA-256 of the source of custom classes that the user has named; None if there is none, or one was not named."""
    if not names:
        return None
    from ...agents.named_code import find_code

    codes = [find_code(name) for name in names]
    if None in codes:
        return None
    digests = " ".join(code.digest for code in codes if code is not None)
    return digests if len(codes) == 1 else hashlib.sha256(digests.encode()).hexdigest()


class NetConfig(Section):
    """Widths of the hidden layers; an empty list means none."""

    LATER = frozenset(
        {"activation", "convolutions", "policy", "features_extractor", "features_extractor_kwargs", "source"}
    )

    trunk: Widths = Field(
        default=(128,), description="shared by policy and value; from pixels (`rgb`), after the convolutions"
    )
    pi: Widths = Field(default=(), description="of the policy alone")
    vf: Widths = Field(default=(), description="of the value function alone")
    activation: Activation = Field(default="ReLU", description="activation function of the hidden layers")
    convolutions: Literal["nature", "tiles"] = Field(
        default="nature",
        description="for pixels (`rgb`): those of Mnih et al. 2015, or one that reads each tile by itself",
    )
    policy: ClassName | None = Field(
        default=None, description="your own policy class as module:Class; null: stable-baselines3's"
    )
    features_extractor: ClassName | None = Field(
        default=None,
        description="your own features extractor as module:Class; null: one layer per width in trunk",
    )
    features_extractor_kwargs: dict[str, Plain] = Field(
        default={}, description="arguments of a custom features extractor: numbers, words, true, false"
    )

    source: str | None = Field(
        default=None, max_length=64, description="SHA-256 of the source of these classes; filled in"
    )

    @model_validator(mode="before")
    @classmethod
    def _hashed(cls, value: Any) -> Any:
        """The hash of custom classes that the user has named, so that an edit makes another run."""
        if not isinstance(value, Mapping) or value.get("source") is not None:
            return value
        names = [value.get(key) for key in ("policy", "features_extractor")]
        digest = source_of([name for name in names if isinstance(name, str)])
        return value if digest is None else {**value, "source": digest}

    @model_validator(mode="after")
    def _arguments_have_a_class(self) -> NetConfig:
        if self.features_extractor_kwargs and self.features_extractor is None:
            raise ValueError(
                "features_extractor_kwargs without features_extractor; name the class as module:Class."
            )
        return self


class OptimizerConfig(Section):
    """The optimizer and its settings."""

    name: Literal["Adam", "AdamW", "RMSprop", "RMSpropTF", "SGD"] = Field(
        default="Adam",
        description="torch's optimizers; RMSpropTF is stable-baselines3's variant, A2C's default",
    )
    eps: Number = Field(default=1e-5, ge=0, le=1, description="added to the denominator; unused by SGD")
    weight_decay: Number = Field(
        default=0.0, ge=0, le=1, description="L2 penalty; of AdamW: decoupled weight decay"
    )


def divisor_of_rollout(batch_size: int, info: ValidationInfo) -> int:
    """The batch size if it divides num_envs × n_steps. Raises ValueError with the nearest that do."""
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
            f"try {', '.join(map(str, nearest)) or 'more environments or steps'}."
        )
    return batch_size


BatchSize = Annotated[int, Field(ge=2, le=MAX_ROLLOUT), AfterValidator(divisor_of_rollout)]


class TrainConfig(Section):
    """PPO; the names are those of stable-baselines3."""

    LATER = frozenset({"algorithm", "target_kl", "normalize_advantage", "use_sde", "optimizer"})

    total_steps: Count = Field(default=1_000_000, description="environment steps of the whole training")
    num_envs: int = Field(default=128, ge=1, le=65_536, description="number of environments in parallel")
    n_steps: int = Field(default=64, ge=1, le=65_536, description="steps per environment between two updates")
    batch_size: BatchSize = Field(
        default=2048, validate_default=True, description="minibatch; divides num_envs × n_steps"
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
    target_kl: Number | None = Field(
        default=None,
        gt=0,
        le=100,
        description="end the passes of an update beyond this KL divergence; null: never",
    )
    normalize_advantage: bool = Field(default=True, description="scale the advantages of each minibatch")
    use_sde: UseSDE = Field(default=False, description="false: every world has discrete actions")
    optimizer: OptimizerConfig = Field(default=OptimizerConfig(), description="the optimizer")
    algorithm: Annotated[Literal["PPO"], Chosen] = Field(
        default="PPO", description="the algorithm; its keys are those of this section"
    )

    @field_validator("precision")
    @classmethod
    def _choose(cls, precision: str) -> str:
        """Resolve `auto` and record the choice in the config, so that the run is the same everywhere."""
        if precision != "auto":
            return precision
        features = get_host_cpu_features()
        return "bf16" if features.get("amx-bf16") or features.get("avx512bf16") else "fp32"

    @property
    def rollout(self) -> int:
        """Environment steps from one row of progress.csv to the next."""
        return self.num_envs * self.n_steps
