"""Reports and films: tables and rollouts in, pictures out.

`data` says what a page needs; `page` builds the HTML, `figures` the charts, `film` the GIFs. Nothing here imports envs, agents or torch.
"""

from .data import (
    AgentSection,
    ConditionNote,
    Leakage,
    OutcomeRow,
    Replay,
    ReportData,
    SpriteSheet,
    WorldWords,
)

__all__ = [
    "AgentSection",
    "ConditionNote",
    "Leakage",
    "OutcomeRow",
    "Replay",
    "ReportData",
    "SpriteSheet",
    "WorldWords",
]
