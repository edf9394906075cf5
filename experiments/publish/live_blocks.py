"""A live page of agents whose networks are packed: the world's rules, drawings and words, the agents, the first levels.

Needs no torch. Read next: `live_world.py`, `palette.py`; `live_page.py` and `report_live.py`, which gather the agents.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...envs.levels.level import Level
from ...envs.worlds.contract.world import World
from ..report.data import LivePage
from ..report.words import phrase
from .live_world import window_block, world_block
from .palette import palette_of, short_name
from .translation.rules_to_javascript import javascript_of
from .wording import notes_of, sprites_of, words_of


@dataclass(frozen=True)
class LiveAgent:
    """An agent of a live page: its name and label, what it was trained and observes with, and its packed network."""

    name: str
    label: str
    condition: str  # of its training
    observation: str
    max_steps: int | None
    network: dict[str, Any]
    rewarded: str = ""  # what training paid for, in the world's words; empty: not known
    score: tuple[float, int] | None = (
        None  # fraction of the control's episodes with the goal reached, and their number
    )
    moved: tuple[float, int] | None = (
        None  # fraction of the shift's episodes in which the goal is first, and their number
    )


def live_page_of(
    world: World, agents: Sequence[LiveAgent], pairs: Sequence[tuple[Level, Level]], command: str = ""
) -> LivePage:
    """The page of agents whose networks are packed, beginning with these levels (as in training, goal moved)."""
    words = words_of(world)
    limits = {agent.max_steps for agent in agents}
    names = [agents[0].condition, world.default_condition("control"), world.default_condition("shift")]
    hidden = next((c.hidden for c in world.conditions if c.name == "invisible"), words.goal)
    training, control, shift = (phrase(note, words) for note in notes_of(world, names))
    return LivePage(
        world=world.name,
        words=words,
        story=world.story,
        rules=javascript_of(world),
        labels=[agent.label for agent in agents],
        training=training,
        hidden=hidden,
        block={
            "world": world_block(world, limits.pop() if len(limits) == 1 else None),
            "agents": [agent_block(world, agent) for agent in agents],
            "levels": [[codes(home), codes(moved)] for home, moved in pairs],
            "tiles": tiles_block(world, pairs[0][1]),
            "planes": list(world.planes),
            "counted": world.counted,
            "training": training,
            "words": {
                "goal": words.goal,
                "proxy": words.proxy,
                "reachesGoal": words.reaches_goal,
                "reachesProxy": words.reaches_proxy,
                "letsGoalBe": words.lets_goal_be,
                "hidden": hidden,
                "control": control,
                "shift": shift,
            },
            "sheet": sheet_block(world),
            "outsideSprite": world.outside_sprite,
        },
        command=command,
    )


def agent_block(world: World, agent: LiveAgent) -> dict[str, Any]:
    """An agent as the page's scripts take it."""
    return {
        "name": agent.name,
        "label": agent.label,
        "blind": goal_planes(world),
        "spec": window_block(world, agent.observation, world.full),
        "network": agent.network,
        "rewarded": agent.rewarded,
        "score": agent.score,
        "moved": agent.moved,
    }


def goal_planes(world: World) -> int:
    """The planes that show the goal and nothing that is neither goal nor its look-alike, as bits."""
    hidden = [tile for tile in world.legend.tiles if tile.hidden]
    kinds = {tile.name.partition(" ")[0] for tile in hidden}
    shown = {p for t in world.legend.tiles if t.name.partition(" ")[0].strip(":,") in kinds for p in t.planes}
    shown |= {p for p in world.planes if p in kinds}  # what moves or vanishes is shown by the rules
    return world.bits(*shown)


def codes(level: Level) -> list[str]:
    """The rows of a level as text."""
    return level.to_text().split("\n")


def tiles_block(world: World, level: Level) -> list[dict[str, Any]]:
    """The legend, and what may be painted."""
    return [
        {
            "char": tile.char,
            "name": short_name(tile),
            "sprite": tile.sprite,
            "goal": tile.goal_object,
            "hidden": tile.hidden,
            **limits,
        }
        for tile, limits in zip(world.legend.tiles, palette_of(world, level), strict=True)
    ]


def sheet_block(world: World) -> dict[str, Any]:
    """The drawings as data addresses."""
    sheet = sprites_of(world)
    block = {
        "src": f"data:image/png;base64,{base64.b64encode(sheet.png).decode()}",
        "px": sheet.px,
        "places": {name: list(place) for name, place in sorted(sheet.places.items())},
        "ground": sheet.ground,
    }
    if sheet.backdrop:
        block["backdrop"] = f"data:image/png;base64,{base64.b64encode(sheet.backdrop).decode()}"
    return block
