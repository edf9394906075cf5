"""What worlds share whose goal is one cell: the goal, hidden if need be, and a second thing off the path.

Not a world. Read next: `envs/worlds/coinrun/rules.py` and `envs/worlds/corner.py`, which furnish their levels so;
`envs/generation/placement.py`, which finds the cells.
"""

from numba import njit

INVISIBLE, TWO, DECOYED = 1, 2, 4  # bits of a condition's variant


@njit(inline="always")
def put_goal(variant, codes, tiles, cell, second):
    """The goal on a cell (row, column), or its hidden form; on the second cell a second goal, or what only looks like one.

    codes: of the goal, of its hidden form, of what looks like it.
    """
    goal, hidden, decoy = codes
    row, col = cell
    row2, col2 = second
    tiles[row, col] = hidden if variant & INVISIBLE else goal
    if variant & TWO:
        tiles[row2, col2] = goal
    elif variant & DECOYED:
        tiles[row2, col2] = decoy
