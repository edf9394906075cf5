"""Rates, intervals and curves, computed from episodes tables. Imports neither envs nor agents nor torch.

Names load lazily, so a config that needs only `Thresholds` does not import polars.
"""

from typing import TYPE_CHECKING

from goalposts.lazy import lazy_exports

if TYPE_CHECKING:
    from .attribution import Attribution as Attribution
    from .chance_correction import preference_beyond_chance as preference_beyond_chance
    from .conflict import ConflictCurve as ConflictCurve, conflict_curve as conflict_curve
    from .episodes import (
        SCHEMA as SCHEMA,
        SCHEMA_VERSION as SCHEMA_VERSION,
        EpisodesError as EpisodesError,
        read_episodes as read_episodes,
        validate as validate,
        write_episodes as write_episodes,
    )
    from .level_counts import repeated_levels as repeated_levels
    from .intervals import Estimate as Estimate, wilson as wilson
    from .paired_contrasts import (
        goal_effect as goal_effect,
        paired_difference as paired_difference,
        regret as regret,
    )
    from .probes import probe_table as probe_table
    from .rates import (
        Outcomes as Outcomes,
        capability_in_distribution as capability_in_distribution,
        capability_under_shift as capability_under_shift,
        goal_preference as goal_preference,
        misgeneralization_rate as misgeneralization_rate,
        normalized_regret as normalized_regret,
        outcomes as outcomes,
    )
    from .verdict.thresholds import Thresholds as Thresholds
    from .verdict.verdict import Verdict as Verdict, diagnose as diagnose, diagnose_each as diagnose_each

__getattr__, __all__ = lazy_exports(__name__)
