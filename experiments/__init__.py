"""Everything that reads or writes a folder: runs, studies, the measurement, reports, the command line.

The names below are imported when first used, so that light commands do not wait for torch. Read next: `experiments/config/schema.py`.
"""

from typing import TYPE_CHECKING

from goalposts.lazy import lazy_exports

if TYPE_CHECKING:
    from .bench.everything import bench_everything as bench_everything
    from .config.schema import (
        ConfigError as ConfigError,
        ExperimentConfig as ExperimentConfig,
        load_config as load_config,
    )
    from .evaluation.chunked import (
        EvaluationSummary as EvaluationSummary,
        evaluate_named as evaluate_named,
    )
    from .evaluation.evaluate import (
        Evaluation as Evaluation,
        evaluate_fully as evaluate_fully,
        subject_of as subject_of,
    )
    from .external.adopt import adopt as adopt, evaluate as evaluate
    from .external.export import export_run as export_run
    from .external.sb3_zip import load_sb3 as load_sb3
    from .measurement import (
        Estimate as Estimate,
        Thresholds as Thresholds,
        Verdict as Verdict,
        diagnose as diagnose,
        diagnose_each as diagnose_each,
    )
    from .publish.films import FilmSpec as FilmSpec, record_film as record_film
    from .runs.run import Run as Run, RunError as RunError
    from .study.session import (
        choose_engine as choose_engine,
        prepare_study as prepare_study,
        study_status as study_status,
    )
    from .system.installation import check_installation as check_installation
    from .training.train import train as train

__getattr__, __all__ = lazy_exports(__name__)
