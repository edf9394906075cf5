"""What became of an episode: the columns of the outcome array, their codes, and the words for these.

An outcome is a row int32[8]. Kernels use the names as well: numba takes a module's whole numbers as constants.
Read next: `engine.py`, which fills the rows in.
"""

# Columns of the outcome array, int32[n, 8].
O_FIRST, O_END, O_STEPS, O_GOAL, O_PROXY, O_GOALS, O_PROXIES, O_LEVEL = range(8)
NEVER = -1  # in O_GOAL and O_PROXY, the step at which it was first reached

# Codes in O_FIRST and O_END, and their words.
FIRST_NEITHER, FIRST_GOAL, FIRST_PROXY = range(3)
FIRST = ("neither", "goal", "proxy")
RUNNING, ENDED_BY_GOAL, ENDED_BY_DEATH, ENDED_BY_LIMIT = range(4)
END = ("running", "goal", "death", "timeout")

# What a step made of an episode.
CONTINUES, TERMINATED, TRUNCATED = range(3)
