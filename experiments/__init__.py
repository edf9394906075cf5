"""Everything that reads or writes a folder: runs, studies, the measurement, reports, the command line.

The names below are imported when first used, so that light commands do not wait for torch. Read next: `experiments/config/schema.py`.
"""

from typing import TYPE_CHECKING

from goalposts.lazy import lazy_exports

if TYPE_CHECKING:
    from .config.schema import (
        ConfigError as ConfigError,
        ExperimentConfig as ExperimentConfig,
        load_config as load_config,
    )
    from .evaluation.evaluate import (
        Evaluation as Evaluation,
        evaluate as evaluate,
        evaluate_fully as evaluate_fully,
        subject_of as subject_of,
    )
    from .measurement import (
        Estimate as Estimate,
        Thresholds as Thresholds,
        Verdict as Verdict,
        diagnose as diagnose,
        diagnose_each as diagnose_each,
    )
    from .runs.run import Run as Run, RunError as RunError
    from .training.train import train as train

__getattr__, __all__ = lazy_exports(__name__)
