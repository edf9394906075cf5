"""Views and boards: a view fills a window, handles keys and mouse, and draws; a board is a level on the screen.

Read next: `window.py`, which shows views; `watch.py`, one of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from .canvas import Canvas, pygame

TILES = (64, 48, 40, 32, 24, 16, 8)  # pixels per tile


@dataclass(frozen=True)
class Key:
    """A key and its action. `names` are those of `name_of`; `shown` and `label` appear on the screen."""

    names: tuple[str, ...]
    shown: str
    label: str
    do: Callable[[], object]
    tells: str = ""  # help text; empty: the label
    lit: Callable[[], bool] | None = None
    bar: bool = True  # shown in the key bar as well as in the help


class Host(Protocol):
    """Services that a window offers its views."""

    def note(self, words: str, seconds: float = 4) -> None:
        """Show a message for some seconds."""

    def push(self, view: View) -> None:
        """Show another view until it is closed."""


class View:
    """Base class of views, which fill a window. Subclasses override what they need."""

    title = "Goalposts"
    window: Host

    def keys(self) -> list[Key]:
        """All keys of the view, in display order."""
        return []

    def tick(self, ms: int) -> None:
        """Advance by `ms` milliseconds."""

    def mouse(self, kind: str, place: tuple[int, int], button: int) -> None:
        """Handle a mouse event. `kind`: down, move, up or wheel (with `button` 1 or −1); `place`: x, y."""

    def typed(self, name: str) -> bool:
        """Handle a key that is not in `keys`; returns whether it had an effect."""
        return False

    def paint(self, canvas: Canvas, room: pygame.Rect, side: pygame.Rect) -> None:
        """Draw the level into `room` and text into `side`."""

    def may_close(self) -> bool:
        """Whether the view may close now. A view that refuses gives the reason and agrees the second time."""
        return True

    def leave(self) -> None:
        """Save anything that must not be lost; called when the window closes."""


class Board:
    """Position of a level on the screen: tiles as large as fit, scrolled if the level does not fit."""

    def __init__(self) -> None:
        self.px, self.place, self.shape = 16, pygame.Rect(0, 0, 0, 0), (0, 0)
        self._offset = (0, 0)

    def show(
        self,
        canvas: Canvas,
        room: pygame.Rect,
        shape: tuple[int, int],
        focus: tuple[int, int],
        image: Callable[[int], pygame.Surface],
    ) -> None:
        """Show a level of `shape` rows and columns, drawn by `image(px)`; keeps the cell `focus` visible."""
        rows, cols = self.shape = shape
        fitting = (px for px in TILES if rows * px <= room.height and cols * px <= room.width)
        self.px = next(fitting, 16)
        whole = image(self.px)
        seen = pygame.Rect(0, 0, min(whole.get_width(), room.width), min(whole.get_height(), room.height))
        seen.center = (focus[1] * self.px + self.px // 2, focus[0] * self.px + self.px // 2)
        seen.clamp_ip(whole.get_rect())
        self.place = pygame.Rect(0, 0, *seen.size)
        self.place.midtop = (
            room.centerx,
            room.y + min((room.height - seen.height) // 2, max(0, room.height // 6)),
        )
        self._offset = seen.topleft
        canvas.surface.blit(whole, self.place, seen)
        canvas.frame(self.place.inflate(2, 2), canvas.theme.rule)

    def cell_at(self, place: tuple[int, int]) -> tuple[int, int] | None:
        """Cell (row, column) at a point of the screen, or None."""
        if not self.place.collidepoint(place):
            return None
        row = (place[1] - self.place.y + self._offset[1]) // self.px
        col = (place[0] - self.place.x + self._offset[0]) // self.px
        return row, col
