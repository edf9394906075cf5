"""The phenomenon in one film without a word: what each of two agents was trained on, then both on the same new level.

A row per agent, in the agent's colour. Left: levels that it was trained on, one after another. Then, at the right, the level with the
goal moved, and how each agent's episode ends. Nothing is drawn outside of the levels, so the film suits light and dark pages.
Chosen by rule: training levels that the agent solves, and the moved level on which the agents differ and the first one's path
keeps farthest from the goal. Read next: `films.py`, `experiments/report/film/encode.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageColor, ImageDraw, ImageFont

from goalposts.errors import UserError

from ...envs.generation.generate import generate
from ...envs.levels.level import Level
from ...envs.worlds.registry import get_world
from ..evaluation.evaluate import Subject, subject_of
from ..evaluation.replay import Rollout, replay
from ..evaluation.subjects import actions_on
from ..report.figures.charts import PALETTE
from ..report.film.encode import CLEAR, Pixels
from ..report.film.film import DARK, LIGHT
from ..runs.run import Run
from .live_page import distance

AGENTS = tuple(ImageColor.getrgb(PALETTE[f"agent-{k}"])[:3] for k in (1, 2))
COLUMNS = (10, 11)  # of the levels shown: few, so that the agent can be recognized on a phone
ROWS = 9  # shown of a level, if all that moves or is to be reached is in them
# Levels to choose from; solved ones among them; training levels to show.
LOOKED_AT, SOLVED, TRAINING = 240, 9, 3
TILE, BORDER, GAP, ARROW = 32, 5, 14, 44  # pixels
WAIT, LAST = 5, 10  # frames
SHORTEST = 4  # steps of an episode that shows something


def wordless_film(runs: Sequence[Run]) -> list[Pixels]:
    """Frames of the film of two runs of one world. Raises UserError for other runs, or if no level shows a difference."""
    if len(runs) != 2:
        raise UserError(f"{len(runs)} runs were given; --wordless compares two")
    subjects = [subject_of(run) for run in runs]
    if subjects[0].world != subjects[1].world:
        raise UserError("the runs are of different worlds; --wordless compares two of one world")
    tests = _moved(subjects)
    lessons = [_lessons(subject) for subject in subjects]
    left = [[image for rollout in some for image in _held(rollout)] for some in lessons]
    right = [_held(rollout, LAST) for rollout in tests]
    return _compose(left, right, [rollout.outcome_first for rollout in tests])


def _levels(subject: Subject, condition: str) -> list[tuple[int, Level]]:
    """Numbered levels of a condition that are neither too wide nor too narrow; all of them if none is."""
    seed = subject.config.evaluate.level_seed if subject.config else 0
    levels = list(enumerate(generate(get_world(subject.world), condition, seed, LOOKED_AT)))
    return [(k, level) for k, level in levels if level.tiles.shape[1] in COLUMNS] or levels


def _played(subject: Subject, number: int, level: Level) -> Rollout:
    actions = actions_on(subject, level, number, sampled=False)
    return replay(level, actions, subject.observation, subject.max_steps)


def _lessons(subject: Subject) -> list[Rollout]:
    """Levels of the agent's own training on which it reaches the goal, with goals in different places."""
    world = get_world(subject.world)
    condition = subject.config.env.condition if subject.config else world.default_condition("train")
    by_size: dict[tuple[int, int], list[Rollout]] = {}  # the images of a film have one size
    for number, level in _levels(subject, condition):
        rollout = _played(subject, number, level)
        if rollout.outcome_first == "goal" and rollout.steps >= SHORTEST:
            rows = _rows(rollout)
            size = (rows.stop - rows.start, level.tiles.shape[1])
            of_size = by_size.setdefault(size, [])
            of_size.append(rollout)
            if len(of_size) == SOLVED and size[0] <= ROWS:
                break
    chosen = max(by_size.values(), key=len, default=[])
    if not chosen:
        raise UserError("an agent reaches the goal on none of its training levels; train it longer")
    chosen.sort(key=lambda rollout: -_goal_column(rollout))
    spread = np.linspace(0, len(chosen) - 1, min(TRAINING, len(chosen)))
    return [chosen[round(k)] for k in spread]


def _goal_column(rollout: Rollout) -> int:
    level = Level.from_text(rollout.level_text, rollout.world)
    return int(np.argwhere(get_world(rollout.world).legend.goal_codes()[level.tiles])[0, 1])


def _moved(subjects: Sequence[Subject]) -> tuple[Rollout, Rollout]:
    """Episodes of both agents on the level that shows the difference most clearly."""
    world = get_world(subjects[0].world)
    best: tuple[float, tuple[Rollout, Rollout]] | None = None
    for number, level in _levels(subjects[0], world.default_condition("shift")):
        first = _played(subjects[0], number, level)
        if first.outcome_first != "proxy":
            continue
        second = _played(subjects[1], number, level)
        apart = (
            distance(world, level, np.array(first.actions)) + min(len(first.actions), len(second.actions)) / 8
        )
        if second.outcome_first == "goal" and (best is None or apart > best[0]):
            best = apart, (first, second)
    if best is None:
        raise UserError(
            "on no level does the first agent reach the proxy first and the second the goal; give the runs in the other order, "
            "or leave --wordless out"
        )
    return best[1]


def _rows(rollout: Rollout) -> slice:
    """Rows of the level to show: those around all that moves or is to be reached."""
    rows, height = [thing.row for frame in rollout.frames for thing in frame], len(rollout.tiles)
    bottom = min(height, max(rows) + 3)
    return slice(max(0, bottom - ROWS), bottom) if min(rows) > bottom - ROWS else slice(0, height)


def _held(rollout: Rollout, more: int = WAIT) -> list[Pixels]:
    rows = _rows(rollout)
    images = [image[rows.start * TILE : rows.stop * TILE] for image in rollout.images(TILE)]
    return [*images, *[images[-1]] * more]


def _compose(
    left: Sequence[Sequence[Pixels]], right: Sequence[Sequence[Pixels]], ends: Sequence[str]
) -> list[Pixels]:
    """Arrange the films: training at the left plays first, then the new level at the right; the endings come last."""
    sides = [[image for films in side for image in films] for side in (left, right)]
    widths = [max(image.shape[1] for image in side) + 2 * BORDER for side in sides]
    height = max(image.shape[0] for side in sides for image in side) + 2 * BORDER
    page = np.empty((2 * height + GAP, widths[0] + ARROW + widths[1], 3), np.uint8)
    page[:] = CLEAR
    taught, tested = (max(map(len, side)) for side in (left, right))
    frames = []
    for number in range(taught + WAIT + tested):
        frame = page.copy()
        for row in range(2):
            y = row * (height + GAP)
            own = left[row][min(number, len(left[row]) - 1)]
            _panel(
                frame,
                y + (height - own.shape[0]) // 2 - BORDER,
                widths[0] - own.shape[1] - 2 * BORDER,
                own,
                AGENTS[row],
            )
            step = number - taught
            if step < 0:
                _question(frame, y, widths[0] + ARROW, (height, widths[1]), AGENTS[row])
            else:
                now = right[row][min(max(0, step - WAIT), len(right[row]) - 1)]
                x = widths[0] + ARROW
                _arrow(frame, x - ARROW, y + height // 2, AGENTS[row])
                _panel(frame, y + (height - now.shape[0]) // 2 - BORDER, x, now, AGENTS[row])
                if step - WAIT >= len(right[row]) - LAST:
                    _badge(frame, x + now.shape[1] - 30, y + 34, ends[row])
        frames.append(frame)
    return frames


def _panel(frame: Pixels, y: int, x: int, image: Pixels, colour: tuple[int, int, int]) -> None:
    height, width = image.shape[:2]
    frame[max(0, y) : y + height + 2 * BORDER, x : x + width + 2 * BORDER] = colour
    frame[y + BORDER : y + BORDER + height, x + BORDER : x + BORDER + width] = image


def _draw(frame: Pixels, shapes) -> None:
    image = Image.fromarray(frame)
    shapes(ImageDraw.Draw(image))
    frame[:] = np.asarray(image)


def _arrow(frame: Pixels, x: int, y: int, colour: tuple[int, int, int]) -> None:
    """Draw an arrow from the training at the left to the new level at the right."""

    def shapes(pen: ImageDraw.ImageDraw) -> None:
        pen.line((x + 8, y, x + 26, y), colour, 7)
        pen.polygon(((x + 22, y - 13), (x + ARROW - 7, y), (x + 22, y + 13)), colour)

    _draw(frame, shapes)


def _question(frame: Pixels, y: int, x: int, size: tuple[int, int], colour: tuple[int, int, int]) -> None:
    """Hold the new level's place with a question mark until it is shown."""
    height, width = size

    def shapes(pen: ImageDraw.ImageDraw) -> None:
        pen.rectangle((x, y, x + width - 1, y + height - 1), colour)
        font = ImageFont.load_default(height // 2)
        pen.text((x + width / 2, y + height / 2), "?", DARK.ink, font, anchor="mm")

    _draw(frame, shapes)


def _badge(frame: Pixels, x: int, y: int, first: str) -> None:
    """Draw how the episode ended: a tick for the goal, a cross for anything else, in different colours."""
    colour, white = (LIGHT.goal if first == "goal" else LIGHT.proxy), DARK.ink

    def shapes(pen: ImageDraw.ImageDraw) -> None:
        pen.ellipse((x - 24, y - 24, x + 24, y + 24), colour, white, 3)
        if first == "goal":
            pen.line((x - 11, y + 1, x - 3, y + 9, x + 12, y - 9), white, 6)
        else:
            pen.line((x - 9, y - 9, x + 9, y + 9), white, 6)
            pen.line((x - 9, y + 9, x + 9, y - 9), white, 6)

    _draw(frame, shapes)
