"""What fills a window: a view has keys, takes the mouse and draws; a board is a level on the screen.

Read next: `window.py`, which shows views; `watch.py`, one of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from .canvas import Canvas, pygame

TILES = (64, 48, 32, 16, 8)  # pixels a tile


@dataclass(frozen=True)
class Key:
    """A key and what it does. `names` as `name_of` tells them; `shown` and `label` stand on the screen."""

    names: tuple[str, ...]
    shown: str
    label: str
    do: Callable[[], object]
    tells: str = ""  # for the help; the label, where there is no more to say
    lit: Callable[[], bool] | None = None
    bar: bool = True  # also in the bar below, not only in the help


class Host(Protocol):
    """What a view may ask of its window."""

    def note(self, words: str, seconds: float = 4) -> None:
        """Say something for a while."""

    def push(self, view: View) -> None:
        """Show another view, until it is left."""


class View:
    """What fills a window. A view overrides what it needs."""

    title = "Goalposts"
    window: Host

    def keys(self) -> list[Key]:
        """All its keys, in the order of the screen."""
        return []

    def tick(self, ms: int) -> None:
        """`ms` milliseconds have passed."""

    def mouse(self, kind: str, place: tuple[int, int], button: int) -> None:
        """`kind`: down, move, up, wheel (then `button` is 1 or −1); `place`: x, y."""

    def typed(self, name: str) -> bool:
        """A key that is none of `keys`; whether it meant something."""
        return False

    def paint(self, canvas: Canvas, room: pygame.Rect, side: pygame.Rect) -> None:
        """Draw the level into `room`, words into `side`."""

    def may_close(self) -> bool:
        """Whether the person may leave now. A view that says no says why, and lets go when asked again."""
        return True

    def leave(self) -> None:
        """The window is closing: keep what must not be lost."""


class Board:
    """Where a level stands on the screen: tiles as large as there is room for, scrolled where there is too little."""

    def __init__(self) -> None:
        self.px, self.place, self.shape = 16, pygame.Rect(0, 0, 0, 0), (0, 0)
        self._offset = (0, 0)

    def show(
        self,
        canvas: Canvas,
        room: pygame.Rect,
        shape: tuple[int, int],
        focus: tuple[int, int],
        picture: Callable[[int], pygame.Surface],
    ) -> None:
        """`picture(px)` draws the whole level of `shape` rows and columns; the cell `focus` stays in sight."""
        rows, cols = self.shape = shape
        fitting = (px for px in TILES if rows * px <= room.height and cols * px <= room.width)
        self.px = next(fitting, 16)
        whole = picture(self.px)
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
        """The cell (row, column) under a point of the screen."""
        if not self.place.collidepoint(place):
            return None
        row = (place[1] - self.place.y + self._offset[1]) // self.px
        col = (place[0] - self.place.x + self._offset[0]) // self.px
        return row, col
