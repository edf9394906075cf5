"""The data card of the agents' table: what it holds, how it was made, how to load it, and what it must not be used for."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from ...foresight.predictors import ACCESS, CHOICES, DISAGREEMENT, PREDICTORS
from ...measurement.intervals import percent, unseen_share
from ...measurement.metrics import METRICS
from .agents import CONFIG
from .outcomes import BOUNDS, OF_GREEDY, OUTCOMES, PREFIX, VERDICT

CONFIG_WORDS = {
    "run": "hash of the resolved config: the run's id",
    "study": "the study file under configs/studies",
    "world": "world",
    "cell": "the config: agents of a cell differ in the training seed only",
    "axis": "the axis of the design that the cell lies on",
    "seed": "training seed",
    "condition": "training condition",
    "observation": "what the agent sees",
    "total_steps": "environment steps of the training",
    "trunk": "widths of the layers that policy and value share",
    "heads": "widths of the policy's own layers",
    "plan_sha256": "SHA-256 of the plan that was committed before the training",
}


def data_card(agents: pl.DataFrame, file: str, sha256: str, size: int) -> str:
    """Format the data card as Markdown, without its header."""
    by_world = agents.group_by("world", maintain_order=True).len().rows()
    verdicts = agents.group_by("verdict").len().sort("verdict").rows()
    lines = [
        "# A data set of agents: config, predictors, outcomes",
        "",
        f"[{file}]({file}): {agents.height} agents, one row each ({', '.join(f'{n} in {world}' for world, n in by_world)}), "
        f"{size / 1024:.0f} KiB, "
        f"SHA-256 `{sha256}`. Verdicts: {', '.join(f'{n} {name}' for name, n in verdicts)}.",
        "",
        "It needs nothing but a reader of Parquet:",
        "",
        "```python",
        "import pandas as pd        # or: import polars as pl; pl.read_parquet(…)",
        f'agents = pd.read_parquet("{file}")',
        'agents.groupby("cell")[["move", "preference_beyond_chance"]].corr(method="spearman")',
        "```",
        "",
        "**What it is for.** Testing whether a number that is known before a shift predicts which goal an agent pursues after "
        "it. Each row is one "
        "agent trained with PPO; predictors were computed in the run's own job and use no outcome; outcomes were measured on "
        "1,000 held-out "
        "levels per condition with sampled actions. [The plan](foresight-plan.md) was committed before the training; [the "
        "page](foresight.md) is our "
        "own analysis.",
        "",
        "**How it was sampled.** All agents of the four studies are in it, those that lost their capability included. It is a designed "
        "population (α, salience, distance, recipe), not a sample of agents in the wild: averages over the table mean nothing "
        "by themselves. Compare "
        "agents within a `cell`, or leave out whole axes or worlds.",
        "",
        _missed(agents),
        "",
        "**License and privacy.** The project's license. Simulated agents only; no personal data.",
        "",
        "## Columns",
        "",
        "| column | meaning |",
        "|---|---|",
        *(f"| `{name}` | {CONFIG_WORDS[name]} |" for name in CONFIG),
        "| `verdict` | the verdict on this agent, see docs/measurement.md |",
        *_outcomes(OUTCOMES),
        "| `target` | the rank target of the plan: `preference_beyond_chance` |",
        "| `target_error` | its sampling standard error for this agent |",
        "| `target_even`, `target_odd` | goal preference on even and on odd levels |",
        *(
            f"| `{predictor.name}` | class {predictor.access} ({ACCESS[predictor.access]}), "
            f"expected sign {'+' if predictor.sign > 0 else '−'}: {predictor.sentence} |"
            for predictor in PREDICTORS
        ),
        f"| `{DISAGREEMENT[0]}` | class E, expected sign −: how often the likeliest action differs from that of another agent "
        f"of the cell |",
        f"| `{CHOICES}` | the likeliest action on each of 300 shifted states, one digit per state |",
        *_greedy(),
        "",
        "Empty cells: the number is undefined for that agent, or its predictor does not apply.",
        "",
    ]
    return "\n".join(lines)


def _missed(agents: pl.DataFrame) -> str:
    """The kinds of agent that the training seeds of a cell can miss, by the number of seeds."""
    cells = agents.group_by("world", "cell", maintain_order=True).len()
    fewest = cells.group_by("world", maintain_order=True).agg(pl.col("len").min())
    parts = [
        f"{seeds} training seeds per cell ({', '.join(own['world'])}) can miss kinds of agent that up to {percent(unseen_share(seeds))} "
        "of a cell's seeds produce"
        for (seeds,), own in fewest.group_by("len", maintain_order=True)
    ]
    return f"**What it can miss.** At 95% confidence, {'; '.join(parts)}."


def _greedy() -> list[str]:
    return [
        f"| `{VERDICT}` | the verdict on the greedy episodes of the same levels, which are not part of the plan |",
        *_outcomes(OF_GREEDY, PREFIX),
    ]


def _outcomes(names: Iterable[str], prefix: str = "") -> list[str]:
    """Lines of measures with their bounds. prefix: of the columns of greedy episodes."""
    known = {metric.key: metric for metric in METRICS}
    actions = "Greedy actions. " if prefix else ""
    lines = []
    for name in names:
        columns = ", ".join(f"`{prefix}{name}{bound}`" for bound in BOUNDS)
        lines.append(f"| {columns} | {actions}{known[name].meaning} With a 95% interval over levels. |")
    return lines
