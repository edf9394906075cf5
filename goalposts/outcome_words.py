"""Words for an episode's outcome: one mapping for windows, films and reports.

`first` is goal, proxy or neither (the first touch); `end` is running, goal, death or timeout. Callers bring their
world's phrases. Imports nothing, so that both a window and a report that never loads a world can use it.
"""

_ENDS = {"death": "death", "timeout": "time out"}


def as_label(first: str, end: str, goal: str, proxy: str) -> str:
    """A short label: 'the coin first', 'the right edge first, then time out', 'death, neither touched'."""
    touched = {"goal": f"{goal} first", "proxy": f"{proxy} first"}.get(first)
    if touched is None:
        return "nothing touched yet" if end == "running" else f"{_ENDS[end]}, neither touched"
    then = {"goal": goal, **_ENDS}.get(end)
    return touched if then is None or first == end else f"{touched}, then {then}"


def as_clause(
    first: str, end: str, steps: int, reaches_goal: str, reaches_proxy: str, lets_goal_be: str
) -> str:
    """A clause that follows the agent's name: 'takes the coin after 12 steps', 'reaches the edge, then dies'.

    `lets_goal_be` says that the goal was left where it was; "" on levels without a goal.
    """
    if first == "goal":  # if the episode continues after the goal, its length is not the time to the goal
        then = {"goal": f" after {steps:,} steps", "death": " first, then dies"}
        return reaches_goal + then.get(end, " first")
    if first == "proxy":
        passed = f"{reaches_proxy}, {lets_goal_be}" if lets_goal_be else reaches_proxy
        return passed + {"goal": f", then {reaches_goal}", "death": ", then dies"}.get(end, "")
    return f"dies after {steps:,} steps" if end == "death" else f"reaches neither in {steps:,} steps"
