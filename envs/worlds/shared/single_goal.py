"""Goal placement for worlds with a one-cell goal: the goal, possibly hidden, and a second thing off the path.

Not a world. Read next: `envs/worlds/coinrun/rules.py` and `envs/worlds/corner.py`, which use it to furnish levels;
`envs/generation/placement.py`, which finds the cells.
"""

from numba import njit

INVISIBLE, TWO, DECOYED = 1, 2, 4  # bits of a condition's variant


@njit(inline="always")
def put_goal(variant, codes, tiles, cell, second):
    """Put the goal or its hidden form on a cell (row, column), and a second goal or a look-alike on the second cell.

    codes: those of the goal, its hidden form and its look-alike.
    """
    goal, hidden, decoy = codes
    row, col = cell
    row2, col2 = second
    tiles[row, col] = hidden if variant & INVISIBLE else goal
    if variant & TWO:
        tiles[row2, col2] = goal
    elif variant & DECOYED:
        tiles[row2, col2] = decoy
