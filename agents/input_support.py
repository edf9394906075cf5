"""Input support: how often each bit of the observation was 1 in training, which bounds what the net can have learned.

Kept next to a checkpoint as `support.safetensors`, only for trainings that ask for it, because it costs time. Read next:
`agents/ppo/training.py`, which saves it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save as save_tensors

from goalposts.errors import UserError

SUPPORT = "support.safetensors"


class InputSupport:
    """Counts over all observations of a training. ones int64[C, H, W]; observations: their number."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.ones, self.observations = np.zeros(shape, np.int64), 0

    @classmethod
    def of(cls, env: Any) -> InputSupport:
        """Empty counts for the observations of a `GoalpostsVecEnv`. Raises UserError for pixels."""
        space = env.stream.observation_space
        if int(space.high.max()) != 1:
            raise UserError(
                "record.support counts bits, and pixels (rgb) have none; use planes, or leave it out"
            )
        return cls(space.shape)

    def add(self, observations: Any) -> None:
        """Count uint8[n, C, H, W]."""
        self.ones += np.add.reduce(observations, axis=0, dtype=np.uint32)
        self.observations += len(observations)

    def save(self, folder: Path) -> None:
        """Write the counts into an existing folder."""
        tensors = {
            "ones": torch.from_numpy(self.ones.copy()),
            "observations": torch.tensor([self.observations]),
        }
        (folder / SUPPORT).write_bytes(save_tensors(tensors))

    def restore(self, tensors: dict[str, torch.Tensor]) -> None:
        """Restore the counts written by `save`. Raises ValueError or KeyError for counts of another observation."""
        ones, count = tensors["ones"], tensors["observations"]
        if tuple(ones.shape) != self.ones.shape or ones.dtype != torch.int64 or count.shape != (1,):
            raise ValueError("counts of another observation")
        self.ones, self.observations = ones.numpy().copy(), int(count[0])
