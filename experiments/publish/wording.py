"""A world's wording and sprites for a page: notes on conditions, labels of agents, the sprite sheet.

Reads no tables. Read next: `run_report.py`, which fills a report with them."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence

import numpy as np
from PIL import Image

from ...envs.render.backdrop import backdrop
from ...envs.render.look import look_of
from ...envs.render.render import FLOORS
from ...envs.render.sprites import sheet
from ...envs.worlds.contract.world import World
from ..config.schema import EnvConfig, ExperimentConfig
from ..evaluation.evaluated_run import Evaluated
from ..report.data import ConditionNote, RolloutLike, SpriteSheet, WorldWords
from ..report.words import phrase

PX, BACKDROP_PX = 16, 8
ADOPTED = "adopted"  # the method of a run that `goalposts adopt` made


def notes_of(world: World, names: Sequence[str]) -> list[ConditionNote]:
    """Describe conditions for a page."""
    conditions = (world.condition_or_own(name) for name in names)
    return [
        ConditionNote(name, c.role, c.distinguishes, c.phrase_of(), has_goal=c.absent != "goal")
        for name, c in zip(names, conditions, strict=True)
    ]


def words_of(world: World) -> WorldWords:
    """Return the nouns and verbs that reports use for a world."""
    return WorldWords(world.name, **world.words)


def label_of(item: Evaluated) -> str:
    """Describe an agent's training: "trained with the coin at the edge"; the name of an untrained player.

    Of an adopted agent no training is known: its folder's config has the defaults of `env`.
    """
    method = item.config.method
    if method is not None and method.name == ADOPTED:
        return "adopted, its training unknown"
    return item.config.name if item.untrained() else training_label(item.world, item.config.env)


def training_label(world: World, env: EnvConfig) -> str:
    """Describe a training environment: "trained with the coin at the edge", and what was rewarded if not the goal."""
    words = words_of(world)
    note = notes_of(world, [env.condition])[0]
    what = {"goal": "", "proxy": f", rewarded for {words.proxy} instead"}.get(
        env.reward, f", rewarded for {words.proxy} as well"
    )
    return f"trained {phrase(note, words)}{what}"


def rewarded_for(world: World, config: ExperimentConfig) -> str:
    """What an agent was rewarded for, in its world's words: "the coin"; empty for an adopted one, of which that is not known."""
    if config.method is not None and config.method.name == ADOPTED:
        return ""
    words = words_of(world)
    either = f"{words.goal} or {words.proxy}, whichever came first"
    return {"goal": words.goal, "proxy": words.proxy}.get(config.env.reward, either)


def names_in(rollouts: Iterable[RolloutLike]) -> list[str]:
    """List the distinct names of all sprites in rollouts."""
    names: dict[str, None] = {}
    for rollout in rollouts:
        names.update(dict.fromkeys(name for row in rollout.tiles for name in row))
        names.update(dict.fromkeys(sprite.name for frame in rollout.frames for sprite in frame))
    return list(names)


def sprites_of(world: World, shown: Iterable[str] = ()) -> SpriteSheet:
    """Build the sprite sheet of a page, with the world's backdrop. shown: names of further sprites on the page."""
    image, places = sheet(PX, look_of(world.name), shown)
    floor = next((tile.sprite for tile in world.legend.tiles if tile.sprite in FLOORS), None)
    if floor is not None:  # seen from above
        return SpriteSheet(_png(image), places, PX, ground=floor)
    behind = _png(backdrop(*world.full, BACKDROP_PX))
    return SpriteSheet(_png(image), places, PX, backdrop=behind, backdrop_px=BACKDROP_PX)


def _png(image: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return buffer.getvalue()
