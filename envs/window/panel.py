"""Side panel of a level: player, condition, outcome so far, the planner's results and action probabilities.

Draws only. Read next: `canvas.py`.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from goalposts.outcome_words import as_label

from ..planner.planner import Plan
from ..worlds.contract.world import World
from .canvas import HEADING, SMALL, TEXT, Canvas, pygame
from .model import Course, Moment, Player, ShownEpisode
from .overlays import plan_of

GAP = 10
SPEEDS = (1, 2, 4, 8, 16, 32)  # steps per second
LAYERS = ("none", "critic", "goal", "proxy")


class Watching(Protocol):
    """Interface that the panel needs from a view."""

    course: Course
    players: list[Player]
    player: int
    condition: int
    number: int
    at: int
    speed: int
    layer: int
    playing: bool
    sampled: bool
    probabilities: bool

    @property
    def who(self) -> Player:
        """The current player."""
        ...

    @property
    def shown(self) -> ShownEpisode:
        """The episode on the screen."""
        ...

    def heat(self) -> tuple[np.ndarray | None, str]:
        """The overlay on the cells or None, and the reason if it is missing."""
        ...


def watch_panel(view: Watching, canvas: Canvas, side: pygame.Rect) -> None:
    """Draw the side panel of a watched level."""
    shown, theme = view.shown, canvas.theme
    moment = shown.episode.moments[min(view.at, len(shown.episode.actions))]
    x, y, width = side.x, side.y, side.width
    many = f"agent {view.player + 1} of {len(view.players)}" if len(view.players) > 1 else "agent"
    canvas.text(many, x, y, SMALL, theme.muted)
    y = canvas.paragraph(view.who.label, x, y + 18, width, HEADING, bold=True)
    y = condition_words(canvas, view.course, view.condition, view.number, x, y + GAP, width)
    y = rule(canvas, x, y, width)
    if shown.trouble:
        canvas.paragraph(shown.trouble, x, y, width, TEXT, theme.wrong)
        return
    y = moment_words(canvas, view.course.world, moment, shown.episode.limit, x, y, width)
    pace = "paused" if not view.playing else f"{SPEEDS[view.speed]} steps per second"
    drawn = "sampled actions" if view.sampled else "likeliest actions"
    canvas.text(f"{pace}; {drawn}", x, y, SMALL, theme.muted, width=width)
    y = rule(canvas, x, y + 22, width)
    y = plan_words(canvas, view.course.world, plan_of(shown.level), x, y, width)
    y = rule(canvas, x, y, width)
    if view.probabilities:
        y = odds_words(view, canvas, x, y, width)
    layer, why_not = view.heat()
    if layer is not None:
        kind = LAYERS[view.layer]
        title = {"critic": "the critic's value of each cell"}.get(kind, f"steps to the {kind} from each cell")
        ends = (float(np.nanmin(layer)), float(np.nanmax(layer)))
        y = scale(canvas, title, ends, kind, x, y + 4, width)
    elif why_not:
        canvas.paragraph(why_not, x, y + 4, width, SMALL, theme.wrong)


def condition_words(
    canvas: Canvas, course: Course, which: int, number: int, x: int, y: int, width: int
) -> int:
    """Write the condition of the level and what it distinguishes."""
    name = course.conditions[which]
    place = f" of {course.count}" if course.count is not None else ""
    canvas.text(name, x, y, TEXT, bold=True, width=width - 110)
    canvas.text(f"level {number}{place}", x + width, y, TEXT, canvas.theme.muted, right=True)
    return canvas.paragraph(course.notes.get(name, ""), x, y + 23, width, SMALL, canvas.theme.muted)


def moment_words(canvas: Canvas, world: World, moment: Moment, limit: int, x: int, y: int, width: int) -> int:
    """Write the state of the episode: the step, the first touch and the end."""
    canvas.text(f"step {moment.steps}", x, y, TEXT, bold=True)
    canvas.text(f"of at most {limit}", x + width, y, TEXT, canvas.theme.muted, right=True)
    y += 25
    words = outcome_words(world, moment)
    if moment.first != "neither" or moment.end != "running":
        canvas.sign(moment.first, x, y + 3)
        return canvas.paragraph(words, x + 22, y, width - 22, TEXT, bold=True) + 3
    return canvas.paragraph(words, x, y, width, TEXT, canvas.theme.muted) + 3


def outcome_words(world: World, moment: Moment) -> str:
    """Describe the first touch and the end of the episode in the world's own terms."""
    return as_label(moment.first, moment.end, world.words["goal"], world.words["proxy"])


def plan_words(canvas: Canvas, world: World, plan: Plan, x: int, y: int, width: int) -> int:
    """Write the planner's results for the level."""
    theme = canvas.theme
    canvas.text("the planner's shortest paths from the start", x, y, SMALL, theme.muted, width=width)
    y += 22
    for first, what, steps in (
        ("goal", world.words["goal"], plan.steps_to_goal),
        ("proxy", world.words["proxy"], plan.steps_to_proxy),
    ):
        canvas.sign(first, x, y + 3)
        canvas.text(f"to {what}", x + 22, y, TEXT, width=width - 110)
        told = "unreachable" if steps is None else f"{steps} steps"
        canvas.text(told, x + width, y, TEXT, theme.ink if steps is not None else theme.wrong, right=True)
        y += 24
    if plan.distinguishing:
        words = "distinguishing: the first touch reveals which of the two the agent wants"
        if plan.detour:
            words += f" ({plan.detour} step{'' if plan.detour == 1 else 's'} more to touch both)"
    elif not plan.solvable:
        words = "not solvable: goal and proxy must both be reachable"
    else:
        words = "not distinguishing: the paths to both share the same cells"
    return canvas.paragraph(words, x, y, width, SMALL, theme.muted)


def odds_words(view: Watching, canvas: Canvas, x: int, y: int, width: int) -> int:
    """Draw a bar for the probability of each action and mark the next action."""
    shown, theme = view.shown, canvas.theme
    actions = view.course.world.actions
    taken = shown.episode.actions[view.at] if view.at < len(shown.episode.actions) else None
    if shown.probabilities is None:
        words = f"{view.who.label} does not report action probabilities"
        return canvas.paragraph(words, x, y, width, SMALL, theme.muted) + GAP
    probabilities = (
        shown.probabilities[min(view.at, len(shown.probabilities) - 1)]
        if len(shown.probabilities)
        else np.zeros(len(actions))
    )
    for number, action in enumerate(actions):
        chosen = number == taken
        share = float(probabilities[number]) if taken is not None else 0.0
        canvas.text(action.name, x, y, SMALL, theme.ink if chosen else theme.muted, chosen, width=88)
        colour = theme.critic if chosen else theme.neither
        canvas.bar(pygame.Rect(x + 94, y + 3, width - 150, 11), share, colour)
        told = f"{100 * share:.0f}%" if taken is not None else "—"
        canvas.text(told, x + width, y, SMALL, theme.ink if chosen else theme.muted, chosen, right=True)
        y += 21
    return y + 4


def scale(
    canvas: Canvas, title: str, ends: tuple[float, float], kind: str, x: int, y: int, width: int
) -> int:
    """Draw the colour scale of the overlay."""
    theme = canvas.theme
    colour = {"critic": theme.critic, "goal": theme.goal, "proxy": theme.proxy}[kind]
    canvas.text(title, x, y, SMALL, bold=True, width=width)
    steps, wide = 60, width / 60
    for k in range(steps):
        share = k / (steps - 1) if kind == "critic" else 1 - k / (steps - 1)
        shade = [round(255 + (c - 255) * (0.08 + 0.92 * share)) for c in colour]
        canvas.fill(
            pygame.Rect(round(x + k * wide), y + 21, round(wide) + 1, 10), (shade[0], shade[1], shade[2])
        )
    form = "{:.2f}" if kind == "critic" else "{:.0f}"
    canvas.text(form.format(ends[0]), x, y + 34, SMALL, theme.muted)
    canvas.text(form.format(ends[1]), x + width, y + 34, SMALL, theme.muted, right=True)
    return y + 56


def rule(canvas: Canvas, x: int, y: int, width: int) -> int:
    """Draw a line between sections; returns the y below it."""
    pygame.draw.line(canvas.surface, canvas.theme.rule, (x, y + GAP), (x + width, y + GAP))
    return y + 2 * GAP
