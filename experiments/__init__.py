"""Everything that reads or writes a folder: runs, studies, the measurement, reports, the command line.

The names below are imported when first used, so that light commands do not wait for torch. Read next: `experiments/config/schema.py`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .config.schema import ConfigError, ExperimentConfig, load_config
    from .evaluation.evaluate import Evaluation, evaluate, evaluate_fully, subject_of
    from .measurement import Estimate, Thresholds, Verdict, diagnose, diagnose_each
    from .runs.run import Run, RunError
    from .training.train import train

_HOME = {
    "config.schema": ("ConfigError", "ExperimentConfig", "load_config"),
    "evaluation.evaluate": ("Evaluation", "evaluate", "evaluate_fully", "subject_of"),
    "measurement": ("Estimate", "Thresholds", "Verdict", "diagnose", "diagnose_each"),
    "runs.run": ("Run", "RunError"),
    "training.train": ("train",),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = [
    "ConfigError", "Estimate", "Evaluation", "ExperimentConfig", "Run", "RunError", "Thresholds", "Verdict",
    "diagnose", "diagnose_each", "evaluate", "evaluate_fully", "load_config", "subject_of", "train",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'goalposts.experiments' has no attribute {name!r}")
    value = getattr(import_module(f".{_MODULE_OF[name]}", __name__), name)
    globals()[name] = value
    return value
