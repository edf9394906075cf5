"""The first frame of a window: shown at once, before anything is imported or compiled, with what the command is doing.

Requires only pygame and numpy. Read next: `window.py`, which takes the same display when all is ready.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from .canvas import DARK, HEADING, LIGHT, TEXT, Canvas, pygame
from .display import open_display

SIZE = (1180, 740)  # of a new window
PAUSE = 0.05  # seconds between frames during the work


class Opening:
    """A window that says what is being prepared. Raises WindowError without a screen."""

    def __init__(self, title: str, dark: bool = False) -> None:
        self.surface, self.title, self.dark = open_display(SIZE, resizable=True), title, dark
        self._began = time.monotonic()
        self.say("loading …")

    def say(self, words: str) -> None:
        """Show the current work, and how long it has taken."""
        canvas = Canvas(self.surface, DARK if self.dark else LIGHT)
        theme, (width, height) = canvas.theme, canvas.size
        canvas.surface.fill(theme.paper)
        pygame.display.set_caption(f"Goalposts: {self.title}, loading")
        x, y = width // 2 - 180, height // 2 - 50
        canvas.text(self.title, x, y, HEADING, bold=True, width=width - x)
        canvas.text(words, x, y + 36, TEXT, theme.muted, width=width - x)
        passed = time.monotonic() - self._began
        if passed >= 1:
            canvas.text(f"{passed:.0f} s", x + 360, y + 36, TEXT, theme.muted, right=True)
        canvas.fill(pygame.Rect(x, y + 66, 360, 4), theme.rule)
        canvas.fill(pygame.Rect(x + round(300 * (passed / 2 % 1)), y + 66, 60, 4), theme.critic)
        pygame.display.flip()

    def during(self, words: str, work: Callable[[], object]) -> bool:
        """Do work in a thread and keep the window alive meanwhile; False if it was closed before the work was done.

        An error of the work is dropped: the command that needs its result meets it again.
        """

        def quietly() -> None:
            try:
                work()
            except Exception:
                return

        thread = threading.Thread(target=quietly, daemon=True)
        thread.start()
        while thread.is_alive():
            if any(event.type == pygame.QUIT for event in pygame.event.get()):
                return False
            self.say(words)
            thread.join(PAUSE)
        return True
