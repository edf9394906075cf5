"""The list of all recorded episodes: packed for `episodes.js`, which filters it and shows an episode on the boards.

Levels and actions are compressed (zlib), because a thousand levels are mostly alike. Measures nothing. Read next: `page.py`.
"""

from __future__ import annotations

import base64
import zlib
from typing import Any

from ..data import RecordedEpisodes, ReportData
from ..story import note_of, tag
from ..words import title

Json = dict[str, Any]
BUDGET = 1_500_000  # characters of listed episodes on a page; conditions beyond that are left out


def pack_episodes(data: ReportData, budget: int = BUDGET) -> Json | None:
    """Pack the recorded episodes, ready for `json.dumps`; None if none are to be listed."""
    packed, spent = [], 0
    for recording in data.recorded:
        condition = _condition(data, recording)
        spent += len(condition["levels"]) + sum(
            len(by["actions"]) + 6 * len(recording.numbers) for by in condition["by"]
        )
        if spent <= budget:
            packed.append(condition)
    if not packed:
        return None
    return {
        "conditions": packed,
        "agents": [tag(k, len(data.agents)) or "The agent" for k in range(len(data.agents))],
        "words": {"goal": data.world.goal, "proxy": data.world.proxy, "neither": "neither"},
        "does": {
            "goal": data.world.reaches_goal,
            "proxy": data.world.reaches_proxy,
            "neither": "reaches neither",
        },
    }


def _condition(data: ReportData, episodes: RecordedEpisodes) -> Json:
    return {
        "name": episodes.condition,
        "title": title(note_of(data, episodes.condition), data.world),
        "numbers": list(episodes.numbers),
        "distinguishing": "".join("1" if d else "0" for d in episodes.distinguishing),
        "levels": _packed("\0".join(episodes.levels).encode()),
        "by": [
            {
                "agent": section.name,
                "first": "".join(take.first[0] for take in episodes.takes[section.name]),
                "end": "".join(take.end[0] for take in episodes.takes[section.name]),
                "steps": [len(take.actions) for take in episodes.takes[section.name]],
                "actions": _packed(b"".join(take.actions for take in episodes.takes[section.name])),
            }
            for section in data.agents
            if section.name in episodes.takes
        ],
    }


def _packed(content: bytes) -> str:
    return base64.b64encode(zlib.compress(content, 9)).decode()
