"""The view for playing: a person at the keyboard, on the agents' levels and with the agents' view.

A step happens when a key is pressed or, optionally, at the ticks of a clock. Every step is passed to a `model.Game`,
which stores it. Read next: `panel.py`, the side panel.
"""

from __future__ import annotations

from dataclasses import replace

from ..engine.proxy_cells import proxy_cells
from ..render.render import draw
from ..worlds.contract.world import World
from .canvas import HEADING, SMALL, TEXT, Canvas, pygame, surface_of
from .model import Course, Episode, Game, Turn, as_the_agent_sees, unmasked
from .panel import GAP, outcome_words, rule
from .view import Board, Key, View

PACE = 160  # milliseconds per step while the clock runs
STAY = ("stay", "wait", "noop", "nothing")
_WAYS = {
    "left": ("left",),
    "west": ("left",),
    "right": ("right",),
    "east": ("right",),
    "up": ("up",),
    "north": ("up",),
    "down": ("down",),
    "south": ("down",),
    "jump": ("up", "space"),
}
_SHOWN = {"left": "←", "right": "→", "up": "↑", "down": "↓", "space": "Space"}


class Play(View):
    """View of a game. `whole`: show the whole level instead of the agents' camera."""

    def __init__(self, game: Game, whole: bool = False) -> None:
        self.game, self.whole = game, whole
        self.clock = False
        self._since, self._wish = 0, -1
        self._board = Board()
        self._names = action_keys(game.course.world)
        self._stay = next((k for k, a in enumerate(game.course.world.actions) if a.name in STAY), -1)
        self._begin(game.turn())

    @property
    def title(self) -> str:  # type: ignore[override]
        """Window title."""
        return f"Goalposts: {self.game.name} plays {self.game.course.world.name}"

    def keys(self) -> list[Key]:
        """Keys of the game: one for each action of the world, and a few more."""
        actions = self.game.course.world.actions
        keys = [
            Key(
                (*names, str(k + 1)),
                _SHOWN.get(names[0], names[0]) if names else str(k + 1),
                actions[k].name,
                lambda k=k: self._act(k),
                f"{actions[k].name} (also {k + 1})",
            )
            for k, names in enumerate(self._names)
        ]
        keys.append(
            Key(("return", "n"), "Enter", "next level", self._next, "next level, once this one has ended")
        )
        if self._stay >= 0:
            keys.append(
                Key(
                    ("r",),
                    "R",
                    "clock",
                    self._turn_clock,
                    "run the clock; held keys repeat",
                    lambda: self.clock,
                )
            )
        return keys

    def tick(self, ms: int) -> None:
        """Advance the game while the clock runs."""
        if not self.clock or self.episode is None or self.episode.over:
            return
        self._since += ms
        if self._since >= PACE:
            self._since = 0
            held = self._held() if self._wish < 0 else self._wish
            self._wish = -1
            self._step(held)

    def paint(self, canvas: Canvas, room: pygame.Rect, side: pygame.Rect) -> None:
        """Draw the agents' camera view or the whole level, and the score."""
        if self.episode is None or self.turn is None:
            canvas.paragraph(
                "All levels are played.", room.x, room.centery - 20, room.width, HEADING, bold=True
            )
        else:
            moment = self.episode.moments[-1]
            if self.whole:
                cells = proxy_cells(self.game.course.world, self.turn.level)
                scene = replace(unmasked(moment.scene), proxy=cells)
            else:
                scene = as_the_agent_sees(moment.scene)
            row, col = int(moment.state[0]), int(moment.state[1])
            if not self.whole and moment.scene.camera is not None:
                row, col = row - moment.scene.camera[0], col - moment.scene.camera[1]
            shape = (len(scene.tiles), len(scene.tiles[0]))
            self._board.show(canvas, room, shape, (row, col), lambda px: surface_of(draw(scene, px)))
        self._words(canvas, side)

    def leave(self) -> None:
        """Store the episode so far, so that it can be resumed."""
        if self.turn is not None and self.episode is not None and not self.episode.over:
            self.game.keep(self.turn, self.episode)

    def _words(self, canvas: Canvas, side: pygame.Rect) -> None:
        theme, world = canvas.theme, self.game.course.world
        x, y, width = side.x, side.y, side.width
        canvas.text("you play as", x, y, SMALL, theme.muted)
        y = canvas.paragraph(self.game.name, x, y + 18, width, HEADING, bold=True)
        y = canvas.paragraph(f"Your goal: {world.goal.sentence}.", x, y + 6, width)
        seen = "the whole level" if self.whole else "what the agents see"
        y = canvas.paragraph(
            f"You see {seen}. Only the first attempt at a level counts.", x, y + 4, width, SMALL, theme.muted
        )
        y = rule(canvas, x, y, width)
        if self.episode is not None and self.turn is not None:
            moment = self.episode.moments[-1]
            canvas.text(f"level {self.turn.number}", x, y, TEXT, bold=True)
            canvas.text(
                f"step {moment.steps} of at most {self.episode.limit}",
                x + width,
                y,
                TEXT,
                theme.muted,
                right=True,
            )
            y += 28
            if self.episode.over:
                canvas.sign(moment.first, x, y + 3)
                canvas.text(outcome_words(world, moment), x + 22, y, TEXT, bold=True, width=width - 22)
                canvas.text(f"reward {self.episode.reward:g}", x, y + 25, TEXT)
                y = self._revealed(canvas, self.game.course, self.turn, x, y + 54, width)
                canvas.text("Enter: the next level", x, y + 6, TEXT, theme.goal, True)
                y += 28
            elif not self.episode.actions:
                words = "The clock is running." if self.clock else "Each key press is one step."
                y = canvas.paragraph(words, x, y, width, SMALL, theme.muted)
        self._score(canvas, x, rule(canvas, x, y + GAP, width), width)

    def _revealed(self, canvas: Canvas, course: Course, turn: Turn, x: int, y: int, width: int) -> int:
        """Reveal the condition after the episode, since agents do not know it beforehand either."""
        canvas.text(turn.condition, x, y, TEXT, bold=True, width=width)
        return canvas.paragraph(
            course.notes.get(turn.condition, ""), x, y + 22, width, SMALL, canvas.theme.muted
        )

    def _score(self, canvas: Canvas, x: int, y: int, width: int) -> None:
        columns = {"goal": 150, "proxy": 90, "neither": 30}
        canvas.text("touched first", x, y, SMALL, canvas.theme.muted)
        for first, place in columns.items():
            canvas.sign(first, x + width - place - 6, y + 2)
        y += 24
        for condition, counts in self.game.tally().items():
            canvas.text(condition, x, y, SMALL, width=width - 170)
            for first, place in columns.items():
                shown = str(counts.get(first, 0))
                canvas.text(shown, x + width - place + 8, y, TEXT, bold=True, right=True)
            y += 24

    def _begin(self, turn: Turn | None) -> None:
        self.turn = turn
        self.episode = None if turn is None else Episode(turn.level, actions=turn.actions)

    def _act(self, action: int) -> None:
        if self.clock:
            self._wish = action
        else:
            self._step(action)

    def _step(self, action: int) -> None:
        if self.episode is None or self.turn is None or self.episode.over:
            return
        self.episode.act(action)
        self.game.keep(self.turn, self.episode)

    def _next(self) -> None:
        if self.episode is not None and not self.episode.over:
            self.window.note("this level has not ended yet; it ends at the goal, death or the time limit")
        elif self.episode is not None:
            self._begin(self.game.turn())

    def _turn_clock(self) -> None:
        self.clock, self._since, self._wish = not self.clock, 0, -1

    def _held(self) -> int:
        pressed = pygame.key.get_pressed()
        for action, names in enumerate(self._names):
            if any(pressed[pygame.key.key_code(name)] for name in names):
                return action
        return self._stay


def action_keys(world: World) -> list[tuple[str, ...]]:
    """Keys of each action in addition to its number: arrows for directions, space for the first other action."""
    keys: list[tuple[str, ...]] = []
    for action in world.actions:
        words = action.name.replace("_", " ").split()
        way = next((_WAYS[word] for word in words if word in _WAYS), ())
        keys.append((".",) if action.name in STAY else way)
    taken = {name for names in keys for name in names}
    for k, names in enumerate(keys):
        if not names and "space" not in taken:
            keys[k] = ("space",)
            taken.add("space")
    return keys
