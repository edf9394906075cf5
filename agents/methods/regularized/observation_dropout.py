"""Observation dropout: in training, each cell of each observation is hidden with a fixed probability, in all of its planes.

The cells are hidden where observations leave the environment, so that acting, updates and the values of final observations see the
same. After training, the agent sees everything. Cobbe et al. 2019 (arXiv 1812.02341) hide rectangles ("cutout", DeVries and Taylor
2017); single cells suit grids.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from goalposts.errors import UserError

from ..option_range import within


@dataclass(frozen=True)
class ObservationDropout:
    """Options of observation dropout. rate: probability that a cell is hidden in an observation."""

    label_class: ClassVar[str] = "L0"
    source: ClassVar[str] = "DeVries and Taylor 2017 (cutout); Cobbe et al. 2019"

    rate: float = 0.1

    def __post_init__(self) -> None:
        within("rate", self.rate, 0, 1, open_end=True)

    def train(self, task: Any, seed: int) -> Any:
        """Train one agent on partly hidden observations. Raises UserError for pixels."""
        if task.observation == "rgb":
            raise UserError(
                "observation_dropout hides cells of planes, and env.observation is rgb. Set env.observation=view or full."
            )
        env = task.vec_env()
        env.augment = HiddenCells(self.rate, seed)
        return task.run(task.learner(env=env)).agent()


class HiddenCells:
    """Hides cells of observations, drawn again for each of them."""

    def __init__(self, rate: float, seed: int) -> None:
        self.rate, self._random = rate, np.random.default_rng([seed, 4])

    def __call__(self, observations: np.ndarray) -> np.ndarray:
        """uint8[n, C, H, W] with all planes of the hidden cells 0."""
        n, _, rows, cols = observations.shape
        shown = self._random.random((n, 1, rows, cols), np.float32) >= self.rate
        return observations * shown
