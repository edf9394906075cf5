"""The `train` section of a config for the algorithms other than PPO: keys, defaults and what is allowed.

The names are those of stable-baselines3 (A2C, DQN) and sb3-contrib (QR-DQN, RecurrentPPO, TRPO). Trains nothing. Read next:
`schema.py`, which chooses the class; `agents/algorithms/training.py`, which takes what the keys say.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from .fields import Count, Number, Section, Widths
from .train_section import (
    MAX_ROLLOUT,
    BatchSize,
    Chosen,
    NetConfig,
    OptimizerConfig,
    TrainConfig,
    UseSDE,
)

MAX_REPLAY = 4_000_000  # transitions that DQN keeps
REPORT = 2048  # env steps between two rows of progress.csv, at least, of algorithms that update more often


class QNetConfig(NetConfig):
    """Widths of the hidden layers of the Q network; an empty list means none."""

    trunk: Widths = Field(
        default=(128,), description="the first layers; from pixels (`rgb`), after the convolutions"
    )
    pi: Widths = Field(default=(), description="further layers, up to the Q values")
    vf: Annotated[tuple[()], Field(json_schema_extra={"x-expected": "an empty list"})] = Field(
        default=(), strict=False, description="must be empty: a Q network has no separate value function"
    )


class RecurrentNetConfig(NetConfig):
    """Widths of the hidden layers; an empty list means none. The LSTM follows the trunk."""

    lstm_hidden_size: int = Field(default=64, ge=1, le=4096, description="width of the LSTM")
    n_lstm_layers: int = Field(default=1, ge=1, le=4, description="layers of the LSTM")
    shared_lstm: bool = Field(default=False, description="policy and value share one LSTM")
    enable_critic_lstm: bool = Field(default=True, description="the value function has an LSTM to itself")

    @model_validator(mode="after")
    def _one_kind_of_critic(self) -> RecurrentNetConfig:
        if self.shared_lstm and self.enable_critic_lstm:
            raise ValueError("shared_lstm and enable_critic_lstm are both true; set at most one of them.")
        return self


class _Learner(Section):
    """Keys of every algorithm except PPO, in addition to its own."""

    total_steps: Count = Field(default=1_000_000, description="environment steps of the whole training")
    num_envs: int = Field(default=64, ge=1, le=65_536, description="number of environments in parallel")
    learning_rate: Number = Field(default=7e-4, gt=0, le=1, description="initial learning rate")
    anneal: bool = Field(default=True, description="decrease the learning rate linearly to 0")
    gamma: Number = Field(default=0.99, ge=0, le=1, description="discount")
    checkpoint_every: Count | None = Field(
        default=500_000, description="steps between checkpoints; null: only at the end"
    )
    probe_every: Count | None = Field(
        default=100_000, description="steps between measurements of the goal; null: never"
    )
    probe_levels: int = Field(default=100, ge=1, le=100_000, description="levels per such measurement")

    @property
    def between_updates(self) -> int:
        """Environment steps between two updates."""
        raise NotImplementedError

    @property
    def rollout(self) -> int:
        """Environment steps from one row of progress.csv to the next: whole updates."""
        return self.between_updates * -(-REPORT // self.between_updates)


class _OnPolicy(_Learner):
    """Keys of A2C, TRPO and RecurrentPPO."""

    n_steps: int = Field(default=64, ge=1, le=65_536, description="steps per environment between two updates")
    gae_lambda: Number = Field(default=0.95, ge=0, le=1, description="λ of the advantage estimate (GAE)")
    normalize_advantage: bool = Field(default=True, description="scale the advantages")
    use_sde: UseSDE = Field(default=False, description="false: every world has discrete actions")
    net: NetConfig = Field(default=NetConfig(), description="widths of the network")

    @property
    def between_updates(self) -> int:
        return self.num_envs * self.n_steps


class A2CConfig(_OnPolicy):
    """A2C of stable-baselines3, with its names."""

    algorithm: Annotated[Literal["A2C"], Chosen] = Field(
        default="A2C", description="the algorithm; its keys are those of this section"
    )
    n_steps: int = Field(default=8, ge=1, le=65_536, description="steps per environment between two updates")
    normalize_advantage: bool = Field(default=False, description="scale the advantages")
    ent_coef: Number = Field(default=0.01, ge=0, le=100, description="weight of the entropy bonus")
    vf_coef: Number = Field(default=0.5, ge=0, le=100, description="weight of the value loss")
    max_grad_norm: Number = Field(
        default=0.5, gt=0, le=1e6, description="gradients are scaled down to this norm"
    )
    optimizer: OptimizerConfig = Field(default=OptimizerConfig(name="RMSpropTF"), description="the optimizer")


class TRPOConfig(_OnPolicy):
    """TRPO of sb3-contrib, with its names."""

    algorithm: Annotated[Literal["TRPO"], Chosen] = Field(
        default="TRPO", description="the algorithm; its keys are those of this section"
    )
    batch_size: BatchSize = Field(
        default=2048, validate_default=True, description="minibatch of the value function"
    )
    learning_rate: Number = Field(
        default=1e-3, gt=0, le=1, description="initial learning rate of the value function"
    )
    target_kl: Number = Field(
        default=0.01, gt=0, le=100, description="KL divergence that an update may reach"
    )
    cg_max_steps: int = Field(default=15, ge=1, le=1000, description="steps of the conjugate gradient method")
    cg_damping: Number = Field(default=0.1, ge=0, le=100, description="damping of the Hessian-vector product")
    line_search_shrinking_factor: Number = Field(
        default=0.8, gt=0, lt=1, description="of the line search's step"
    )
    line_search_max_iter: int = Field(
        default=10, ge=1, le=1000, description="steps of the line search, at most"
    )
    n_critic_updates: int = Field(
        default=10, ge=1, le=1000, description="passes of the value function per update"
    )
    sub_sampling_factor: int = Field(
        default=1, ge=1, le=1000, description="use every k-th step for the policy"
    )
    optimizer: OptimizerConfig = Field(
        default=OptimizerConfig(), description="the value function's optimizer"
    )


class RecurrentPPOConfig(_OnPolicy):
    """RecurrentPPO of sb3-contrib (PPO with an LSTM), with its names."""

    algorithm: Annotated[Literal["RecurrentPPO"], Chosen] = Field(
        default="RecurrentPPO", description="the algorithm; its keys are those of this section"
    )
    num_envs: int = Field(default=256, ge=1, le=65_536, description="number of environments in parallel")
    n_steps: int = Field(default=32, ge=1, le=65_536, description="steps per environment between two updates")
    batch_size: BatchSize = Field(
        default=4096, validate_default=True, description="minibatch; divides num_envs × n_steps"
    )
    n_epochs: int = Field(
        default=3, ge=1, le=1000, description="passes over the collected steps at each update"
    )
    ent_coef: Number = Field(default=0.01, ge=0, le=100, description="weight of the entropy bonus")
    clip_range: Number = Field(default=0.2, gt=0, le=10, description="how far an update may move the policy")
    vf_coef: Number = Field(default=0.5, ge=0, le=100, description="weight of the value loss")
    max_grad_norm: Number = Field(
        default=0.5, gt=0, le=1e6, description="gradients are scaled down to this norm"
    )
    target_kl: Number | None = Field(
        default=None,
        gt=0,
        le=100,
        description="end the passes of an update beyond this KL divergence; null: never",
    )
    net: RecurrentNetConfig = Field(default=RecurrentNetConfig(), description="widths of the network")  # type: ignore[assignment]
    optimizer: OptimizerConfig = Field(default=OptimizerConfig(), description="the optimizer")


class DQNConfig(_Learner):
    """DQN of stable-baselines3, with its names."""

    algorithm: Annotated[Literal["DQN"], Chosen] = Field(
        default="DQN", description="the algorithm; its keys are those of this section"
    )
    learning_rate: Number = Field(default=3e-4, gt=0, le=1, description="initial learning rate")
    buffer_size: int = Field(
        default=100_000, ge=1, le=MAX_REPLAY, description="transitions in the replay buffer"
    )
    learning_starts: int = Field(default=10_000, ge=0, le=10**12, description="steps before the first update")
    batch_size: int = Field(default=256, ge=1, le=MAX_ROLLOUT, description="transitions per gradient step")
    tau: Number = Field(default=1.0, gt=0, le=1, description="how far the target network follows; 1: a copy")
    train_freq: int = Field(
        default=4, ge=1, le=65_536, description="steps per environment between two updates"
    )
    gradient_steps: int = Field(default=4, ge=1, le=65_536, description="gradient steps per update")
    target_update_interval: Count = Field(
        default=10_000, description="steps between updates of the target network"
    )
    exploration_fraction: Number = Field(
        default=0.2, gt=0, le=1, description="fraction of the training in which exploration falls to its end"
    )
    exploration_initial_eps: Number = Field(
        default=1.0, ge=0, le=1, description="random actions at the beginning"
    )
    exploration_final_eps: Number = Field(
        default=0.05,
        ge=0,
        le=1,
        description="random actions at the end, and in sampled episodes of the evaluation",
    )
    max_grad_norm: Number = Field(
        default=10.0, gt=0, le=1e6, description="gradients are scaled down to this norm"
    )
    net: QNetConfig = Field(default=QNetConfig(), description="widths of the network")
    optimizer: OptimizerConfig = Field(default=OptimizerConfig(eps=1e-8), description="the optimizer")

    @property
    def between_updates(self) -> int:
        return self.num_envs * self.train_freq


class QRDQNConfig(DQNConfig):
    """QR-DQN of sb3-contrib (DQN with quantile regression), with its names."""

    algorithm: Annotated[Literal["QR-DQN"], Chosen] = Field(  # type: ignore[assignment]
        default="QR-DQN", description="the algorithm; its keys are those of this section"
    )
    n_quantiles: int = Field(default=50, ge=1, le=1000, description="quantiles of the return, per action")


LEARNERS: dict[str, type[Section]] = {
    "PPO": TrainConfig,
    "A2C": A2CConfig,
    "DQN": DQNConfig,
    "QR-DQN": QRDQNConfig,
    "RecurrentPPO": RecurrentPPOConfig,
    "TRPO": TRPOConfig,
}
"""The class of the `train` section by the name of its algorithm."""
