"""Dropout: in training, each hidden unit is 0 with a fixed probability, with the same mask in a sample's rollout and updates.

Srivastava et al. 2014; in CoinRun: Cobbe et al. 2019, "Quantifying generalization in reinforcement learning" (arXiv 1812.02341). Masks
per sample: Hausknecht and Wagener 2022, see `agents/ppo/consistent_dropout.py`. The trained net is an ordinary one, without masks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from goalposts.errors import UserError

from ..option_range import within


@dataclass(frozen=True)
class Dropout:
    """Options of dropout. rate: probability that a hidden unit is 0 in a sample."""

    label_class: ClassVar[str] = "L0"
    source: ClassVar[str] = "Srivastava et al. 2014; Cobbe et al. 2019; Hausknecht and Wagener 2022"
    algorithms: ClassVar[tuple[str, ...]] = ("PPO",)

    rate: float = 0.1

    def __post_init__(self) -> None:
        within("rate", self.rate, 0, 1, open_end=True)

    def train(self, task: Any, seed: int) -> Any:
        """Train one agent, with new masks for every rollout. Raises UserError off PPO's fast path."""
        from stable_baselines3.common.callbacks import BaseCallback

        learner = task.learner()
        drop = getattr(learner.model, "drop_units", lambda rate, seed: None)(self.rate, seed)
        if drop is None:
            raise UserError(
                "dropout needs PPO on planes of 0 and 1, with the shipped net, ReLU and without target_kl. Set "
                "train.algorithm=PPO and env.observation=view, or choose another method."
            )

        class NewMasks(BaseCallback):
            def _on_step(self) -> bool:
                return True

            def _on_rollout_start(self) -> None:
                drop.redraw()

        return task.run(learner, [NewMasks()]).agent()
