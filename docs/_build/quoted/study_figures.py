"""Figures of single studies that README and the docs quote, read from the committed tables. Read next: `claims.py`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import polars as pl
from quoted.committed_tables import RESULTS, table_of

from goalposts.experiments.analyses.all_worlds_page import GREEDY, SAMPLED, count_of
from goalposts.experiments.report.figures.critical_alpha import critical_alpha
from goalposts.experiments.study.design.measures import BEHAVIOUR


def _percent(value: float) -> str:
    return f"{100 * value:.3g}%"


PAIR = ("main", "anywhere")  # arms of the study coinrun: the coin at the edge, and anywhere


def _pair(arm: str, interval: bool, measure: str = "preference") -> Callable[[], str]:
    """Goal preference of one of the pair, or that by chance (`chance`): of the same agents, the goal invisible."""

    def read() -> str:
        rows = table_of("coinrun").filter((pl.col("measure") == measure) & (pl.col("arm") == arm))
        value, low, high = rows.filter(pl.col("seed").is_null()).select("value", "low", "high").row(0)
        return f"{100 * low:.3g}–{100 * high:.3g}%" if interval else _percent(value)

    return read


def _pair_agents() -> str:
    """How many agents of each kind the pair's figures are of."""
    rows = table_of("coinrun").filter((pl.col("measure") == "verdict") & pl.col("seed").is_not_null())
    sizes = {rows.filter(pl.col("arm") == arm).height for arm in PAIR}
    assert len(sizes) == 1
    return str(sizes.pop())


def _least_capability() -> str:
    rows = table_of("coinrun").filter(
        (pl.col("measure") == "capability") & pl.col("seed").is_not_null() & pl.col("arm").is_in(PAIR)
    )
    return f"{int(100 * float(rows['value'].min())) / 100:.2f}"  # type: ignore[arg-type]


def _named(name: str) -> Callable[[], str]:
    """How many agents of a study's main point have which name."""

    def read() -> str:
        rows = table_of(name).filter(
            (pl.col("measure") == BEHAVIOUR) & (pl.col("arm") == "main") & pl.col("seed").is_null()
        )
        return str(rows["words"][0])

    return read


def _seeds_each(name: str) -> Callable[[], str]:
    """Training seeds per point of a study, from the fewest to the most."""

    def read() -> str:
        rows = table_of(name).filter((pl.col("measure") == "verdict") & pl.col("seed").is_not_null())
        sizes = sorted(set(rows.group_by("point").len()["len"]))
        return "–".join(map(str, sizes))

    return read


def _all_verdicts(name: str) -> Callable[[], str]:
    """The verdict of most points of a study, and each point that has another one, with sampled or with greedy actions."""

    def read() -> str:
        points = table_of(name).filter(pl.col("seed").is_null() & pl.col("step").is_null())
        words, greedy = (
            dict(points.filter(pl.col("measure") == measure).select("arm", "words").iter_rows())
            for measure in ("verdict", "greedy/verdict")
        )
        usual = max(sorted(set(words.values())), key=[*words.values()].count)
        others = [f"except {arm}’s, which is {verdict}" for arm, verdict in words.items() if verdict != usual]
        others += [
            f"with greedy actions {arm}’s is {verdict}"
            for arm, verdict in greedy.items()
            if verdict != words[arm]
        ]
        return ", ".join([f"the verdict is {usual}", *others])

    return read


def _critical(interval: bool) -> Callable[[], str]:
    def read() -> str:
        found = critical_alpha(table_of("alpha").filter(pl.col("arm") == "main"))
        assert found.value is not None
        assert found.low is not None
        assert found.high is not None
        return f"{100 * found.low:.2g}–{100 * found.high:.2g}%" if interval else f"{100 * found.value:.1g}%"

    return read


def _verdicts(name: str, label: str, all_of_them: bool = False) -> Callable[[], str]:
    def read() -> str:
        rows = table_of(name).filter((pl.col("measure") == "verdict") & pl.col("seed").is_not_null())
        return str(rows.height if all_of_them else rows.filter(pl.col("words") == label).height)

    return read


def _preferences(name: str) -> Callable[[], str]:
    """The least and the largest goal preference of a study's points other than the first."""

    def read() -> str:
        rows = table_of(name).filter(
            (pl.col("measure") == "preference") & pl.col("seed").is_null() & pl.col("step").is_null()
        )
        others = [100 * value for value in rows.filter(pl.col("arm") != "main")["value"]]
        return f"{min(others):.0f}–{max(others):.0f}%"

    return read


def _aligned_from() -> str:
    rows = table_of("alpha").filter(
        (pl.col("measure") == "verdict") & pl.col("seed").is_null() & (pl.col("arm") == "main")
    )
    shares = {float(x[8:-1]): words for x, words in rows.select("env.condition", "words").iter_rows()}
    misses = max(share for share, words in shares.items() if words != "ALIGNED")
    return _percent(min(share for share in shares if share > misses))


def _agents(name: str, arm: str) -> Callable[[], str]:
    return lambda: str(table_of(name).filter(pl.col("arm") == arm)["run"].drop_nulls().n_unique())


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


STUDIED: Mapping[str, Callable[[], str]] = {
    "pair-agents": _pair_agents,
    "pair-capability": _least_capability,
    "pair-edge": _pair("main", False),
    "pair-edge-ci": _pair("main", True),
    "pair-chance": _pair("main", False, "chance"),
    "pair-anywhere": _pair("anywhere", False),
    "pair-anywhere-ci": _pair("anywhere", True),
    "pair-name": _named("coinrun"),
    "seeds-all": _verdicts("seeds", "", all_of_them=True),
    "seeds-misgeneralized": _verdicts("seeds", "MISGENERALIZED"),
    "seeds-named": _named("seeds"),
    "algorithms-coin": _preferences("algorithms"),
    "algorithms-seeds": _seeds_each("algorithms"),
    "algorithms-verdicts": _all_verdicts("algorithms"),
    "worlds-sampled": _worlds(SAMPLED),
    "worlds-greedy": _worlds(GREEDY),
    "alpha-agents": _agents("alpha", "main"),
    "alpha-critical": _critical(False),
    "alpha-critical-ci": _critical(True),
    "alpha-aligned": _aligned_from,
    "foresight-move": _foresight("move"),
    "foresight-return": _foresight("train_return"),
    "foresight-brier": _brier("move"),
    "foresight-brier-alpha": _brier("alpha"),
    "recipe-seeds": _seeds_each("recipe"),
}
