"""Landscape behind a level, for people: a banded sky, two ranges of hills, some clouds.

Computed from the pixel position alone: no randomness, no state. Not part of the agent's pixel observation
(`render.rgb64`).
"""

from functools import lru_cache

import numpy as np

_BANDS = ((173, 216, 240), (186, 223, 243), (198, 230, 245), (210, 237, 247), (222, 243, 248))
_FAR_HILLS, _NEAR_HILLS = (186, 220, 224), (170, 210, 203)
_CLOUD, _CLOUD_SHADE = (247, 252, 255), (228, 243, 251)


@lru_cache(maxsize=32)
def backdrop(height: int, width: int, px: int) -> np.ndarray:  # uint8[height*px, width*px, 3], read-only
    """Draw the landscape for a level of `height` × `width` tiles of `px` pixels (a multiple of 8)."""
    size = 16 if px % 16 == 0 else 8
    coarse = 2  # size of a landscape block, in pixels of the 16 pixel art
    step = size * coarse // 16
    image = _landscape(height * 16 // coarse, width * 16 // coarse)
    image = image.repeat(step * px // size, 0).repeat(step * px // size, 1)
    image.setflags(write=False)
    return image


def _landscape(height: int, width: int) -> np.ndarray:  # uint8[height, width, 3]
    y, x = np.arange(height)[:, None], np.arange(width)[None, :]
    band = np.clip(y * len(_BANDS) // max(height, 1), 0, len(_BANDS) - 1)
    image = np.array(_BANDS, np.uint8)[np.broadcast_to(band, (height, width))]
    for left, top in _clouds(width, height):
        for dy, start, stop in ((0, 3, 8), (1, 1, 12), (2, 0, 14)):
            if 0 <= top + dy < height:
                colour = _CLOUD if dy < 2 else _CLOUD_SHADE
                image[top + dy, max(left + start, 0) : max(left + stop, 0)] = colour
    far = 0.62 + 0.05 * np.sin(x / 11.0) + 0.03 * np.sin(x / 4.7 + 1)
    near = 0.76 + 0.06 * np.sin(x / 16.0 + 2) + 0.02 * np.sin(x / 5.3)
    image[y >= np.floor(far * height)] = _FAR_HILLS
    image[y >= np.floor(near * height)] = _NEAR_HILLS
    return image


def _clouds(width: int, height: int) -> list[tuple[int, int]]:
    """Position (left, top) of each cloud: about one per six tiles, at heights with a long period."""
    return [(x + (x * 7) % 23, height // 8 + (x * 13) % max(height // 4, 1)) for x in range(4, width, 46)]
