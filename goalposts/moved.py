"""Redirects for old module paths from README or the docs, which still import and run with `python -m`.

One finder at the end of `sys.meta_path`, used only for modules that no other finder knows. It returns the module at the
new path and warns. New paths belong in the docs; old paths appear only here.
"""

import importlib
import sys
import warnings
from collections.abc import Sequence
from importlib.abc import InspectLoader
from importlib.machinery import ModuleSpec
from types import ModuleType

MOVED = {
    "goalposts.envs.level": "goalposts.envs.levels.level",
    "goalposts.envs.marks": "goalposts.envs.worlds.contract.canvas",
    "goalposts.envs.sprites": "goalposts.envs.render.sprites",
    "goalposts.envs.world": "goalposts.envs.worlds.contract.world",
    "goalposts.envs.worlds.grid": "goalposts.envs.worlds.shared.topdown",
    "goalposts.experiments.ahead": "goalposts.experiments.training.precompile",
    "goalposts.experiments.all_worlds": "goalposts.experiments.analyses.all_worlds",
    "goalposts.experiments.attribute": "goalposts.experiments.evaluation.attribution",
    "goalposts.experiments.bench_demo": "goalposts.experiments.analyses.demo_time",
    "goalposts.experiments.bench_growth": "goalposts.experiments.analyses.scaling",
    "goalposts.experiments.bench_layer": "goalposts.experiments.analyses.first_layer",
    "goalposts.experiments.causes": "goalposts.experiments.analyses.outer_vs_inner",
    "goalposts.experiments.coverage": "goalposts.experiments.analyses.interval_coverage",
    "goalposts.experiments.known": "goalposts.experiments.analyses.scripted_agents",
    "goalposts.experiments.recipes": "goalposts.experiments.analyses.recipe_search",
    "goalposts.experiments.recovery": "goalposts.experiments.analyses.attribution_recovery",
    "goalposts.experiments.study_config": "goalposts.experiments.study.design.config",
    "goalposts.experiments.study_efficiency": "goalposts.experiments.analyses.worker_efficiency",
}
"""Old path → new path."""


class MovedModules:
    """Finder for modules by their old path."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in MOVED:
            return None
        return ModuleSpec(fullname, _Moved())


class _Moved(InspectLoader):
    """Loader that imports the new module in place of the old one, or runs it under `python -m`."""

    def get_source(self, fullname: str) -> str:
        new = MOVED[fullname]
        return f"import runpy\nrunpy.run_module({new!r}, run_name='__main__', alter_sys=True)\n"

    def exec_module(self, module: ModuleType) -> None:
        new = MOVED[module.__name__]
        warnings.warn(f"{module.__name__} is now {new}", DeprecationWarning, stacklevel=2)
        sys.modules[module.__name__] = importlib.import_module(new)
