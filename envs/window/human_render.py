"""Window of gymnasium's render mode `human`, which shows every step of an environment.

Receives finished images and draws nothing itself. Read next: `envs/gymnasium_envs.py`, which provides them; `window.py`, the windows of the
command line.
"""

from __future__ import annotations

import logging

import numpy as np

from goalposts.text import plain

from .canvas import pygame, surface_of
from .display import WindowError, open_display

LOG = logging.getLogger("goalposts")


class HumanWindow:
    """A window that shows images uint8[h, w, 3] at a fixed rate.

    The environment continues without it after a person closes it, or if there is no screen, which is logged once.
    """

    def __init__(self, caption: str, fps: float) -> None:
        self._caption, self._fps = caption, fps
        self._surface: pygame.Surface | None = None
        self._clock = pygame.time.Clock()
        self.closed = False

    def show(self, image: np.ndarray) -> None:
        """Show an image and wait until the next is due."""
        if self.closed:
            return
        size = (image.shape[1], image.shape[0])
        if self._surface is None or self._surface.get_size() != size:
            try:
                self._surface = open_display(size)
            except WindowError as error:
                self.closed = True
                LOG.warning(
                    "no window can be opened (%s); render_mode='rgb_array' needs none", error.__context__
                )
                return
            pygame.display.set_caption(plain(self._caption, 200))
        if any(event.type == pygame.QUIT for event in pygame.event.get()):
            self.close()
            return
        self._surface.blit(surface_of(image), (0, 0))
        pygame.display.flip()
        self._clock.tick(self._fps)

    def close(self) -> None:
        """Close the window; later images are not shown."""
        if self._surface is not None and not self.closed:
            pygame.display.quit()
        self.closed = True
