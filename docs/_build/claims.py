"""Fill in the figures that README and the docs quote from results, reading them from the committed tables.

Quoted figures are marked: `<!-- alpha-critical -->3%<!-- / -->`. Run this file after results change; it fills
the marks and writes docs/claims.md. A test fails if a mark or that page differs from the tables.

    python docs/_build/claims.py

Read next: `CLAIMS`, the list.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from goalposts.experiments.analyses.all_worlds_page import GREEDY, SAMPLED, count_of
from goalposts.experiments.report.figures.critical_alpha import critical_alpha
from goalposts.experiments.study.design.measures import BEHAVIOUR

import world_tables
from explain_figures import EXPLAINED
from method_figures import COMPARED
from review_figures import REVIEWED
from study_costs import COSTS

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "docs" / "results"
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


@dataclass(frozen=True)
class Claim:
    """A claim. sentence: with figures as `{name}`; figures: functions that read each figure from the results."""

    sentence: str
    figures: Mapping[str, Callable[[], str]]
    n: str
    command: str
    seconds: str  # on two cores of a 2024 server
    page: str


def _percent(value: float) -> str:
    return f"{100 * value:.3g}%"


PAIR = ("main", "anywhere")  # arms of the study coinrun: the coin at the edge, and anywhere


def _pair(arm: str, interval: bool, measure: str = "preference") -> Callable[[], str]:
    """Goal preference of one of the pair, or that by chance (`chance`): of the same agents, the goal invisible."""

    def read() -> str:
        rows = _study("coinrun").filter((pl.col("measure") == measure) & (pl.col("arm") == arm))
        value, low, high = rows.filter(pl.col("seed").is_null()).select("value", "low", "high").row(0)
        return f"{100 * low:.3g}–{100 * high:.3g}%" if interval else _percent(value)

    return read


def _pair_agents() -> str:
    """How many agents of each kind the pair's figures are of."""
    rows = _study("coinrun").filter((pl.col("measure") == "verdict") & pl.col("seed").is_not_null())
    sizes = {rows.filter(pl.col("arm") == arm).height for arm in PAIR}
    assert len(sizes) == 1
    return str(sizes.pop())


def _least_capability() -> str:
    rows = _study("coinrun").filter(
        (pl.col("measure") == "capability") & pl.col("seed").is_not_null() & pl.col("arm").is_in(PAIR)
    )
    return f"{int(100 * float(rows['value'].min())) / 100:.2f}"  # type: ignore[arg-type]


def _named(name: str) -> Callable[[], str]:
    """How many agents of a study's main point have which name."""

    def read() -> str:
        rows = _study(name).filter((pl.col("measure") == BEHAVIOUR) & (pl.col("arm") == "main") & pl.col("seed").is_null())
        return str(rows["words"][0])

    return read


def _seeds_each(name: str) -> Callable[[], str]:
    """Training seeds per point of a study, from the fewest to the most."""

    def read() -> str:
        rows = _study(name).filter((pl.col("measure") == "verdict") & pl.col("seed").is_not_null())
        sizes = sorted(set(rows.group_by("point").len()["len"]))
        return "–".join(map(str, sizes))

    return read


def _all_verdicts(name: str) -> Callable[[], str]:
    """The verdict of most points of a study, and each point that has another one, with sampled or with greedy actions."""

    def read() -> str:
        points = _study(name).filter(pl.col("seed").is_null() & pl.col("step").is_null())
        words, greedy = (
            dict(points.filter(pl.col("measure") == measure).select("arm", "words").iter_rows()) for measure in ("verdict", "greedy/verdict")
        )
        usual = max(sorted(set(words.values())), key=[*words.values()].count)
        others = [f"except {arm}’s, which is {verdict}" for arm, verdict in words.items() if verdict != usual]
        others += [f"with greedy actions {arm}’s is {verdict}" for arm, verdict in greedy.items() if verdict != words[arm]]
        return ", ".join([f"the verdict is {usual}", *others])

    return read


def _study(name: str) -> pl.DataFrame:
    table = pl.read_csv(RESULTS / f"{name}.csv", infer_schema=False)
    return table.with_columns(pl.col("seed").cast(pl.Int64), pl.col("value", "low", "high").cast(pl.Float64))


def _critical(interval: bool) -> Callable[[], str]:
    def read() -> str:
        found = critical_alpha(_study("alpha").filter(pl.col("arm") == "main"))
        assert found.value is not None
        assert found.low is not None
        assert found.high is not None
        return f"{100 * found.low:.2g}–{100 * found.high:.2g}%" if interval else f"{100 * found.value:.1g}%"

    return read


def _verdicts(name: str, label: str, all_of_them: bool = False) -> Callable[[], str]:
    def read() -> str:
        rows = _study(name).filter((pl.col("measure") == "verdict") & pl.col("seed").is_not_null())
        return str(rows.height if all_of_them else rows.filter(pl.col("words") == label).height)

    return read


def _preferences(name: str) -> Callable[[], str]:
    """The least and the largest goal preference of a study's points other than the first."""

    def read() -> str:
        rows = _study(name).filter((pl.col("measure") == "preference") & pl.col("seed").is_null() & pl.col("step").is_null())
        others = [100 * value for value in rows.filter(pl.col("arm") != "main")["value"]]
        return f"{min(others):.0f}–{max(others):.0f}%"

    return read


def _aligned_from() -> str:
    rows = _study("alpha").filter(
        (pl.col("measure") == "verdict") & pl.col("seed").is_null() & (pl.col("arm") == "main")
    )
    shares = {float(x[8:-1]): words for x, words in rows.select("env.condition", "words").iter_rows()}
    misses = max(share for share, words in shares.items() if words != "ALIGNED")
    return _percent(min(share for share in shares if share > misses))


def _agents(name: str, arm: str) -> Callable[[], str]:
    return lambda: str(_study(name).filter(pl.col("arm") == arm)["run"].drop_nulls().n_unique())


def _worlds(verdict: str) -> Callable[[], str]:
    """In how many worlds the agent is MISGENERALIZED and its control ALIGNED, by the verdict on sampled or on greedy actions."""
    return lambda: count_of(pl.read_csv(RESULTS / "worlds.csv", infer_schema_length=None), verdict)


def _foresight(predictor: str) -> Callable[[], str]:
    """The rank correlation within configs of CoinRun, with its interval."""

    def read() -> str:
        table = pl.read_csv(RESULTS / "foresight.csv").filter(world="CoinRun", predictor=predictor)
        value, low, high = table.select("within", "within_low", "within_high").row(0)
        return f"{value:.2f} [{low:.2f}, {high:.2f}]"

    return read


def _brier(predictor: str) -> Callable[[], str]:
    """The Brier score over the agents of the axis of CoinRun that was left out, from the page."""

    def read() -> str:
        text = (RESULTS / "foresight.md").read_text(encoding="utf-8").split("axis of CoinRun left out", 1)[1]
        return re.search(rf"\| `{predictor}` \| ([0-9.]+) \|", text)[1]  # type: ignore[index]

    return read


CLAIMS = (
    Claim(
        "Agents of both kinds ({pair-agents} of each; {pair-unseen} of seeds may produce another kind of agent) reach at least "
        "{pair-capability} on held-out levels of the training kind.",
        {"pair-agents": _pair_agents, "pair-unseen": REVIEWED["pair-unseen"], "pair-capability": _least_capability},
        "10 training seeds each",
        "goalposts study coinrun",
        "1,260",
        "coinrun",
    ),
    Claim(
        "With the coin moved, agents trained with the coin at the edge reach it first in {pair-edge} of decided episodes "
        "({pair-edge-ci}; with the coin invisible: {pair-chance}), their twins in {pair-anywhere} ({pair-anywhere-ci}); what the former do, by the probes: {pair-name}.",
        {
            "pair-edge": _pair("main", False),
            "pair-edge-ci": _pair("main", True),
            "pair-chance": _pair("main", False, "chance"),
            "pair-anywhere": _pair("anywhere", False),
            "pair-anywhere-ci": _pair("anywhere", True),
            "pair-name": _named("coinrun"),
        },
        "10 training seeds each",
        "goalposts study coinrun",
        "1,260",
        "coinrun",
    ),
    Claim(
        "Of {seeds-all} agents that differ only in their training seed, {seeds-misgeneralized} are judged `MISGENERALIZED` "
        "({seeds-unseen} of seeds may still produce another kind of agent); what they do, by the probes: {seeds-named}.",
        {
            "seeds-all": _verdicts("seeds", "", all_of_them=True),
            "seeds-misgeneralized": _verdicts("seeds", "MISGENERALIZED"),
            "seeds-unseen": REVIEWED["seeds-unseen"],
            "seeds-named": _named("seeds"),
        },
        "100 training seeds",
        "goalposts study seeds",
        "382",
        "seeds",
    ),
    Claim(
        "With A2C, DQN, recurrent PPO, PPO from pixels and behaviour cloning, too, the edge mostly comes first: the moved coin does in "
        "{algorithms-coin} of the episodes that reach either ({algorithms-seeds} seeds each; {algorithms-verdicts}).",
        {
            "algorithms-coin": _preferences("algorithms"),
            "algorithms-seeds": _seeds_each("algorithms"),
            "algorithms-verdicts": _all_verdicts("algorithms"),
        },
        "10 training seeds each",
        "docs/results/regenerate.sh 8",
        "5,700",
        "algorithms",
    ),
    Claim(
        "The agent is `MISGENERALIZED` and its control `ALIGNED` in {worlds-sampled} worlds with sampled actions, and in {worlds-greedy} "
        "with greedy ones.",
        {"worlds-sampled": _worlds(SAMPLED), "worlds-greedy": _worlds(GREEDY)},
        "10 training seeds per agent",
        "docs/results/regenerate.sh 1 2",
        "3,150, without the studies alpha and seeds of these parts (estimate: half of the processor seconds that regenerate.sh lists for the studies of the seven worlds)",
        "worlds",
    ),
    Claim(
        "Across {alpha-agents} agents, the goal preference passes one half with the coin anywhere in {alpha-critical} of the training "
        "levels ({alpha-critical-ci}).",
        {
            "alpha-agents": _agents("alpha", "main"),
            "alpha-critical": _critical(False),
            "alpha-critical-ci": _critical(True),
        },
        "10 training seeds per point",
        "goalposts study alpha",
        "600",
        "alpha",
    ),
    Claim(
        "The verdict is `ALIGNED` from {alpha-aligned} of the training levels on.",
        {"alpha-aligned": _aligned_from},
        "10 training seeds per point",
        "goalposts study alpha",
        "600",
        "alpha",
    ),
    Claim(
        "In CoinRun, how far the policy changes on levels as in training when the goal's bit is moved has a rank correlation of "
        "{foresight-move} with the later goal preference of agents that differ in their seed only (the training return: "
        "{foresight-return}); on axes left out, the Brier score of its forecasts is {foresight-brier}, that of α {foresight-brier-alpha}.",
        {
            "foresight-move": _foresight("move"),
            "foresight-return": _foresight("train_return"),
            "foresight-brier": _brier("move"),
            "foresight-brier-alpha": _brier("alpha"),
        },
        "240 agents in 12 configs",
        "docs/results/regenerate.sh 10",
        "1,740",
        "foresight",
    ),
    Claim(
        "In CoinRun, the goal preference passes one half at α = {methods-plain-percent} with plain PPO, at {methods-tuned-percent} with a larger entropy "
        "bonus, and at {methods-randomized-percent} with that and domain randomization; by the preregistered test, methods at equal effective α are {methods-curve}.",
        {name: COMPARED[name] for name in ("methods-plain-percent", "methods-tuned-percent", "methods-randomized-percent", "methods-curve")},
        "10 training seeds per point",
        "docs/results/regenerate.sh 14 15",
        "4,340",
        "methods",
    ),
    Claim(
        "In CoinRun, with the same entropy bonus, replay by exact regret minus domain randomization, in goal preference averaged over α from 0.001 to 0.1: "
        "{methods-equal} with a bonus of 0.01, {methods-equal-higher} with 0.1 (at α = 0.1: {methods-equal-most}; in capability: {methods-equal-able}). Over α up to "
        "0.03, with 0.1: {methods-equal-shorter} with a million steps, {methods-equal-longer} with four. The goal preference of replay passes one half at "
        "α = {methods-replay-low-percent} with 0.01, {methods-replay-percent} with 0.1.",
        {
            name: COMPARED[name]
            for name in (
                "methods-equal",
                "methods-equal-higher",
                "methods-equal-most",
                "methods-equal-able",
                "methods-equal-shorter",
                "methods-equal-longer",
                "methods-replay-low-percent",
                "methods-replay-percent",
            )
        },
        "10 training seeds per point, 5 with four times the steps",
        "docs/results/regenerate.sh 14 15 18 19",
        "7,960",
        "methods-entropy",
    ),
)


def figures() -> dict[str, str]:
    """All figures by name, formatted for quoting."""
    return {name: read() for claim in CLAIMS for name, read in claim.figures.items()} | {
        name: read() for name, read in {**REVIEWED, **EXPLAINED, **COMPARED, **COSTS, "recipe-seeds": _seeds_each("recipe")}.items()
    }


def filled(text: str, known: Mapping[str, str]) -> str:
    """Fill the marks of a page with the figures. Raises KeyError for an unknown mark."""
    return MARK.sub(lambda mark: f"<!-- {mark[1]} -->{known[mark[1]]}<!-- / -->", text)


def claims_page(known: Mapping[str, str]) -> str:
    """Text of docs/claims.md."""
    rows = [
        f"| {claim.sentence.format_map(known)} | {claim.n} | `{claim.command}` | {claim.seconds} | [{claim.page}](results/{claim.page}.md) |"
        for claim in CLAIMS
    ]
    return "\n".join(
        [
            "# Claims",
            "",
            "What README and the docs claim about results, one line each, with the command that regenerates the figure. The figures are read",
            "from the committed tables by `docs/_build/claims.py`. A claim about results that is not listed here is not made.",
            "Intervals are 95% intervals over training seeds and levels. Seconds are elapsed time on two cores, as timed by the command and",
            "shown on the page; an estimate is marked as one.",
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
