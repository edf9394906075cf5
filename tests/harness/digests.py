"""Digests of everything that must not depend on the Python version: levels, rules, planner results, measurements. Needs no torch.

    python tests/harness/digests.py [WORLD…]            (prints them as JSON; `diff` the output of two Pythons)

Read next: `tests/trust/test_digests.py`, which compares them with tests/golden/digests.json.
"""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import fields
from typing import Any

import numpy as np

from goalposts.experiments.study.results.golden import digest

LEVELS, STEPS, SEED = 48, 120, 11


def thousand_levels() -> dict[str, str]:
    """Digests of 1,000 levels of each world's default control and shift."""
    from goalposts.envs import generate, get_world
    from goalposts.registration import WORLDS

    found = {}
    for name in WORLDS:
        for role in ("control", "shift"):
            condition = get_world(name).default_condition(role)
            levels = generate(name, condition, SEED, 1000)
            found[f"{name} {condition} levels"] = digest(levels.tiles, levels.sizes, levels.index)
    return found


def of_world(name: str) -> dict[str, str]:
    """Digests of one world: its levels by condition, their planner results, and their play."""
    from goalposts.envs import generate, get_world, survey_levels
    from goalposts.envs.gymnasium_envs import make_vector_env
    from goalposts.envs.worlds.contract.condition_names import format_condition

    found = {}
    for condition in get_world(name).conditions:
        label = format_condition(condition.name, condition.parameter)
        levels = generate(name, label, SEED, LEVELS)
        survey = survey_levels(levels)
        found[f"{name} {label} levels"] = digest(levels.tiles, levels.sizes, levels.index)
        found[f"{name} {label} planner"] = digest(*(getattr(survey, field.name) for field in fields(survey)))
    luck = np.random.default_rng(SEED)
    envs: Any = make_vector_env(num_envs=32, world=name, condition=get_world(name).default_condition("shift"))
    seen = [np.asarray(envs.reset(seed=SEED)[0])]
    for _ in range(STEPS):
        observation, reward, ended, cut, _ = envs.step(luck.integers(0, envs.single_action_space.n, 32))
        seen += [observation.copy(), np.asarray(reward), np.asarray(ended), np.asarray(cut)]
    found[f"{name} rules"] = digest(*seen)
    return found


def of_measurement() -> dict[str, str]:
    """Digests of intervals and bootstraps to ten digits, since libraries may round further digits differently."""
    from goalposts.experiments.measurement.intervals import (
        hierarchical_difference,
        hierarchical_mean,
        hierarchical_rate,
        wilson,
    )

    luck = np.random.default_rng(SEED)
    events = luck.integers(0, 2, (5, 200)).astype(float)
    trials = np.ones_like(events)
    values = [wilson(k, 40) for k in (0, 1, 7, 39, 40)]
    values += [hierarchical_rate(events, trials), hierarchical_rate(events[:1], trials[:1])]
    values += [hierarchical_mean(events + 0.5, (0.0, 2.0)), hierarchical_difference(events - events[:, ::-1])]
    numbers = [f"{v:.10g}" for one in values if one for v in (one.value, one.low, one.high)]
    return {"measurement": hashlib.sha256(" ".join(numbers).encode()).hexdigest()[:16]}


def all_digests(*worlds: str) -> dict[str, str]:
    """Digests of these worlds, or of every shipped one, and of the measurement."""
    from goalposts.registration import WORLDS

    found = {}
    for name in worlds or WORLDS:
        found |= of_world(name)
    return found | of_measurement()


if __name__ == "__main__":
    print(json.dumps(all_digests(*sys.argv[1:]), indent=1))
