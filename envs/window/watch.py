"""The view for watching an agent play a level, forwards and backwards at any speed.

The rules replay the player's decisions (`model.Player`), which makes it possible to step back. The overlays
come from `overlays.py`. Read next: `panel.py`, the side panel.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import numpy as np

from goalposts.errors import UserError

from ..engine.proxy_cells import proxy_cells
from ..render.render import draw
from ..render.sprites import sprite
from ..worlds.contract.world import GOAL
from .canvas import SMALL, TEXT, Canvas, lay_heat, lay_way, pygame, surface_of
from .model import Course, Episode, Player, ShownEpisode
from .overlays import plan_of, shortest_way, steps_layer, value_layer
from .panel import LAYERS, SPEEDS, outcome_words, watch_panel
from .view import TILES, Board, Key, View

HEAD = 44  # pixels above a level for its agent and outcome
HOLD = 2500  # milliseconds for which the end of an episode is shown


class Watch(View):
    """Players on the levels of a course. `at`: initial condition and level number."""

    def __init__(self, course: Course, players: Sequence[Player], at: tuple[str, int] | None = None) -> None:
        self.course, self.players = course, list(players)
        condition, number = at or (course.conditions[0], 0)
        self.condition, self.number = course.conditions.index(condition), course.number(number)
        self.player, self.at, self.speed = 0, 0, 2
        self.playing, self.sampled = True, True
        self.probabilities, self.camera, self.trail = True, False, True
        self.to_goal = self.to_proxy = False
        self.layer = 0
        self.two = len(self.players) > 1  # this agent and the next one, side by side
        self._since = 0
        self._board, self._second = Board(), Board()
        self._ready: dict[tuple[int, int, int, bool], ShownEpisode] = {}
        self._heat: tuple[object, np.ndarray] | None = None

    @property
    def title(self) -> str:  # type: ignore[override]
        """Window title."""
        return f"Goalposts: {self.who.label} on {self.course.conditions[self.condition]}"

    @property
    def who(self) -> Player:
        """The current player."""
        return self.players[self.player]

    @property
    def last(self) -> int:
        """The last step on the screen: of the longer episode where there are two."""
        ends = [len(self.shown.episode.actions)]
        if self.two:
            with self._next_one():
                ends.append(len(self.shown.episode.actions))
        return max(ends)

    @property
    def moment(self) -> int:
        """The step of the current player's episode: its last one if another episode is longer."""
        return min(self.at, len(self.shown.episode.actions))

    @contextmanager
    def _next_one(self) -> Iterator[None]:
        """Make the next player the current one for a while."""
        player, heat = self.player, self._heat
        self.player = (player + 1) % len(self.players)
        try:
            yield
        finally:
            self.player, self._heat = player, heat

    @property
    def shown(self) -> ShownEpisode:
        """The episode on the screen."""
        key = (self.player, self.condition, self.number, self.sampled)
        if key not in self._ready:
            if len(self._ready) > 64:
                self._ready.clear()
            self._ready[key] = self._made()
        return self._ready[key]

    def keys(self) -> list[Key]:
        """Keys for watching."""
        keys = [
            Key(
                ("space",),
                "Space",
                "pause",
                self._pause,
                "play, pause or replay",
                lambda: not self.playing,
            ),
            Key(("right", "."), "→", "step", lambda: self._step(1), "one step forward, and pause"),
            Key(("left", ","), "←", "back", lambda: self._step(-1), "one step back, and pause"),
            Key(("home",), "Home", "start", lambda: self._go(0), "to the start of the episode", bar=False),
            Key(("end",), "End", "end", lambda: self._go(1 << 30), "to the end of the episode", bar=False),
            Key(("+", "=", "up"), "+", "faster", lambda: self._faster(1), "more steps per second (also ↑)"),
            Key(("-", "down"), "−", "slower", lambda: self._faster(-1), "fewer steps per second (also ↓)"),
            Key(("n", "page down"), "N", "next level", lambda: self._move(1), "next level (also Page Down)"),
            Key(("b", "page up"), "B", "previous", lambda: self._move(-1), "previous level (also Page Up)"),
        ]
        if len(self.course.conditions) > 1:
            keys.append(
                Key(("c", "tab"), "C", "condition", self._next_condition, "same layout, next condition")
            )
        if len(self.players) > 1:
            keys.append(Key(("a",), "A", "agent", self._next_player, "same level, next agent"))
            keys.append(
                Key(
                    ("o",),
                    "O",
                    "both",
                    lambda: self._turn("two"),
                    "two agents side by side, or one",
                    lambda: self.two,
                )
            )
        return [
            *keys,
            Key(("m",), "M", "likeliest", self._mode, "likeliest or sampled actions",
                lambda: not self.sampled),
            Key(("p",), "P", "probabilities", lambda: self._turn("probabilities"), "action probabilities", lambda: self.probabilities),
            Key(("v",), "V", "values", self._next_layer, "per cell: the critic's value, steps to goal, steps to proxy",
                lambda: self.layer > 0),
            Key(("g",), "G", "path to goal", lambda: self._turn("to_goal"), "the shortest path to the goal", lambda: self.to_goal),
            Key(("x",), "X", "path to proxy", lambda: self._turn("to_proxy"), "the shortest path to the proxy",
                lambda: self.to_proxy),
            Key(("f",), "F", "camera", lambda: self._turn("camera"), "what the agent sees", lambda: self.camera),
            Key(("t",), "T", "trail", lambda: self._turn("trail"), "where the agent has been", lambda: self.trail),
        ]  # fmt: skip

    def tick(self, ms: int) -> None:
        """Advance the episode and, after a pause at its end, start the next."""
        if not self.playing:
            return
        self._since += ms
        last = self.last
        if self.at < last:
            while self._since >= 1000 / SPEEDS[self.speed] and self.at < last:
                self._since -= round(1000 / SPEEDS[self.speed])
                self.at += 1
        elif self._since >= HOLD:
            self._move(1)

    def mouse(self, kind: str, place: tuple[int, int], button: int) -> None:
        """Drag the progress line below the level."""
        line = self._line()
        if button == 1 and kind in ("down", "move") and line.inflate(0, 24).collidepoint(place):
            share = (place[0] - line.x) / max(line.width, 1)
            self._go(round(share * self.last))

    def paint(self, canvas: Canvas, room: pygame.Rect, side: pygame.Rect) -> None:
        """Draw the level at this moment, the progress line and the side panel."""
        above = pygame.Rect(room.x, room.y, room.width, room.height - 36)
        if self.two:
            first, second = halves(above, self.shown.level.tiles.shape)
            self._show(canvas, first, self._board, True)
            with self._next_one():
                self._show(canvas, second, self._second, True)
        else:
            self._show(canvas, above, self._board, False)
        canvas.bar(self._line(), self.at / max(self.last, 1), canvas.theme.muted)
        watch_panel(self, canvas, side)

    def _show(self, canvas: Canvas, room: pygame.Rect, board: Board, named: bool) -> None:
        """Draw the current player's episode; `named`: with the player and the outcome above it."""
        shown = self.shown
        moment = shown.episode.moments[self.moment]
        focus = (int(moment.state[0]), int(moment.state[1]))
        if named:
            room = pygame.Rect(room.x, room.y + HEAD, room.width, room.height - HEAD)
        board.show(canvas, room, shown.level.tiles.shape, focus, self._image(canvas))
        if named:
            place = board.place
            canvas.text(self.who.label, place.x, place.y - HEAD, TEXT, bold=True, width=room.width)
            text = shown.trouble or outcome_words(self.course.world, moment)
            canvas.text(text, place.x, place.y - HEAD // 2, SMALL, canvas.theme.muted, width=room.width)

    def heat(self) -> tuple[np.ndarray | None, str]:
        """The current overlay, float[H, W] or None, and the reason if a requested overlay is missing."""
        kind, shown = LAYERS[self.layer], self.shown
        if kind == "none":
            return None, ""
        if kind == "critic" and self.who.value is None:
            return None, f"{self.who.label} has no critic"
        now = shown.episode.moments[self.moment].state
        key = (kind, self.player, shown.level, now.tobytes())
        if self._heat is None or self._heat[0] != key:
            plan = plan_of(shown.level)
            if kind == "critic":
                value, level = self.who.value, shown.level
                assert value is not None
                layer = value_layer(plan, now, lambda states: value(level, states))
            else:
                mask = GOAL if kind == "goal" else self.course.world.proxies[0].mask
                layer = steps_layer(plan, now, mask)
            self._heat = (key, layer)
        layer = self._heat[1]
        return (None, f"the {kind} cannot be reached from any cell") if np.isnan(layer).all() else (layer, "")

    def _image(self, canvas: Canvas):
        shown, theme = self.shown, canvas.theme
        at = self.moment
        moment = shown.episode.moments[at]
        layer, _ = self.heat()

        def image(px: int) -> pygame.Surface:
            cells = () if shown.trouble else proxy_cells(self.course.world, shown.level)
            scene = replace(moment.scene, trail=shown.episode.trail(at), proxy=cells)
            if layer is None:
                surface = surface_of(draw(scene, px, self.camera, self.trail))
            else:
                surface = surface_of(draw(replace(scene, sprites=()), px, self.camera, False))
                colour = {"critic": theme.critic, "goal": theme.goal, "proxy": theme.proxy}[
                    LAYERS[self.layer]
                ]
                low, high = float(np.nanmin(layer)), float(np.nanmax(layer))
                if LAYERS[self.layer] != "critic":
                    low, high = high, low  # dark means near
                lay_heat(surface, layer, px, colour, low, high)
                goals = self.course.world.legend.goal_codes()[shown.level.tiles]
                for row, col in np.argwhere(goals):
                    _put(surface, scene.tiles[row][col], int(row), int(col), px)
                for thing in scene.sprites:
                    _put(surface, thing.name, thing.row, thing.col, px)
            if not shown.trouble and (self.to_goal or self.to_proxy):
                plan, proxy = plan_of(shown.level), self.course.world.proxies[0].mask
                if self.to_proxy and moment.end == "running":
                    lay_way(
                        surface,
                        shortest_way(plan, moment.state, proxy, GOAL),
                        px,
                        theme.proxy,
                        max(2, px // 12),
                    )
                if self.to_goal and moment.end == "running":
                    lay_way(
                        surface,
                        shortest_way(plan, moment.state, GOAL, proxy),
                        px,
                        theme.goal,
                        -max(2, px // 12),
                    )
            return surface

        return image

    def _line(self) -> pygame.Rect:
        place = self._board.place.union(self._second.place) if self.two else self._board.place
        return pygame.Rect(place.x, place.bottom + 14, place.width, 8)

    def _made(self) -> ShownEpisode:
        level = self.course.level(self.course.conditions[self.condition], self.number)
        try:
            decisions = self.who.decide(level, self.number, self.sampled)
        except UserError as error:
            return ShownEpisode(level, Episode(level), None, str(error))
        episode = Episode(level, self.who.observation, self.who.max_steps, decisions.actions)
        return ShownEpisode(level, episode, decisions.probabilities)

    def _pause(self) -> None:
        if self.at >= self.last:
            self._again()
            self.playing = True
        else:
            self.playing = not self.playing
        self._since = 0

    def _step(self, by: int) -> None:
        self._go(self.at + by)

    def _go(self, to: int) -> None:
        self.playing = False
        self.at = min(max(to, 0), self.last)

    def _faster(self, by: int) -> None:
        self.speed = min(max(self.speed + by, 0), len(SPEEDS) - 1)

    def _move(self, by: int) -> None:
        self.number = self.course.number(self.number + by)
        self._again()

    def _next_condition(self) -> None:
        self.condition = (self.condition + 1) % len(self.course.conditions)
        self._again()

    def _next_player(self) -> None:
        self.player = (self.player + 1) % len(self.players)
        self._again()

    def _mode(self) -> None:
        self.sampled = not self.sampled
        self._again()

    def _again(self) -> None:
        self.at = self._since = 0

    def _next_layer(self) -> None:
        self.layer = (self.layer + 1) % len(LAYERS)
        if LAYERS[self.layer] == "critic" and self.who.value is None:
            self.layer += 1

    def _turn(self, what: str) -> None:
        setattr(self, what, not getattr(self, what))
        self.at = min(self.at, self.last)


def halves(room: pygame.Rect, shape: tuple[int, int]) -> tuple[pygame.Rect, pygame.Rect]:
    """Two places in `room` for levels of `shape`: side by side, or one above the other where the tiles are larger so."""
    gap = 2 * HEAD // 3
    wide = pygame.Rect(room.x, room.y, (room.width - gap) // 2, room.height)
    high = pygame.Rect(room.x, room.y, room.width, (room.height - gap) // 2)

    def tile(box: pygame.Rect) -> int:
        fits = (px for px in TILES if shape[0] * px <= box.height - HEAD and shape[1] * px <= box.width)
        return next(fits, 0)

    if tile(high) > tile(wide):
        return high, high.move(0, high.height + gap)
    return wide, wide.move(wide.width + gap, 0)


def _put(target: pygame.Surface, name: str, row: int, col: int, px: int) -> None:
    drawn = sprite(name, px)
    image = pygame.image.frombuffer(drawn.tobytes(), (px, px), "RGBA")
    target.blit(image, (col * px, row * px))
