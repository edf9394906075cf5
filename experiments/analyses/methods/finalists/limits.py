"""The limits of the comparison of finalists, computed from the agents where they decide it. Read next: `page.py`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import polars as pl

from ..comparison.in_short import ABLE
from ..comparison.page_parts import learned_words, missed_lines
from .choice import FinalistCandidate
from .predictions import WORLDS


def limits(agents: pl.DataFrame, chosen: Sequence[FinalistCandidate]) -> Iterator[str]:
    """The limits as lines of a list."""
    yield (
        "- The finalists were chosen in CoinRun, their other options in Beacon, so Beacon is no new world for them. The search varied the "
        "entropy bonus of plain PPO and domain randomization only, so a bonus of 0.1 is chosen for domain randomization and not for the "
        "others. One net, one budget per world."
    )
    yield (
        "- Only arms of plain PPO, domain randomization, PLR⊥ and ACCEL by exact regret have a bonus of 0.1, and the rule prefers them to "
        "all others: other scores may do better with it, too."
    )
    learned = [f"{arm.arm} learns from {learned_words(agents, arm.arm)}" for arm in chosen]
    yield (
        f"- Budgets are equal in environment steps, not in learned ones: {', '.join(learned)} of the steps. Exact regret needs a planner, "
        "whose use counts neither as steps nor as labels. Whether the order changes with more steps was not tested."
    )
    yield "- The values of α differ between worlds, and a mean over α depends on them; within a world, differences change with α (table)."
    yield (
        "- Predictions 3 and 4 use the same intervals. How to judge two finalists that choose levels by a score was added to the plan when "
        "they were known, before any of their runs."
    )
    if able := list(_unable(agents, chosen)):
        yield (
            f"- Below a mean capability of {ABLE}, the bar for finalists: {', '.join(able)}. "
            "Goal preference leaves out episodes that reach neither."
        )
    yield from missed_lines(agents, "world", "method", "parameter")


def _unable(agents: pl.DataFrame, chosen: Sequence[FinalistCandidate]) -> Iterator[str]:
    """The points whose mean capability is below the bar."""
    means = agents.group_by("world", "method", "parameter").agg(pl.col("capability").mean())
    for world in WORLDS:
        for arm in chosen:
            own = means.filter(pl.col("capability") < ABLE, world=world, method=arm.arm).sort("parameter")
            if own.height:
                shown = [
                    f"{value:.2f} at α = {alpha:g}"
                    for alpha, value in own.select("parameter", "capability").iter_rows()
                ]
                yield f"{arm.arm} in {world} ({', '.join(shown)})"
