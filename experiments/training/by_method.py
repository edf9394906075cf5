"""A run whose config names a method: its task, its log, and the agent that it returns, saved as any other agent.

A method that is killed starts again from its beginning, and ends in the same bytes if it draws its random numbers from its seed. The
goal is measured over training time on this side of the task, so the method sees neither those levels nor those steps. Read next:
`agents/methods/task.py`; `train.py`, which calls this.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from goalposts.errors import UserError

from ...agents.methods.registry import method_named
from ...agents.methods.task import TaskSpec, TrainingTask, finished
from ...agents.named_code import find_code
from ...agents.policy.checkpoint import save_agent
from ..config.schema import ExperimentConfig
from ..runs.run import Run
from .learner_settings import env_options, learner_settings


def steps_allowed(config: ExperimentConfig) -> int:
    """The step budget of a run's method: that of the config, or what a training without a method takes."""
    train, method = config.train, config.method
    planned = -(-train.total_steps // train.rollout) * train.rollout
    return planned if method is None or method.steps is None else method.steps


def check_method(config: ExperimentConfig) -> None:
    """Raise UserError for a method that cannot be used: not named, of another source than the config says, no method."""
    method = config.method
    if method is None:
        return
    method_named(method.name, method.options)
    code = find_code(method.name)
    if code is not None and method.source not in (None, code.digest):
        raise UserError(
            f"{method.name} was edited since this config was resolved: its source has the hash {code.digest[:12]}, the config says "
            f"{str(method.source)[:12]}. Undo the edit, or leave method.source out and train into another folder."
        )


def train_by_method(run: Run, log: Callable[[dict[str, Any], Any], None]) -> int:
    """Train with the run's method and save its agent; the steps that it took. Raises UserError of many kinds."""
    config, method = run.config, run.config.method
    assert method is not None
    spec = TaskSpec(
        config.name,
        env_options(config),
        learner_settings(config.train),
        steps_allowed(config),
        method.labels,
        method.labels_from,
        log,
    )
    np.random.seed(config.seed)
    torch.manual_seed(config.seed)
    task = TrainingTask(spec, config.seed)
    agent = finished(method_named(method.name, method.options).train(task, config.seed), task, config.name)
    run.save_checkpoint(task.steps.spent, lambda folder: save_agent(folder, agent))
    words = f"{task.steps.spent:,} of {task.steps.limit:,} environment steps, {task.labels.spent:,} of {task.labels.limit:,} labels"
    run.set_status("running", step=task.steps.spent, message=words)
    return task.steps.spent
