"""The mark of the proxy in pictures for people: a thin dashed line around its cells, and a flag, as on pages.

Drawn below the agent, so that it hides nothing. Read next: `render.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

DASH = ((181, 72, 6), (255, 255, 255))  # colours of the dashes and of the gaps between them
POLE, FLAG = (29, 39, 51), (224, 123, 46)


def mark_proxy(image: np.ndarray, cells: Sequence[tuple[int, int]], px: int) -> None:
    """Draw the mark into an image uint8[H·px, W·px, 3], in place. cells: (row, column)."""
    if not cells:
        return
    marked_cells, line = set(cells), max(1, px // 16)
    pattern = np.array([DASH[k // max(2, px // 5) % 2] for k in range(px)], np.uint8)
    for row, col in cells:
        cell = image[row * px : (row + 1) * px, col * px : (col + 1) * px]
        for d_row, d_col, at in (
            (-1, 0, (slice(0, line), slice(None))),
            (1, 0, (slice(px - line, px), slice(None))),
            (0, -1, (slice(None), slice(0, line))),
            (0, 1, (slice(None), slice(px - line, px))),
        ):
            if (row + d_row, col + d_col) not in marked_cells:
                cell[at] = pattern[None] if d_row else pattern[:, None]
    _flag(image, max(cells), px)


def _flag(image: np.ndarray, cell: tuple[int, int], px: int) -> None:
    """Draw the flag in the lowest cell of the region."""
    row, col = cell
    place = image[row * px : (row + 1) * px, col * px : (col + 1) * px]
    left, wide, high, pole = px // 4, px // 2, max(4, 3 * px // 8), max(1, px // 16)
    for k in range(high):  # a triangle, widest in the middle of its height
        length = round(wide * (1 - abs(2 * k + 1 - high) / high))
        place[px // 8 + k, left : left + length] = FLAG
    place[px // 8 : px - px // 8, left : left + pole] = POLE
