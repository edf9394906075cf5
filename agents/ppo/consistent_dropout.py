"""Dropout of hidden units with one mask per sample: the same in the rollout and in every update on it.

Hausknecht and Wagener 2022, "Consistent dropout for policy gradient reinforcement learning" (arXiv 2202.11818): with other masks in
the update, the ratio of PPO compares two different nets. Kept units are scaled by 1 / (1 − rate) (Srivastava et al. 2014), so the
trained net is used as it is, without masks. Read next: `manual_backprop.py`, which applies the masks.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from .run_length_layer import BinaryRows


class ConsistentDropout:
    """Masks of a rollout's rows. rate: probability of each unit to be 0; widths: of the hidden layers; seed: of the masks.

    Observations in other rows (those whose value only bootstraps a return) are not masked.
    """

    def __init__(self, rate: float, rows: BinaryRows, widths: Sequence[int], seed: int) -> None:
        self.rate, self._rows, self._widths = rate, rows, widths
        self._random = np.random.default_rng([seed, 3])
        self.redraw()

    @property
    def scale(self) -> float:
        """Factor of the units that are kept."""
        return 1 / (1 - self.rate)

    def redraw(self) -> None:
        """Draw new masks, float32[rows, width] of 0 and `scale`: at the start of each rollout."""
        n = len(self._rows.counts)
        self.masks = [self._drawn(n, width) for width in self._widths]

    def _drawn(self, n: int, width: int) -> torch.Tensor:
        kept = self._random.random((n, width), np.float32) >= self.rate
        return torch.from_numpy(kept * np.float32(self.scale))

    def apply(self, layer: int, output: torch.Tensor, rows: BinaryRows, picks: np.ndarray) -> None:
        """Multiply a hidden layer's output float32[m, width], of the rows picks int64[m], by their masks, in place."""
        if rows is self._rows:
            output.mul_(self.masks[layer][torch.from_numpy(picks)])
