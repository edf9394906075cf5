"""Give an agent that was trained elsewhere a run folder: measured as a run is, and read by diagnose, report, record and compare.

The folder has a config, provenance, episodes and recorded actions, but no checkpoint, since the agent's weights are not ours to save: what
needs the agent itself again, such as the goal sweep or fine-tuning, says so. Read next: `experiments/evaluation/evaluate.py`;
`sb3_zip.py`, agents from stable-baselines3's files.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from goalposts.errors import UserError

from ...envs.worlds.contract.world import World
from ...envs.worlds.registry import get_world
from ..config.schema import ExperimentConfig
from ..evaluation.agent_names import checked_name, checked_seed, name_of
from ..evaluation.evaluate import evaluate_fully, subject_of, with_naming_probes
from ..evaluation.trajectories import record
from ..measurement.episodes import read_episodes
from ..runs.run import Run


def adopt(
    agent: Any,
    out: str | os.PathLike[str],
    *,
    name: str | None = None,
    seed: int | None = None,
    world: str | World = "CoinRun",
    observation: str = "view",
    conditions: Sequence[str] | None = None,
    levels: int | None = None,
) -> Run:
    """Evaluate an agent with `predict` into a new run folder `out`, and return the run.

    name, seed: what results call it, and the seed that it was trained with: folders of one name and several seeds are judged
    together, as a training procedure. Without a seed, none is recorded in the episodes, and the folder's config says 0.
    conditions: default: the world's usual ones, and the probes that name the behaviour.
    Raises UserError, RunError (the folder exists), ConfigError.
    """
    subject = subject_of(agent, world, observation, name, seed)
    evaluate: dict[str, Any] = {} if conditions is None else {"conditions": list(conditions)}
    data: dict[str, Any] = {
        "name": checked_name(name) if name is not None else _as_folder(name_of(agent, seed)),
        "world": get_world(world).name,
        "seed": 0 if seed is None else checked_seed(seed),
        "env": {"observation": observation},
        "evaluate": evaluate if levels is None else {**evaluate, "levels": levels},
        "method": {"name": "adopted", "agent": f"{type(agent).__module__}.{type(agent).__qualname__}"},
    }
    config = ExperimentConfig.parse(data, "the adopted agent")
    settings = config.evaluate
    run = Run.create(out, config)
    label = f"{config.name}-s{config.seed}-{config.hash()[:6]}"
    with run.lock():
        run.set_status("running", message="an adopted agent is evaluated")
        found = evaluate_fully(
            replace(subject, run=label),
            with_naming_probes(get_world(world), settings.conditions),
            settings.levels,
            settings.level_seed,
            settings.greedy,
        )
        record(run, found)
        run.set_status("finished", message="an adopted agent: trained elsewhere, without checkpoint")
    return run


def evaluate(
    run: Run | str | Path | Any,
    conditions: Sequence[str] | None = None,
    levels: int | None = None,
    world: str | World = "CoinRun",
    observation: str = "view",
    *,
    name: str | None = None,
    seed: int | None = None,
    out: str | os.PathLike[str] | None = None,
) -> pl.DataFrame:
    """Evaluate a run, a run folder or any agent with `predict`; return the episodes table, one row per episode.

    For agents that are not runs (an SB3 model keeps its memory from step to step, and sees through its VecNormalize and VecFrameStack
    if these are still its environment; else see `goalposts.agents.Normalized` and `goalposts.agents.FrameStacked`):

    world, observation   the world they play, and the observation they get
    name                 the agent's name in the table; default: its own `name`, else its class, numbered if another object of
                         that class was evaluated before
    seed                 its training seed; agents with one name and several seeds are judged as a training procedure
    out                  also write a new run folder there, which `diagnose`, `report`, `record`, `watch` and comparisons read

    Raises UserError, RunError or CheckpointError; see `subject_of` and `plan_of`.
    """
    if out is None:
        return evaluate_fully(subject_of(run, world, observation, name, seed), conditions, levels).episodes
    if isinstance(run, Run | str | Path):
        raise UserError(
            "out= writes a run folder for an agent that has none, and a run was given; omit out=, or use the command "
            "goalposts evaluate RUN --out FILE.parquet"
        )
    made = adopt(
        run,
        out,
        name=name,
        seed=seed,
        world=world,
        observation=observation,
        conditions=conditions,
        levels=levels,
    )
    return read_episodes(made.episodes_path)


def _as_folder(name: str) -> str:
    """A name that a folder may have, from an agent's own."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("._-")[:80] or "agent"


@contextmanager
def adopted_for_now(agent: Any, **options: Any) -> Iterator[Run]:
    """A run folder of an agent that is deleted afterwards. options: those of `adopt`."""
    with tempfile.TemporaryDirectory(prefix="goalposts-") as folder:
        yield adopt(agent, Path(folder) / "agent", **options)
