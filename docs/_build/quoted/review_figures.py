"""Figures that docs/reviews.md quotes, read from the committed results; a figure whose study has not been run says so.

Read next: `../claims.py`, which fills them in.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import polars as pl
from quoted.committed_tables import NUMBERS, RESULTS, current, pending, words_on

from goalposts.envs.engine.observation_spec import parse_observation
from goalposts.experiments.measurement.metrics import GOAL_EFFECT_SEPARATES
from goalposts.experiments.measurement.verdict.outliers import SPREADS, gap_limit
from goalposts.experiments.measurement.verdict.rules import LOST


def _of_point(study: str, measure: str, arm: str) -> pl.DataFrame | None:
    """The rows of a measure over the seeds of an arm; None if the study was not run."""
    table = current(study)
    if table is None:
        return None
    return table.filter((pl.col("measure") == measure) & pl.col("seed").is_null() & (pl.col("arm") == arm))


def _point(
    study: str,
    measure: str,
    condition: str | None = None,
    arm: str = "main",
    x: str = "",
    key: str = "env.condition",
) -> Callable[[], str]:
    """An estimate of a point over its seeds. x: its value of `key`, a column of the grid."""

    def read() -> str:
        rows = _of_point(study, measure, arm)
        if rows is None:
            return pending(study)
        if condition:
            rows = rows.filter(pl.col("condition") == condition)
        if x:
            rows = rows.filter(pl.col(key) == x)
        if not rows.height:
            return "–"
        row = rows.row(0, named=True)
        if row["value"] is None:
            return str(row["words"])
        if row["low"] is None:
            return f"{row['value']:.3g}"
        return f"{row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}]"

    return read


def _words(study: str, measure: str, arm: str = "main") -> Callable[[], str]:
    def read() -> str:
        rows = _of_point(study, measure, arm)
        if rows is None:
            return pending(study)
        return str(rows["words"][0]) if rows.height else "–"

    return read


def _flips() -> str:
    """Agents of α between 1% and 3% whose verdict differs between sampled and greedy play."""
    table = current("alpha")
    if table is None:
        return pending("alpha")
    own = table.filter((pl.col("arm") == "main") & pl.col("seed").is_not_null())
    own = own.filter(pl.col("env.condition").is_in(["mixture(0.01)", "mixture(0.02)", "mixture(0.03)"]))
    keys = ["point", "seed"]
    sides = [
        own.filter(pl.col("measure") == name).select(*keys, "words") for name in ("verdict", "greedy/verdict")
    ]
    both = sides[0].join(sides[1], on=keys)
    return f"{both.filter(pl.col('words') != pl.col('words_right')).height} of {both.height} agents"


def _range(condition: str) -> Callable[[], str]:
    """The smallest and largest preference of single agents at a point of alpha."""

    def read() -> str:
        path = RESULTS / "alpha.csv"
        table = pl.read_csv(path, infer_schema=False).with_columns(NUMBERS)
        own = table.filter(
            (pl.col("measure") == "preference")
            & pl.col("seed").is_not_null()
            & (pl.col("arm") == "main")
            & (pl.col("env.condition") == condition)
        )["value"].drop_nulls()
        return f"{own.min():.2f} to {own.max():.2f} ({len(own)} agents)"

    return read


def _alarms(taus: Sequence[str], seeds: Sequence[int]) -> Callable[[], str]:
    """The largest rate of false alarms among simulated seeds of one kind that vary by these tau."""

    def read() -> str:
        table = pl.read_csv(RESULTS / "seed-kinds.csv", infer_schema_length=None)
        rows = table.filter((pl.col("part") == "false alarm") & pl.col("seeds").is_in(seeds))
        rows = rows.filter(pl.col("population").str.extract(r"τ = (.*)$").is_in(taus))
        return f"{100 * float(rows['flagged'].max()):.1f}%"  # type: ignore[arg-type]

    return read


def _pointed_out(near: bool, seeds: Sequence[int], fewest_levels: int) -> tuple[float, float]:
    """The least and largest rate at which a simulated seed of another kind is pointed out. near: kinds that are less far apart."""
    table = pl.read_csv(RESULTS / "seed-kinds.csv", infer_schema_length=None)
    rows = table.filter((pl.col("part") == "flagged") & pl.col("seeds").is_in(seeds))
    is_near = pl.col("population").str.contains("half dead|mixed")
    rows = rows.filter((is_near if near else ~is_near) & (pl.col("levels") >= fewest_levels))
    return 100 * float(rows["flagged"].min()), 100 * float(rows["flagged"].max())  # type: ignore[arg-type]


def _between(seeds: Sequence[int]) -> Callable[[], str]:
    return lambda: "{:.1f} to {:.1f}%".format(*_pointed_out(True, seeds, 300))


def _gaps() -> str:
    return ", ".join(f"{gap_limit(n):.1f} with {n} seeds" for n in (20, 30, 100))


def _least_found(seeds: int, fewest_levels: int) -> Callable[[], str]:
    """The least rate, over the simulated populations, at which a seed of another kind is pointed out."""

    def read() -> str:
        rates = [_pointed_out(near, [seeds], fewest_levels)[0] for near in (True, False)]
        return f"{min(rates):.1f}%"

    return read


def _lost(study: str, x: str) -> Callable[[], str]:
    """Agents that are judged CAPABILITY LOSS, and so not in the mean preference, for each arm at a value of the grid."""

    def read() -> str:
        table = current(study)
        if table is None:
            return pending(study)
        rows = table.filter(
            (pl.col("measure") == "verdict") & pl.col("seed").is_not_null() & (pl.col("env.condition") == x)
        )
        lost = pl.col("words") == LOST
        arms = rows.group_by("arm", maintain_order=True).agg(lost.sum().alias("lost"), pl.len().alias("all"))
        return ", ".join(
            f"{few} of {several} {'with the usual recipe' if arm == 'main' else f'`{arm}`'}"
            for arm, few, several in arms.iter_rows()
        )

    return read


def _habits(column: str) -> Callable[[], str]:
    """How far the agents lead the devices in the evidence on agents trained with the coin at the edge."""

    def read() -> str:
        rows = pl.read_csv(RESULTS / "outer-inner.csv").filter(pl.col("procedure") == "edge")
        if column not in rows.columns:
            return "measured by `outer_vs_inner`, not yet run"
        leads = rows[column]
        ahead = int((leads > 0).sum())
        least, most = sorted((float(leads.abs().min()), float(leads.abs().max())))  # type: ignore[arg-type]
        if ahead not in (0, len(leads)):
            return f"the agents are ahead for {ahead} of {len(leads)} ({leads.min():+,.0f} to {leads.max():+,.0f} nats)".replace(
                "-", "−"
            )
        return f"the {'agents' if ahead else 'devices'} are ahead for all {len(leads)}, by {least:,.0f} to {most:,.0f} nats"

    return read


def _diagnosis_time() -> str:
    """Processor time of a whole diagnosis, by what the agent sees."""
    path = RESULTS / "diagnosis-time.csv"
    if not path.exists():
        return "a time measured by `bench.diagnosis`, not yet run,"
    words = {"view": "planes", "full": "the whole level in planes", "rgb": "pixels"}
    return " and ".join(
        f"{row['processor_seconds']:,.0f} s for an agent that sees {words[parse_observation(row['observation']).kind]} "
        f"({row['levels']:,} levels per condition)"
        for row in pl.read_csv(path).iter_rows(named=True)
    )


def _relearning(group: str, arm: str) -> Callable[[], str]:
    """Goal reached after 106,496 steps of fine-tuning minus the same from scratch, of a group of agents and an arm."""

    def read() -> str:
        table = pl.read_csv(RESULTS / "finetune.csv")
        if "actions" in table.columns:
            table = table.filter(pl.col("actions") == "sampled")
        rows = table.filter(
            (pl.col("group") == group) & (pl.col("steps") == 106_496) & (pl.col("arm") == arm)
        )
        row = rows.row(0, named=True)
        return f"{row['value']:+.2f} [{row['low']:+.2f}, {row['high']:+.2f}]".replace("-", "−")

    return read


def _named_seekers() -> pl.DataFrame:
    """Agents that are named after the goal: goal first under the shift (drawn) and on the same levels with the goal invisible."""
    tables = []
    for study in (
        "coinrun",
        "beacon",
        "corner",
        "colourshape",
    ):  # not Overseer, where invisible does not hide the goal
        table = current(study)
        if table is None:
            continue
        own = table.filter(pl.col("seed").is_not_null() & (pl.col("step").fill_null("") == ""))
        named = own.filter(
            (pl.col("measure") == "behaviour") & pl.col("words").fill_null("").str.starts_with("goes for ")
        )
        shifts = own.filter(pl.col("measure") == "verdict").select("run", "condition")
        drawn = own.filter(pl.col("measure") == "did/goal first").join(shifts, on=["run", "condition"])
        hidden = own.filter((pl.col("measure") == "goal") & (pl.col("condition") == "invisible"))
        both = drawn.select("run", drawn="value").join(hidden.select("run", hidden="value"), on="run")
        tables.append(both.join(named.select("run"), on="run", how="semi"))
    return pl.concat(tables).with_columns(w=(pl.col("drawn") - pl.col("hidden")) / (1 - pl.col("hidden")))


def _met_unseen() -> str:
    hidden = _named_seekers()["hidden"]
    return f"{hidden.min():.0%} to {hidden.max():.0%}"


def _gem(measure: str) -> Callable[[], str]:
    """The different verdicts on the agents of the study `gem`, in the order of its points."""

    def read() -> str:
        table = current("gem")
        if table is None:
            return pending("gem")
        rows = table.filter((pl.col("measure") == measure) & pl.col("seed").is_null())
        words = list(dict.fromkeys(map(str, rows["words"])))
        return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"

    return read


def _kept_coin() -> str:
    """Of the controls of the fine-tuning test, before it: the coin first, among episodes that reach either."""
    text = (RESULTS / "finetune.md").read_text(encoding="utf-8").partition("## Control")[2]
    found = re.search(r"Goal preference before fine-tuning: ([0-9.]+) \[([0-9.]+), ([0-9.]+)\]", text)
    if found is None:
        return pending("finetuning")
    value, low, high = (100 * float(text) for text in found.groups())
    return f"{value:.0f}% [{low:.0f}, {high:.0f}]"


def _of_procedures(column: str, procedure: str = "") -> Callable[[], str]:
    """How often each word of a column of outer-inner.csv occurs, for agents of one procedure, else for each procedure."""

    def read() -> str:
        table = pl.read_csv(RESULTS / "outer-inner.csv")
        if column not in table.columns:
            return "measured by `outer_vs_inner`, not yet run"
        texts = []
        for name in [procedure] if procedure else ["edge", "proxy-anywhere", "anywhere"]:
            words = Counter(
                table.filter(pl.col("procedure") == name)[column].drop_nulls().to_list()
            ).most_common()
            if not words:  # not measured of such agents
                continue
            counted = ", ".join(f"{word} {n}" for word, n in words)
            texts.append(counted if procedure else f"`{name}`: {counted}")
        return "; ".join(texts)

    return read


REVIEWED: Mapping[str, Callable[[], str]] = {
    "rev-edge-name": _words("coinrun", "behaviour"),
    "rev-seeds-name": _words("seeds", "behaviour"),
    "seeds-unseen": words_on(
        "seeds", r"a kind of agent that (up to \d+%) of seeds produce may be missing", "seeds"
    ),
    "pair-unseen": words_on(
        "coinrun", r"a kind of agent that (up to \d+%) of seeds produce may be missing", "coinrun"
    ),
    "rev-seeds-missed": words_on("seeds", r"(Of those without a name, .*? episodes\))\.", "seeds"),
    "pair-effect": _point("coinrun", "goal_effect"),
    "rev-edge-mirrored": words_on("coinrun", r"\| `mirrored` \| sampled \| [^|]*\| ([^|]*?) \|", "coinrun"),
    "rev-flips": _flips,
    "rev-capability-tenth": _point("alpha", "capability_shift", x="mixture(0.1)"),
    "rev-always": _words("overseer", "verdict"),
    "rev-always-preference": _point("overseer", "preference"),
    "rev-worlds": words_on(
        "worlds",
        r"(The effect appears, and not in the control, in [^.]+)\.",
        "overseer (and the other worlds)",
    ),
    "rev-paralysis": words_on("paralysis", r"committed before any run, is \*\*(.*)$", "paralysis"),
    "rev-relearn-edge": _relearning("edge", "matched_gain"),
    "rev-relearn-control": _relearning("control", "matched_gain"),
    "rev-relearn-edge-own": _relearning("edge", "gain"),
    "rev-relearn-control-own": _relearning("control", "gain"),
    "rev-relearn-kept": _kept_coin,
    "rev-relocation-edge": _point("coinrun", "relocation_effect"),
    "rev-relocation-anywhere": _point("coinrun", "relocation_effect", arm="anywhere"),
    "rev-relocation-corner": _point("corner", "relocation_effect"),
    "rev-relocation-corner-anywhere": _point("corner", "relocation_effect", arm="anywhere"),
    "rev-circles-none": _point("alpha", "paralysis_beyond_none", x="mixture(0.02)"),
    "rev-near": _point("coinrun", "near_touch"),
    "rev-apart": _point("coinrun", "preference_apart"),
    "rev-proxy-only": _point("coinrun", "proxy_only"),
    "rev-regret": _point("coinrun", "normalized_regret"),
    "rev-within-one": _point("coinrun", "distance/within_1", "edge_held_out"),
    "distance-one": words_on(
        "coinrun", r"^- `edge_held_out`.*?; (\S+) of levels are within one cell", "coinrun"
    ),
    "distance-two": words_on(
        "coinrun", r"^- `edge_held_out`.*?within one cell of it, (\S+) within two", "coinrun"
    ),
    "rev-far": _point("coinrun", "goal", "edge_held_out_far"),
    "rev-range": _range("mixture(0.02)"),
    "rev-alarms": _alarms(["1"], [10]),
    "rev-found": _least_found(10, 300),
    "rev-found-100-levels": _least_found(10, 100),
    "rev-found-five": _least_found(5, 300),
    "rev-found-three": _least_found(3, 300),
    "rev-limits": words_on("seed-kinds", r"(?m)^(With 10 seeds, .*)\.$", "seed_kinds"),
    "seeds-gap": lambda: f"{SPREADS:g}",
    "seeds-gap-many": _gaps,
    "seeds-far": lambda: f"{_pointed_out(False, [3, 5, 10], 100)[0]:.1f}%",
    "seeds-near-ten": _between([10]),
    "seeds-near-few": _between([3, 5]),
    "seeds-alarms-little": _alarms(["0", "0.3"], [3, 5, 10]),
    "seeds-alarms-some": _alarms(["0.5"], [3, 5, 10]),
    "seeds-alarms-five": _alarms(["1"], [5]),
    "seeds-alarms-three": _alarms(["1"], [3]),
    "rev-separates": lambda: ", ".join(GOAL_EFFECT_SEPARATES),
    "rev-gem": _point("colourshape", "preference", arm="main"),
    "rev-gem-words": _gem("verdict"),
    "rev-gem-greedy": _gem("greedy/verdict"),
    "rev-gem-aligned": words_on(
        "gem", r"ALIGNED (by way of the proxy\. The goal comes first .*? of the best return)", "gem"
    ),
    "rev-gem-held": _point("colourshape", "goal", "pair_red_line_yellow_gem"),
    "rev-gem-base": _point("gem", "preference", x="view", key="env.observation"),
    "rev-gem-colour": _point("gem", "preference", x="view(red=4, green=4)", key="env.observation"),
    "rev-gem-shape": _point("gem", "preference", x="view(line=4, gem=4, star=4)", key="env.observation"),
    "rev-cure-base": _point("cure", "preference", x="mixture(0.02)"),
    "rev-cure-longer": _point("cure", "preference", arm="longer", x="mixture(0.02)"),
    "rev-cure-levels": _point("cure", "preference", arm="new-levels", x="mixture(0.02)"),
    "rev-cure-entropy": _point("cure", "preference", arm="entropy", x="mixture(0.02)"),
    "rev-cure-lost": _lost("cure", "mixture(0.02)"),
    "rev-cure-zero": _point("cure", "preference", arm="longer", x="mixture(0)"),
    "rev-cure-first": _point("cure", "goal_first", arm="longer", x="mixture(0.02)"),
    "rev-cure-stuck": _point("cure", "paralysis", arm="longer", x="mixture(0.02)"),
    "attribution-best": _of_procedures("best"),
    "attribution-seeing": _of_procedures("against_seeing"),
    "attribution-past-the-edge": _of_procedures("separated"),
    "attribution-habits": _habits("agent_over_device"),
    "attribution-no-habits": _habits("agent_over_device_without_habits"),
    "diagnosis-time": _diagnosis_time,
    "rev-name-unseen": _met_unseen,
    "rev-name-least": lambda: f"{_named_seekers()['w'].min():.2f}",
    "rev-two-percent": _point("alpha", "misgeneralization", x="mixture(0.02)"),
    "rev-zero-percent": _point("alpha", "misgeneralization", x="mixture(0)"),
    "rev-pixels": _words("pixels", "verdict"),
    "rev-pixels-preference": _point("pixels", "preference"),
    "rev-pixels-control": _words("pixels", "verdict", arm="anywhere"),
    "rev-pixels-control-capability": _point("pixels", "capability", arm="anywhere"),
}
