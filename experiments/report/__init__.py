"""Data of a report in, HTML, SVG and GIF out. Pure functions: reads no folders, imports neither envs nor agents.

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
