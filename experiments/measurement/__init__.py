"""Tables in, numbers out: every rate, interval and curve. Imports neither envs nor agents nor torch.

Names are loaded when first used: a config that only wants `Thresholds` does not wait for polars.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .attribution import Attribution
    from .chance_correction import preference_beyond_chance
    from .conflict import ConflictCurve, conflict_curve
    from .episodes import SCHEMA, SCHEMA_VERSION, EpisodesError, read_episodes, validate, write_episodes
    from .intervals import Estimate, wilson
    from .paired_contrasts import goal_effect, paired_difference, regret
    from .probes import probe_table
    from .rates import (
        Outcomes,
        capability_in_distribution,
        capability_under_shift,
        goal_preference,
        misgeneralization_rate,
        outcomes,
    )
    from .verdict.thresholds import Thresholds
    from .verdict.verdict import Verdict, diagnose, diagnose_each

_HOME = {
    "attribution": ("Attribution",),
    "chance_correction": ("preference_beyond_chance",),
    "conflict": ("ConflictCurve", "conflict_curve"),
    "paired_contrasts": ("goal_effect", "paired_difference", "regret"),
    "episodes": ("SCHEMA", "SCHEMA_VERSION", "EpisodesError", "read_episodes", "validate", "write_episodes"),
    "intervals": ("Estimate", "wilson"),
    "probes": ("probe_table",),
    "rates": (
        "Outcomes",
        "capability_in_distribution",
        "capability_under_shift",
        "goal_preference",
        "misgeneralization_rate",
        "outcomes",
    ),
    "verdict.thresholds": ("Thresholds",),
    "verdict.verdict": ("Verdict", "diagnose", "diagnose_each"),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = [
    "SCHEMA",
    "SCHEMA_VERSION",
    "Attribution",
    "ConflictCurve",
    "EpisodesError",
    "Estimate",
    "Outcomes",
    "Thresholds",
    "Verdict",
    "capability_in_distribution",
    "capability_under_shift",
    "conflict_curve",
    "diagnose",
    "diagnose_each",
    "goal_effect",
    "goal_preference",
    "misgeneralization_rate",
    "outcomes",
    "paired_difference",
    "preference_beyond_chance",
    "probe_table",
    "read_episodes",
    "regret",
    "validate",
    "wilson",
    "write_episodes",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_MODULE_OF[name]}", __name__), name)
    globals()[name] = value
    return value
