"""Level samplers, which choose the next level of each environment from a pool and receive the outcomes.

`following`, the engine's array of next levels, is filled one episode ahead: a slot's next level is chosen when its current episode
starts, so that the compiled step can load it at once. Read next: `level_stream.py`, which calls samplers;
`agents/methods/replay/plr.py`, which prioritizes levels.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from ..levels.level import LevelSet
from .engine import Step
from .options import OptionError
from .outcome import O_LEVEL


class LevelSampler(Protocol):
    """Interface of a level sampler. Levels are identified by their index in the pool."""

    def begin(self, pool: LevelSet, num_envs: int) -> None:
        """Receive the pool and the number of environments before the first choice."""

    def choose(self, slots: np.ndarray) -> np.ndarray:
        """Choose the next level of each slot int[m], as pool indices int[m]. Called one episode ahead."""
        ...

    def ended(self, slots: np.ndarray, levels: np.ndarray, returns: np.ndarray, outcome: np.ndarray) -> None:
        """Receive ended episodes: slots, levels int32[m], returns float64[m], outcome int32[m, 8] (columns `outcome.O_…`)."""


class UniformSampler:
    """A sampler that chooses uniformly from the pool."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)

    def begin(self, pool: LevelSet, num_envs: int) -> None:
        """Record the size of the pool."""
        self._size = len(pool)

    def choose(self, slots: np.ndarray) -> np.ndarray:
        """Choose pool indices int64[m] uniformly."""
        return self._random.integers(0, self._size, len(slots))

    def ended(self, slots: np.ndarray, levels: np.ndarray, returns: np.ndarray, outcome: np.ndarray) -> None:
        """Ignore the outcomes."""


def check_sampler(sampler: Any, unlimited: bool) -> None:
    """Raise OptionError for a sampler that lacks a method, or if there is no pool to choose from."""
    if sampler is None:
        return
    missing = [name for name in ("begin", "choose", "ended") if not callable(getattr(sampler, name, None))]
    if missing or isinstance(sampler, type):
        what = "is a class; give an object" if isinstance(sampler, type) else f"has no {missing[0]}(…)"
        raise OptionError(
            f"sampler {type(sampler).__name__} {what}; a level sampler has begin, choose and ended"
        )
    if unlimited:
        raise OptionError("a sampler chooses from a pool of levels; give num_levels=… or levels=…")


def refuse_sampler(sampler: Any, elsewhere: bool) -> None:
    """Raise OptionError for interfaces that do not report outcomes to samplers."""
    if sampler is not None and elsewhere:
        raise OptionError(
            "a sampler works in gymnasium.make_vec(…) with autoreset_mode SAME_STEP, the default, and in GoalpostsVecEnv; "
            "leave sampler= out here"
        )


def chosen_levels(sampler: LevelSampler, slots: np.ndarray, size: int) -> np.ndarray:
    """Validated choice of a sampler, int64[m], since the kernels do not check it. Raises OptionError."""
    chosen = np.asarray(sampler.choose(slots))
    if chosen.shape != (len(slots),) or chosen.dtype.kind not in "iu":
        raise OptionError(
            f"the sampler chose {chosen.dtype}{list(chosen.shape)}; needed are {len(slots)} whole numbers, one per slot"
        )
    if len(chosen) and not (int(chosen.min()) >= 0 and int(chosen.max()) < size):
        raise OptionError(
            f"the sampler chose level {int(chosen.min())} … {int(chosen.max())}; the pool has levels 0 to {size - 1}"
        )
    return chosen.astype(np.int64, copy=False)


def report_ended(sampler: LevelSampler, step: Step) -> None:
    """Report the episodes that a step ended to the sampler."""
    sampler.ended(step.ended, step.final_outcome[:, O_LEVEL], step.final_return, step.final_outcome)
