"""Reports: render HTML, SVG and GIF from data, with pure functions that read no folders.

`data` defines the input; `page` builds the HTML, `figures` the charts, `film` the GIFs. Imports neither envs, agents nor torch.
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
