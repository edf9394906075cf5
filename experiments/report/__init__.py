"""Reports and films: tables and rollouts in, pictures out.

`data` says what a page needs; `page` builds the HTML, `figures` the charts, `film` the GIFs. Nothing here imports envs, agents or torch.
"""

from .data import (
    AgentSection,
    ConditionNote,
    Exploration,
    Leakage,
    OutcomeRow,
    Place,
    Replay,
    ReportData,
    SpriteSheet,
    WorldWords,
)

__all__ = [
    "AgentSection",
    "ConditionNote",
    "Exploration",
    "Leakage",
    "OutcomeRow",
    "Place",
    "Replay",
    "ReportData",
    "SpriteSheet",
    "WorldWords",
]
