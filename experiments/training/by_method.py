"""A run whose config names a method: its task, its log, and the agent that it returns, saved as any other agent.

A method that is killed starts again from its beginning, and ends in the same bytes if it draws its random numbers from its seed. The
goal is measured over training time on this side of the task, so the method sees neither those levels nor those steps. Read next:
`agents/methods/task.py`; `train.py`, which calls this.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from goalposts.errors import UserError

from ...agents.methods.event_log import EventLog
from ...agents.methods.registry import method_named
from ...agents.methods.task import TaskSpec, TrainingTask, finished
from ...agents.named_code import find_code
from ...agents.policy.checkpoint import save_agent
from ...agents.policy.library_defaults import defaults
from ..config.schema import ExperimentConfig
from ..config.train_section import source_of
from ..runs.run import Run
from .initial_weights import start_from
from .learner_settings import env_options, learner_settings


def check_code(config: ExperimentConfig) -> None:
    """Raise UserError for custom code that cannot be used: not named, of another source than the config says, no method."""
    net, method = config.train.net, config.method
    names = [name for name in (net.policy, net.features_extractor) if name is not None]
    digest = source_of(names)
    if digest is not None and net.source not in (None, digest):
        raise UserError(
            f"{' or '.join(names)} was edited since this config was resolved: the source has the hash {digest[:12]}, the config says "
            f"{str(net.source)[:12]}. Undo the edit, or leave train.net.source out and train into another folder."
        )
    if method is None:
        return
    method_named(method.name, method.options)
    code = find_code(method.name)
    if code is not None and method.source not in (None, code.digest):
        raise UserError(
            f"{method.name} was edited since this config was resolved: its source has the hash {code.digest[:12]}, the config says "
            f"{str(method.source)[:12]}. Undo the edit, or leave method.source out and train into another folder."
        )


def train_by_method(run: Run, log: Callable[[dict[str, Any], Any], None], events: EventLog) -> int:
    """Train with the run's method and save its agent; the steps that it took. events: tensorboard's log. Raises UserError."""
    config, method = run.config, run.config.method
    assert method is not None
    spec = TaskSpec(
        config.name,
        env_options(config),
        learner_settings(config.train),
        config.step_budget,
        method.labels,
        method.labels_from,
        log,
        unlabelled=method.unlabelled,
        start=None if config.init_from is None else lambda learner: start_from(config, learner),
        checkpoint=lambda agent: checkpoint(agent, task),
        events=events,
    )

    def checkpoint(agent: Any, task: TrainingTask) -> None:
        agent = finished(agent, task, config.name)
        run.save_checkpoint(task.steps.spent, lambda folder: save_agent(folder, agent))

    np.random.seed(config.seed)
    torch.manual_seed(config.seed)
    task, began = TrainingTask(spec, config.seed), time.process_time()
    with defaults():  # on one thread, as in training without a method
        agent = method_named(method.name, method.options).train(task, config.seed)
    checkpoint(agent, task)
    run.note_spent({**task.spent(), "steps": task.steps.spent, "cpu_seconds": time.process_time() - began})
    words = f"{task.steps.spent:,} of {task.steps.limit:,} environment steps, {task.labels.spent:,} of {task.labels.limit:,} labels"
    if task.unlabelled.limit:
        words += f", {task.unlabelled.spent:,} of {task.unlabelled.limit:,} unlabelled inputs"
    run.set_status("running", step=task.steps.spent, message=words)
    return task.steps.spent
