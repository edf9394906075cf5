"""How a world's rules show what moves: they mark it on a canvas.

A canvas is a rectangle of cells, each a small number with a bit for every plane, and where on the level it lies. Rules only
pass it on. Knows no worlds and no observations. Read next: `envs/engine/observe.py`, which makes the canvas of what the agent sees.
"""

import numpy as np
from numba import njit


@njit(inline="always")
def canvas_of(cells, place, top, left, rows, cols, aside):
    """rows x cols cells, from `place` on in a flat array, whose first lies at (top, left) of the level.

    aside: a place in the array that nobody looks at.
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
    """Show some planes, given as bits, in a cell of the level, if that lies on the canvas."""
    cells, place, top, left, rows, cols, aside = canvas
    r, c = np.int64(row) - top, np.int64(col) - left
    inside = (np.uint64(r) < np.uint64(rows)) & (np.uint64(c) < np.uint64(cols))
    # What is outside is marked aside: nobody can foresee which it is, a processor neither.
    cells[np.uint64(place + r * cols + c if inside else aside)] |= planes
