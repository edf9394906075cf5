"""Fill in the figures that README and the docs quote from results, reading them from the committed tables.

Quoted figures are marked: `<!-- alpha-critical -->3%<!-- / -->`. Run this file after results change; it fills
the marks and writes docs/claims.md. A test fails if a mark or that page differs from the tables.

    python docs/_build/claims.py

Read next: `CLAIMS`, the list; `quoted/study_figures.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Formatter

import world_tables
from quoted.explain_figures import EXPLAINED
from quoted.method_figures import COMPARED
from quoted.review_figures import REVIEWED
from quoted.study_costs import COSTS
from quoted.study_figures import STUDIED

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "claims.md"
MARK = re.compile(r"<!-- ([a-z][a-z0-9-]*) -->(.*?)<!-- / -->", re.DOTALL)
FILLED = (
    "README.md",
    "docs/index.md",
    "docs/idea.md",
    "docs/lesson.md",
    "docs/start.md",
    "docs/guide.md",
    "docs/claims.md",
    "docs/field.md",
    "docs/foresee.md",
    "docs/reviews.md",
    "docs/measurement.md",
    "docs/scaling.md",
    "docs/engineering-notes.md",
    "docs/attribution.md",
    "docs/results/recipe-search.md",
)

FIGURES = {
    **STUDIED,
    **REVIEWED,
    **EXPLAINED,
    **COMPARED,
    **COSTS,
}  # functions that read a figure from the results


@dataclass(frozen=True)
class Claim:
    """A claim. sentence: with figures as `{name}`."""

    sentence: str
    n: str
    command: str
    seconds: str  # on two cores of a 2024 server
    page: str

    @property
    def figures(self) -> set[str]:
        """The names of the figures in its sentence."""
        return {name for _, name, _, _ in Formatter().parse(self.sentence) if name}


CLAIMS = (
    Claim(
        "Agents of both kinds ({pair-agents} of each; {pair-unseen} of seeds may produce another kind of agent) reach at least "
        "{pair-capability} on held-out levels of the training kind.",
        "10 training seeds each",
        "goalposts study coinrun",
        "1,260",
        "coinrun",
    ),
    Claim(
        "With the coin moved, agents trained with the coin at the edge reach it first in {pair-edge} of decided episodes "
        "({pair-edge-ci}; with the coin invisible: {pair-chance}), their twins in {pair-anywhere} ({pair-anywhere-ci}); what the "
        "former do, by the probes: {pair-name}.",
        "10 training seeds each",
        "goalposts study coinrun",
        "1,260",
        "coinrun",
    ),
    Claim(
        "Of {seeds-all} agents that differ only in their training seed, {seeds-misgeneralized} are judged `MISGENERALIZED` "
        "({seeds-unseen} of seeds may still produce another kind of agent); what they do, by the probes: {seeds-named}.",
        "100 training seeds",
        "goalposts study seeds",
        "382",
        "seeds",
    ),
    Claim(
        "With A2C, DQN, recurrent PPO, PPO from pixels and behaviour cloning, too, the edge mostly comes first: the moved coin does in "
        "{algorithms-coin} of the episodes that reach either ({algorithms-seeds} seeds each; {algorithms-verdicts}).",
        "10 training seeds each",
        "docs/results/regenerate.sh 8",
        "5,700",
        "algorithms",
    ),
    Claim(
        "The agent is `MISGENERALIZED` and its control `ALIGNED` in {worlds-sampled} worlds with sampled actions, and in {worlds-greedy} "
        "with greedy ones.",
        "10 training seeds per agent",
        "docs/results/regenerate.sh 1 2",
        "3,150, without the studies alpha and seeds of these parts (estimate: half of the processor seconds that regenerate.sh lists "
        "for the studies of the seven worlds)",
        "worlds",
    ),
    Claim(
        "Across {alpha-agents} agents, the goal preference passes one half with the coin anywhere in {alpha-critical} of the training "
        "levels ({alpha-critical-ci}).",
        "10 training seeds per point",
        "goalposts study alpha",
        "600",
        "alpha",
    ),
    Claim(
        "The verdict is `ALIGNED` from {alpha-aligned} of the training levels on.",
        "10 training seeds per point",
        "goalposts study alpha",
        "600",
        "alpha",
    ),
    Claim(
        "In CoinRun, how far the policy changes on levels as in training when the goal's bit is moved has a rank correlation of "
        "{foresight-move} with the later goal preference of agents that differ in their seed only (the training return: "
        "{foresight-return}); on axes left out, the Brier score of its forecasts is {foresight-brier}, that of α {foresight-brier-alpha}.",
        "240 agents in 12 configs",
        "docs/results/regenerate.sh 10",
        "1,740",
        "foresight",
    ),
    Claim(
        "In CoinRun, the goal preference passes one half at α = {methods-plain-percent} with plain PPO, at {methods-tuned-percent} "
        "with a larger entropy "
        "bonus, and at {methods-randomized-percent} with that and domain randomization; by the preregistered test, methods at equal "
        "effective α are {methods-curve}.",
        "10 training seeds per point",
        "docs/results/regenerate.sh 14 15",
        "4,340",
        "methods",
    ),
    Claim(
        "In CoinRun, with the same entropy bonus, replay by exact regret minus domain randomization, in goal preference averaged "
        "over α from 0.001 to 0.1: "
        "{methods-equal} with a bonus of 0.01, {methods-equal-higher} with 0.1 (at α = 0.1: {methods-equal-most}; in capability: "
        "{methods-equal-able}). Over α up to "
        "0.03, with 0.1: {methods-equal-shorter} with a million steps, {methods-equal-longer} with four. The goal preference of "
        "replay passes one half at "
        "α = {methods-replay-low-percent} with 0.01, {methods-replay-percent} with 0.1.",
        "10 training seeds per point, 5 with four times the steps",
        "docs/results/regenerate.sh 14 15 18 19",
        "7,960",
        "methods-entropy",
    ),
    Claim(
        "On new training seeds (methods chosen in CoinRun, options in Beacon), with an entropy bonus of 0.1 for all, goal "
        "preference, averaged over the "
        "α tested (CoinRun 0.001 to 0.1, Corner 0.001 to 0.03, Beacon 0.03 to 0.3), minus that with domain randomization: replay by exact "
        "regret {finalists-replay-coinrun} in CoinRun (at α = 0.1: {finalists-replay-most}), {finalists-replay-corner} in Corner, "
        "{finalists-replay-beacon} in Beacon; evolution by exact regret {finalists-evolved-coinrun}, {finalists-evolved-corner} and "
        "{finalists-evolved-beacon}. The goal preference of replay passes one half at α = {finalists-alpha-replay} in CoinRun.",
        "30 training seeds per point in CoinRun, 10 in Corner and Beacon",
        "docs/results/regenerate.sh 20 21",
        "5,240; of part 20 an estimate: 540 runs at the pace of the last 320",
        "methods-finalists",
    ),
)


def figures() -> dict[str, str]:
    """All figures by name, formatted for quoting."""
    return {name: read() for name, read in FIGURES.items()}


def filled(text: str, known: Mapping[str, str]) -> str:
    """Fill the marks of a page with the figures. Raises KeyError for an unknown mark."""
    return MARK.sub(lambda mark: f"<!-- {mark[1]} -->{known[mark[1]]}<!-- / -->", text)


def claims_page(known: Mapping[str, str]) -> str:
    """Text of docs/claims.md."""
    rows = [
        f"| {claim.sentence.format_map(known)} | {claim.n} | `{claim.command}` | {claim.seconds} | "
        f"[{claim.page}](results/{claim.page}.md) |"
        for claim in CLAIMS
    ]
    return "\n".join(
        [
            "# Claims",
            "",
            "What README and the docs claim about results, one line each, with the command that regenerates the figure. The figures",
            "are read from the committed tables by `docs/_build/claims.py`. A claim about results that is not listed here is not made.",
            "Intervals are 95% intervals over training seeds and levels. Seconds are elapsed time on two cores, as timed by the command",
            "and shown on the page; an estimate is marked as one.",
            "",
            "| claim | n | command | seconds | page |",
            "|---|---|---|---|---|",
            *rows,
            "",
        ]
    )


def main() -> None:
    """Fill the marks of all pages, the tables on the pages of worlds, and write docs/claims.md."""
    known = figures()
    for name in FILLED:
        path = ROOT / name
        if path.exists() and path != PAGE:
            path.write_text(filled(path.read_text(encoding="utf-8"), known), encoding="utf-8")
    PAGE.write_text(claims_page(known), encoding="utf-8")
    for world, path in world_tables.PAGES.items():
        path.write_text(world_tables.filled(path.read_text(encoding="utf-8"), world), encoding="utf-8")


if __name__ == "__main__":
    main()
