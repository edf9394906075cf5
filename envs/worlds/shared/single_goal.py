"""What worlds share whose goal is one cell: the goal, hidden if need be, and a second thing off the path.

Not a world. Read next: `envs/worlds/coinrun/rules.py` and `envs/worlds/corner.py`, which furnish their levels so;
`envs/generation/placement.py`, which finds the cells.
"""

from numba import njit

INVISIBLE, TWO, DECOYED = 1, 2, 4  # bits of a condition's variant


@njit(inline="always")
def put_goal(variant, goal, hidden, decoy, tiles, row, col, row2, col2):
    """The goal on (row, col), or its hidden form; on the second cell a second goal, or what only looks like one."""
    tiles[row, col] = hidden if variant & INVISIBLE else goal
    if variant & TWO:
        tiles[row2, col2] = goal
    elif variant & DECOYED:
        tiles[row2, col2] = decoy
