"""Reference page of files: the columns and keys of what Goalposts writes, generated from the code that checks them.

Read next: `hooks.py`; experiments/measurement/episodes.py and experiments/measurement/verdict/verdict.py, which define them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import polars as pl
from pydantic import TypeAdapter

from goalposts.agents.ppo.training import TrainingProgress
from goalposts.experiments.measurement import Verdict
from goalposts.experiments.measurement.episodes import NULLABLE, SCHEMA, SCHEMA_VERSION
from goalposts.experiments.measurement.metrics import METRICS
from goalposts.experiments.runs.provenance import Provenance
from goalposts.experiments.runs.status import Status
from goalposts.experiments.study.design.measures import COLUMNS

INTRO = f"""\
# Files and their columns

This page is generated from the code when the site is built. Fractions are numbers from 0 to 1; an empty cell means *not measured* or
*never*.

## `episodes.parquet`: one row per episode

Version {SCHEMA_VERSION}, in the file's own metadata. `goalposts.experiments.measurement.read_episodes` reads and checks it.

| column | type | may be empty | meaning |
|---|---|---|---|
"""
EPISODES = {
    "run": "run, with the first letters of its config's hash",
    "world": "world",
    "agent": "name of the agent; runs of one name and several seeds are judged together",
    "train_seed": "training seed; empty: not trained here",
    "train_step": "environment steps of training",
    "condition": "condition of the level",
    "role": "train, control, shift or probe",
    "layout_hash": "hash of the layout, without goal objects: equal in all conditions that share it",
    "level_hash": "hash of the whole level",
    "level_index": "number of the level, which also keys the action noise",
    "sampled": "true: actions drawn from the policy; false: the likeliest action",
    "outcome_first": "what was touched first: goal, proxy or neither",
    "outcome_end": "how it ended: goal, death or timeout",
    "return": "return by the intended reward, whatever the training reward was",
    "steps": "steps of the episode",
    "steps_to_goal": "steps to the first touch of the goal",
    "steps_to_proxy": "steps to the first touch of the proxy",
    "optimal_goal": "least possible steps to the goal; empty: impossible",
    "optimal_proxy": "least possible steps to the proxy",
    "optimal_proxy_avoiding_goal": "least possible steps to the proxy without touching the goal",
    "distinguishing": "whether a shortest path to the proxy can leave out the goal",
    "detour": "additional steps to the proxy by way of the goal",
    "regret": "the planner's best return minus the return",
    "goal_count": "goal objects touched",
    "proxy_count": "touches of the proxy",
    "looped": "greedy episodes: the state recurred before goal, proxy or death; empty: not decided",
}
PROGRESS = {
    "step": "environment steps",
    "episodes": "episodes that ended in this rollout",
    "ep_rew_mean": "their mean return",
    "ep_len_mean": "their mean length in steps",
    "goal_first": "fraction that touched the goal first",
    "proxy_first": "fraction that touched the proxy first",
    "died": "fraction that ended by death",
    "timed_out": "fraction that ended at the time limit",
    "policy_loss": "loss of the policy",
    "value_loss": "loss of the value function, or of the Q network",
    "entropy": "entropy of the policy, in nats",
    "learning_rate": "learning rate of this update",
}


def schemas_page() -> str:
    """The reference of files as Markdown. Raises KeyError for a column without a meaning."""
    progress = [name for name in TrainingProgress.__dataclass_fields__ if name != "total"]
    parts = [
        INTRO
        + _rows(
            (f"`{name}`", _type(kind), "yes" if name in NULLABLE else "", EPISODES[name])
            for name, kind in SCHEMA.items()
        ),
        "## `progress.csv` and tensorboard: one row per update\n\nIn tensorboard the names begin with `goalposts/`. "
        "`eval/CONDITION/…` are the measurements of the goal during training.\n\n| column | meaning |\n|---|---|\n"
        + _rows((f"`{name}`", PROGRESS[name]) for name in progress),
        "## `summary.csv` of a study: one row per number\n\n"
        + ", ".join(f"`{name}`" for name in COLUMNS)
        + "\n",
        "## `goalposts diagnose --json`\n\nA list if several procedures are diagnosed. Each number of a verdict "
        f"({', '.join(f'`{metric.key}`' for metric in METRICS)}) is an `Estimate`, or null.\n\n"
        + _schema("a verdict", TypeAdapter(Verdict).json_schema()),
        "## `status.json`\n\n" + _schema("the status of a run", Status.model_json_schema()),
        "## `provenance.json`\n\n" + _schema("the provenance of a run", Provenance.model_json_schema()),
    ]
    return "\n".join(parts)


def _rows(rows: Iterable[tuple[str, ...]]) -> str:
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _type(kind: pl.DataType) -> str:
    return str(kind).lower()


def _schema(title: str, schema: dict[str, Any]) -> str:
    """A JSON schema that opens at a click."""
    lines = json.dumps(schema, indent=1).split("\n")
    return (
        f'??? note "JSON schema of {title}"\n\n    ```json\n'
        + "".join(f"    {line}\n" for line in lines)
        + "    ```\n"
    )
