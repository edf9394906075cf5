"""The screen: check whether it exists, and open this process's single display.

Requires only pygame, so that a command can check for a screen before anything is compiled. Read next: `window.py`.
"""

from __future__ import annotations

import os
import sys

os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")  # keeps pygame's greeting out of command output

import pygame

from goalposts.errors import UserError


class WindowError(UserError):
    """No screen for a window, or an unknown key."""


def check_screen() -> None:
    """Raise WindowError if no window can be opened."""
    _begin()
    pygame.display.quit()


def open_display(size: tuple[int, int], resizable: bool = False) -> pygame.Surface:
    """Open this process's single display. Raises WindowError without a screen."""
    _begin()
    try:
        return pygame.display.set_mode(size, pygame.RESIZABLE if resizable else 0)
    except pygame.error as error:
        raise _no_window(error) from None


def _begin() -> None:
    asked = os.environ.get("SDL_VIDEODRIVER")
    nowhere = sys.platform.startswith("linux") and not any(
        map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY"))
    )
    try:
        if nowhere and not asked:
            raise pygame.error("neither DISPLAY nor WAYLAND_DISPLAY is set")
        pygame.display.init()
        if not asked and pygame.display.get_driver() in ("dummy", "offscreen"):
            pygame.display.quit()
            raise pygame.error("the screen does not answer")
    except pygame.error as error:
        raise _no_window(error) from None


def _no_window(error: pygame.error) -> WindowError:
    return WindowError(
        f"no window can be opened ({str(error).rstrip('.')}): there is no screen here. Use a machine with a screen, or let the "
        "command write an image instead: --screenshot FILE.png; films need no screen either: goalposts record"
    )
