"""Give an agent that was trained elsewhere a run folder: measured as a run is, and read by diagnose, report, record and compare.

The folder has a config, provenance, episodes and recorded actions, but no checkpoint, since the agent's weights are not ours to save: what
needs the agent itself again, such as the goal sweep or fine-tuning, says so. Read next: `experiments/evaluation/evaluate.py`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ...envs.worlds.contract.world import World
from ...envs.worlds.registry import get_world
from ..config.schema import ExperimentConfig
from ..evaluation.agent_names import checked_name, checked_seed, name_of
from ..evaluation.evaluate import evaluate_fully, subject_of
from ..evaluation.trajectories import record
from ..runs.run import Run


def adopt(
    agent: Any,
    out: str | os.PathLike[str],
    *,
    name: str | None = None,
    seed: int = 0,
    world: str | World = "CoinRun",
    observation: str = "view",
    conditions: Sequence[str] | None = None,
    levels: int | None = None,
) -> Run:
    """Evaluate an agent with `predict` into a new run folder `out`, and return the run.

    name, seed: what results call it, and the seed that it was trained with: folders of one name and several seeds are judged
    together, as a training procedure. Raises UserError, RunError (the folder exists), ConfigError.
    """
    subject = subject_of(agent, world, observation, name, seed)
    evaluate: dict[str, Any] = {} if conditions is None else {"conditions": list(conditions)}
    data: dict[str, Any] = {
        "name": checked_name(name) if name is not None else name_of(agent),
        "world": get_world(world).name,
        "seed": checked_seed(seed),
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
            settings.conditions,
            settings.levels,
            settings.level_seed,
            settings.greedy,
        )
        record(run, found)
        run.set_status("finished", message="an adopted agent: trained elsewhere, without checkpoint")
    return run
