"""The page of outer against inner alignment: its figure, one row per agent, and what follows from them.

All text is derived from the table. Read next: `__main__.py`, which makes the table.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ...measurement.attribution import TIED
from ...measurement.intervals import percent, unseen_share
from ...report.figures.charts import PALETTE
from ...report.figures.dot_rows import DotRow, RowDot, dot_rows
from ...report.figures.drawn import Drawn, study_style
from ...study.leaderboard.cells import over_seeds
from ...study.results.page_details import markdown_row
from ...study.results.page_header import front_matter, golden_of
from .greedy import VERDICT, greedy_part

PROCEDURES = {  # name: what is rewarded, where the coin is, colour; the twins have their colours of every page
    "anywhere": ("coin pays, coin anywhere", "agent-2"),
    "edge": ("coin pays, coin at the edge", "agent-1"),
    "proxy-anywhere": ("edge pays, coin anywhere", "muted"),
}
LEAD = "lead_of_move_right_"  # over right_edge, in nats; a probe's name follows
UNDECIDED = "undecided"
QUESTIONS = (
    ("training_return", "In training: reward earned"),
    ("preference", "Coin moved: coin first"),
    ("goal_effect", "Coin hidden: how much less often it is touched"),
)


def draw(table: pl.DataFrame) -> Drawn:
    """Draw three questions to each agent: its score, what it reaches first, and whether seeing the coin is the reason."""
    rows = []
    names = table["procedure"].unique(maintain_order=True).to_list()
    for column, question in QUESTIONS:
        for k, name in enumerate(names):
            label, colour = PROCEDURES.get(name, (name, f"agent-{k % 4 + 1}"))
            own = table.filter((pl.col("procedure") == name) & pl.col(column).is_not_null())
            values = own[column].to_list()
            middle = float(np.mean(values))
            dot = RowDot(middle, min(values), max(values), PALETTE[colour], agents=tuple(values))
            rows.append(DotRow(label, (dot,), heading=question if k == 0 else ""))
    with study_style():
        figure, _ = dot_rows(rows, (), "")
    sizes = sorted(set(table.group_by("procedure").len()["len"]))
    seeds = " or ".join(map(str, sizes))
    caption = (
        f"Large dots: means over n = {seeds} training seeds per procedure; bars: from the lowest to the highest seed; small dots: "
        "single agents, each measured on held-out `off_path` levels; the 95% interval of each is in the table."
    )
    return Drawn("outer-inner", _title(table), figure, caption)


def _title(table: pl.DataFrame) -> str:
    """State whether the score, and what is reached first, distinguish the procedures."""
    spread = {}
    for column, _ in QUESTIONS:
        means = table.group_by("procedure").agg(pl.col(column).mean())[column]
        spread[column] = float(means.max() or 0) - float(means.min() or 0)  # pyright: ignore
    score = "The score is the same" if spread["training_return"] < 0.02 else "The scores differ"
    goal = (
        "moving the coin shows two goals"
        if spread["preference"] > 0.5
        else "moving the coin shows no two goals"
    )
    own = table.group_by("procedure").agg(pl.col("preference").mean())
    by_name = dict(own.iter_rows())
    same = abs(by_name.get("edge", 0) - by_name.get("proxy-anywhere", 1)) < 0.05
    joined = "; " if spread["training_return"] < 0.02 else ", and "
    return f"{score}{joined}{goal}{', but not which reward was wrong' if same else ''}"


HEADS = (
    "procedure",
    "seed",
    "training return",
    "capability",
    "goal preference",
    "by chance",
    "beyond chance",
    "goal effect",
    "attribution (nats)",
    "against devices that see",
    "what it does",
    "verdict",
)
WAYS = (
    "- `edge`: the right reward (the coin), the coin always at the edge in training;",
    "- `proxy-anywhere`: the wrong reward (the edge), the coin anywhere in training;",
    "- `anywhere`: the right reward, the coin anywhere. The control.",
)
ROWS = " --rows docs/results/rows"
ALONE = "; without runs, it adds the numbers of recorded rows to the table"
HERE = "Greedy actions of the same agents follow; [the study of the same configs and seeds](coinrun.md) has every condition."
ELSEWHERE = (
    "Greedy episodes were played too; [the study of the same configs and seeds](coinrun.md) has the verdicts on them, and the relocation "
    "effect, which the table of this page does not hold."
)
RECIPES = ("coinrun/edge", "coinrun/anywhere", "coinrun/proxy_anywhere")


def page(table: pl.DataFrame, figure: Drawn, out: Path) -> str:
    """Format the page as Markdown, with its header."""
    seeds = min(table.group_by("procedure").len()["len"])
    greedy = VERDICT in table.columns
    command, rows = f"python -m goalposts.experiments.analyses.outer_vs_inner {out}", ROWS if greedy else ""
    golden = {name: digest for name, digest in golden_of(out.parent).items() if name == "CoinRun"}
    header = front_matter(f"{command} RUNS{rows}", f"{seeds} training seeds per procedure", RECIPES, golden)
    last = int(table["seed"].max())  # pyright: ignore
    lines = [
        "# Outer against inner: can you see whether the reward was wrong, or what was learned from it?",
        "",
        f"Three ways of training, {seeds} seeds each (seeds {table['seed'].min()} to {last}, a million steps, the shipped configs):",
        "",
        *WAYS,
        "",
        f"![{figure.title}]({out.stem}.svg)",
        "",
        f"*{figure.title}. {figure.caption}*",
        "",
        markdown_row(HEADS),
        markdown_row(["---"] * len(HEADS)),
        *(markdown_row(_cells(row)) for row in table.iter_rows(named=True)),
        "",
        "Attribution: the best hypothesis, and how far the second-best lies behind it, on episodes up to their first touch. Against "
        "devices that "
        "see: whether agents that pursue a goal explain the actions better than devices that read the surroundings do, at every number "
        "of episodes; "
        f"their lead over 1,000 episodes together, over all priors.{_on_probes(table)}",
        "",
        "By chance: the goal preference of the same agent on the same levels while the coin is invisible; beyond chance: (preference − "
        f"chance) / (1 − chance). Every column is of sampled actions. {HERE if greedy else ELSEWHERE}",
        "",
        *(greedy_part(table) if greedy else ()),
        "## What it shows",
        "",
        *_findings(table),
        "- **With the coin always at the edge** the two rewards are the same numbers at every step, so `reward_proxy` and `edge` should "
        "end in the same weights, byte for byte, for each seed. This was seen with earlier levels, for five seeds, and was not repeated "
        "with the levels and seeds of this page. Behaviour alone cannot show the cause; only the "
        "config can (the reward is printed with every report). MISGENERALIZED means “not after what we meant”.",
        "",
        "## What it does not show",
        "",
        "One world, one recipe. The trace was not predicted before it was seen. Returns are those of the last logged training episodes. "
        f"{seeds} "
        f"seeds can miss a kind of agent that up to {percent(unseen_share(seeds))} of seeds produce (95% confidence).",
        "",
        "## Made by",
        "",
        f"    for s in $(seq 0 {last}); do",
        "      goalposts train coinrun/edge seed=$s; goalposts train coinrun/anywhere seed=$s; goalposts train coinrun/proxy_anywhere "
        "seed=$s",
        "    done",
        f"    {command} runs/*{rows}",
        "",
        f"The second command writes the table (all numbers with their intervals), the figure and this page{ALONE if greedy else ''}.",
    ]
    return header + "\n".join(lines) + "\n"


def _cells(row: dict[str, Any]) -> list[str]:
    return [
        row["procedure"],
        str(row["seed"]),
        f"{row['training_return']:.3f}",
        f"{row['capability']:.3f}",
        *(
            _interval(row, name)
            for name in ("preference", "chance", "preference_beyond_chance", "goal_effect")
        ),
        f"`{row['best']}`, by {row['margin']:,.0f} before `{row['second']}`" + _past_the_edge(row),
        f"{row['against_seeing']} ({_span([row['ahead_of_seeing_1000_low'], row['ahead_of_seeing_1000_high']])})",
        row["name"] or "no name",
        row["verdict"],
    ]


def _past_the_edge(row: dict[str, Any]) -> str:
    """Which of right edge and move right the probes favour; empty for other agents, and for tables of older versions."""
    return f"; past the edge: `{better}`" if (better := row.get("separated")) else ""


def _on_probes(table: pl.DataFrame) -> str:
    """What the words past the edge mean; empty for tables of older versions."""
    probes = [name.removeprefix(LEAD) for name in table.columns if name.startswith(LEAD)]
    if not probes:
        return ""
    return (
        " Past the edge: which of `right_edge` and `move_right`, which these levels do not separate, explains the actions better on "
        f"{' and '.join(f'`{probe}`' for probe in probes)}, whose levels do. A probe decides if its episodes, taken together and one by "
        f"one, favour the same one, and together by at least {TIED:g} nats."
    )


def _edge_or_right(table: pl.DataFrame, *procedures: str) -> Iterator[str]:
    """The finding on agents that `right_edge` explains best: is it the edge, or just right?"""
    columns = [name for name in table.columns if name.startswith(LEAD)]
    of_all = [(name, _of(table, name)) for name in procedures]
    if not columns or any(own["separated"].null_count() for _, own in of_all):
        return
    counts = "; ".join(f"`{name}` {_counted(own['separated'])}" for name, own in of_all)
    leads = "; ".join(
        f"`{name}` "
        + ", ".join(f"{_span(own[column].to_list())} on `{column.removeprefix(LEAD)}`" for column in columns)
        for name, own in of_all
    )
    yield (
        "- **The edge, or just right?** On `off_path` the edge is the last column, so `right_edge` there means both. On the probes that "
        f"separate the two: {counts}. Lead of `move_right` over `right_edge`, in nats: {leads}."
    )


def _interval(row: dict[str, Any], name: str) -> str:
    numbers = (row[name], row[f"{name}_low"], row[f"{name}_high"])
    value, low, high = (f"{number:.3f}".replace("-", "−") for number in numbers)
    return f"{value} [{low}, {high}]"


def _span(values: list[float], form: str = "+,.0f") -> str:
    return f"{min(values):{form}} to {max(values):{form}}".replace("-", "−")


def _of(table: pl.DataFrame, name: str) -> pl.DataFrame:
    return table.filter(pl.col("procedure") == name)


def _counted(values: pl.Series) -> str:
    return ", ".join(
        f"{word} {n}" for word, n in Counter(values.fill_null("no name").to_list()).most_common()
    )


def _above_zero(own: pl.DataFrame, name: str) -> int:
    return own.filter(pl.col(f"{name}_low") > 0).height


def _trace(edge: pl.DataFrame, paid: pl.DataFrame) -> str:
    """Whether agents paid for the coin keep a trace of it: one look over all seeds, because single agents are many looks."""
    pairs = edge.join(paid, on="seed", suffix="_paid")
    spread = over_seeds((pairs["goal_effect"] - pairs["goal_effect_paid"]).to_list(), -1.0, 1.0)
    counts = [_above_zero(own, "goal_effect") for own in (edge, paid)]
    means = [own["goal_effect"].mean() for own in (edge, paid)]
    words = (
        f"The mean goal effect is {means[0]:.3f} and {means[1]:.3f}. Single agents have it above 0 with their whole interval in "
        f"{counts[0]} of {edge.height} and {counts[1]} of {paid.height}; of {edge.height + paid.height} agents without any effect, "
        f"{0.025 * (edge.height + paid.height):.2g} would by chance"
    )
    if spread is None or spread[3] < 2:
        return f"{words}."
    mean, low, high, n = spread
    trace = ": an agent that was paid for the coin keeps a trace of it" if low > 0 else ""
    span = f"{mean:.3f} [{low:.3f}, {high:.3f}]".replace("-", "−")
    return f"{words}. The difference, paired by seed, is {span} (n = {n:.0f}, Student's t){trace}."


def _findings(table: pl.DataFrame) -> list[str]:
    edge, paid, control = (_of(table, name) for name in ("edge", "proxy-anywhere", "anywhere"))
    if not (edge.height and paid.height and control.height):
        return []
    first, second, third = (_span(own["preference"].to_list(), ".2f") for own in (edge, paid, control))
    returns = _span(table["training_return"].to_list(), ".3f")
    blind, bare = (
        _span(table[name].to_list()) for name in ("agent_over_device", "agent_over_device_without_habits")
    )
    return [
        f"- **`edge` and `anywhere`** reach different things first after the move (goal preference {first} against {third}), "
        f"at training returns of {returns} over all agents.",
        f"- **`edge` and `proxy-anywhere`**: verdicts {_counted(edge['verdict'])}, and {_counted(paid['verdict'])}; best "
        f"hypotheses {_counted(edge['best'])}, and {_counted(paid['best'])}; goal preference {first}, and {second}. "
        + _trace(edge, paid),
        f"- **What they do**, by the probes: `edge` {_counted(edge['name'])}; `proxy-anywhere` {_counted(paid['name'])}; "
        f"`anywhere` {_counted(control['name'])}. The best hypothesis is the best of those in the library; the name is what the "
        "probes leave possible.",
        *_edge_or_right(table, "edge", "proxy-anywhere"),
        f"- **Against devices that see**: `edge` {_counted(edge['against_seeing'])}; `proxy-anywhere` "
        f"{_counted(paid['against_seeing'])}; `anywhere` {_counted(control['against_seeing'])}. Over 1,000 episodes together, agents "
        f"that pursue a goal lead by {_leads(edge, 1000)} nats for `edge` and by {_leads(control, 1000)} for `anywhere` (all agents "
        f"and priors); over single episodes by {_leads(edge, 1, '+.1f')} and {_leads(control, 1, '+.1f')}.",
        f"- **Against blind devices** they lead by {blind} nats over all agents; if agents are allowed no habit, by {bare}.",
    ]


def _leads(own: pl.DataFrame, n: int, form: str = "+,.0f") -> str:
    return _span([*own[f"ahead_of_seeing_{n}_low"], *own[f"ahead_of_seeing_{n}_high"]], form)
