"""Episode outcomes: the columns of the outcome array, their codes, and the names of the codes.

An outcome is a row int32[8]. Kernels use the names too: numba treats a module's integers as constants.
Read next: `engine.py`, which fills the rows in.
"""

# Columns of the outcome array, int32[n, 8].
O_FIRST, O_END, O_STEPS, O_GOAL, O_PROXY, O_GOALS, O_PROXIES, O_LEVEL = range(8)
NEVER = -1  # in O_GOAL and O_PROXY, which otherwise hold the step of the first touch

# Codes in O_FIRST and O_END, and their names.
FIRST_NEITHER, FIRST_GOAL, FIRST_PROXY = range(3)
FIRST = ("neither", "goal", "proxy")
RUNNING, ENDED_BY_GOAL, ENDED_BY_DEATH, ENDED_BY_LIMIT = range(4)
END = ("running", "goal", "death", "timeout")

# State of an episode after a step.
CONTINUES, TERMINATED, TRUNCATED = range(3)
