"""The page and the figure of the study of why exact regret compares otherwise than published. Read next: `predictions.py`."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from ....measurement.intervals import percent, unseen_share
from ....report.figures.drawn import Drawn
from ....study.leaderboard.board import markdown
from ..comparison.controls import Checked
from ..comparison.page_parts import (
    CHOSEN,
    COLUMNS,
    arm_cells,
    arm_rows,
    counted_lines,
    judged_lines,
    section,
    shown,
)
from .figures import shares
from .shows import ENTROPY

STUDY = "methods-why"
ARMS = {  # rows of the second table, with the words for each
    "domain-randomization": "domain randomization, 1 million steps",
    "domain-randomization-4x": "domain randomization, 4 million steps",
    "PLR-regret": "PLR⊥ by exact regret, 1 million steps, 50,000 levels",
    "PLR-regret-pool": "PLR⊥ by exact regret, 1 million steps, 500,000 levels",
    "PLR-regret-4x": "PLR⊥ by exact regret, 4 million steps, 50,000 levels",
    "PLR-regret-pool-4x": "PLR⊥ by exact regret, 4 million steps, 500,000 levels",
    "PLR-shuffled": "PLR⊥ by shuffled scores, 1 million steps",
    "plain-half": "plain PPO, half a million steps",
    "plain": "plain PPO, 1 million steps",
}


def page(
    agents: pl.DataFrame,
    predictions: Sequence[Checked],
    found: Sequence[str],
    figures: Sequence[Drawn],
    planned: int,
    later: str = "",
) -> str:
    """Format the page, without its header.

    found: sentences on what it shows; planned: the number of agents that the study plans; later: a later experiment on the same question.
    """
    states = [prediction.found for prediction in predictions]
    recorded = agents.filter(pl.col("study") == STUDY).height
    lines = [
        "# Replay by exact regret against domain randomization: steps, pool, different levels",
        "",
        "**Question.** Published: agents that replay levels by exact regret (PLR⊥) need a smaller α than agents of domain "
        "randomization. With a million steps, and unequal entropy bonuses, they do not ([methods](methods.md)), although about half "
        "of their learned steps are on distinguishing levels. Why?",
        "",
        *(
            [f"**A later experiment tests the entropy bonus, in which the two differ here.** {later}", ""]
            if later
            else []
        ),
        *counted_lines("methods-why-plan", states, recorded, planned),
        *(section("What it shows", [CHOSEN, "", *(f"- {words}" for words in found)]) if found else []),
        *(line for figure in figures for line in shown(figure)),
        *section("Predictions", judged_lines(predictions)),
        *section("Number of different levels, and fraction of the steps", _instrument(agents)),
        *section("Pool, steps and the negative control", _arms(agents)),
        *section("What it does not show", _limits(agents)),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _instrument(agents: pl.DataFrame) -> list[str]:
    rows = [
        [
            "fraction of the steps",
            "different levels",
            "n",
            *COLUMNS.values(),
        ]
    ]
    for share, own in shares(agents):
        for (m,), part in own.group_by("parameter", maintain_order=True):
            rows.append([share, f"{float(str(m)):,.0f}", f"{part.height}", *arm_cells(part)])
    return [
        *markdown(rows),
        "",
        "The method `fixed_share` asks the planner which training levels are distinguishing; it is an instrument and no cure. "
        "Brackets: 95% intervals over training "
        "seeds (Student's t); sampled actions unless *greedy*; every agent is in every column, whatever its capability.",
    ]


def _arms(agents: pl.DataFrame) -> list[str]:
    return [
        *markdown(arm_rows(agents, ARMS)),
        "",
        "Agents with 1 million steps and 50,000 levels are those of [methods](methods.md) with the same training seeds.",
    ]


def _limits(agents: pl.DataFrame) -> list[str]:
    n = agents["seed"].n_unique()
    return [
        "- Four times the steps are 4 million, fifty times fewer than published; world, net and observation also differ. "
        "An explanation that fails here can still be "
        "right there. The lead that was published is at α from 0.01 to 0.1, and 0.1 was not run with 4 million steps.",
        f"- {ENTROPY}",
        f"- {n} seeds per point can miss a kind of agent that up to {percent(unseen_share(n))} of seeds produce (95% confidence).",
    ]
