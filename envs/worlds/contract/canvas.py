"""Canvas on which a world's rules mark moving things in observations.

A canvas is a rectangle of cells, each an integer with one bit per plane, and its position on the level. Rules only
pass it on. Knows no worlds and no observations. Read next: `envs/engine/observe.py`, which creates the canvas of an observation.
"""

import numpy as np
from numba import njit


@njit(inline="always")
def canvas_of(cells, place, top, left, rows, cols, aside):
    """Create a canvas of rows × cols cells, stored from `place` in a flat array; its first cell is (top, left) of the level.

    aside: an index in the array that is never read.
    """
    return (
        cells,
        np.int64(place),
        np.int64(top),
        np.int64(left),
        np.int64(rows),
        np.int64(cols),
        np.int64(aside),
    )


@njit(inline="always")
def mark(canvas, row, col, planes):
    """Set planes, given as bits, in a cell of the level if that cell is on the canvas."""
    cells, place, top, left, rows, cols, aside = canvas
    r, c = np.int64(row) - top, np.int64(col) - left
    inside = (np.uint64(r) < np.uint64(rows)) & (np.uint64(c) < np.uint64(cols))
    # Cells outside are marked at `aside`: a branch would be unpredictable for the processor.
    cells[np.uint64(place + r * cols + c if inside else aside)] |= planes
