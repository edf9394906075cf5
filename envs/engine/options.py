"""Validation of an environment's options and seeds, before anything is built.

Each message names the option, its allowed values and what to write instead. Read next: `level_stream.py`, which uses them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from goalposts.closest import closest
from goalposts.errors import UserError
from goalposts.whole_numbers import is_whole, kind_of, shown, whole

from ..levels.level import Level, LevelSet

# Names used by other libraries and the configs, and the corresponding options here.
ALSO_KNOWN_AS = {
    "n_envs": "num_envs",
    "num_env": "num_envs",
    "max_episode_steps": "max_steps",
    "time_limit": "max_steps",
    "n_levels": "num_levels",
    "start_level": "level_seed",
    "seed": "level_seed",
    "sticky": "slip",
    "obs_type": "observation",
    "env": "world",
}


MAX_STEPS = 2**31 - 1  # steps are counted in 32 bits


class OptionError(UserError, ValueError):
    """An invalid option of an environment."""


def check_names(given: Iterable[str], known: Collection[str]) -> None:
    """Raise OptionError for an unknown option name, suggesting the closest."""
    for name in given:
        if name in known:
            continue
        hint = closest(ALSO_KNOWN_AS.get(name, name), known)
        if name == "seed":
            hint += " The seed of an environment is given to reset(seed=…)."
        raise OptionError(f"unknown option {name!r}; the options are {', '.join(sorted(known))}.{hint}")


def options_of(given: Any) -> dict[str, Any]:
    """Copy the options of `reset`. Raises OptionError if they are no mapping."""
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise OptionError(
            f"options = {shown(given)} is {kind_of(given)}; write a dict, such as options={{'index': 3}}"
        )
    return dict(given)


def check_levels(levels: Any) -> LevelSet | None:
    """Return the levels if they are a LevelSet or None. Raises OptionError with the correct form otherwise."""
    if levels is None or isinstance(levels, LevelSet):
        return levels
    if is_whole(levels):
        remedy = f"for a number of generated levels write num_levels={levels}"
    elif isinstance(levels, Level):
        remedy = "write levels=LevelSet.of([level])"
    elif isinstance(levels, list | tuple) and levels and all(isinstance(level, Level) for level in levels):
        remedy = "write levels=LevelSet.of(levels)"
    elif isinstance(levels, str):
        remedy = "read a file of levels with goalposts.envs.load_levels"
    else:
        remedy = "for a number of generated levels write num_levels=…"
    raise OptionError(
        f"levels is {kind_of(levels)}: must be a goalposts.envs.LevelSet, the levels to play; {remedy}"
    )


def step_limit(max_steps: Any) -> int | None:
    """The step limit as an int, or None for the world's own. Raises OptionError."""
    if max_steps is None:
        return None
    return whole("max_steps", max_steps, OptionError, 1, MAX_STEPS, ", or None for the world's own limit")


def check_probability(name: str, value: Any) -> None:
    """Raise OptionError if a value is no probability."""
    if not isinstance(value, int | float | np.integer | np.floating) or not 0 <= value <= 1:
        raise OptionError(f"{name} = {shown(value)}: must be a probability from 0 to 1")


def seeds_of(seed: Any, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Expand a seed to (seeds uint64[n], given bool[n]): s, s + 1, … for one seed s, or one seed or None per environment.

    Raises OptionError.
    """
    if seed is None:
        return np.zeros(n, np.uint64), np.zeros(n, np.bool_)
    if is_whole(seed):
        seeds: list[Any] = [int(seed) + i for i in range(n)]
    else:
        seeds = list(seed) if isinstance(seed, Sequence | np.ndarray) and np.ndim(seed) == 1 else []
    if len(seeds) != n or not all(s is None or (is_whole(s) and 0 <= int(s) < 1 << 64) for s in seeds):
        raise OptionError(
            f"seed = {shown(seed)}: give one whole number from 0 to 2**64 − {n}, or {n} of them, one per environment "
            "(None: no new seed)"
        )
    return np.array([0 if s is None else int(s) for s in seeds], np.uint64), np.array(
        [s is not None for s in seeds], np.bool_
    )
