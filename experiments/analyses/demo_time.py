"""Timing of the demo, from its first output to its page and films: figures for docs/performance.md.

    python -m goalposts.experiments.analyses.demo_time

runs `goalposts demo` in a folder that is deleted afterwards and times its parts. The parts of the training processes are
identified by their progress messages. Kernels cached on disk are not compiled again: to time a first demo, set
`NUMBA_CACHE_DIR` to an empty folder. Read next: `experiments/study/demo.py`.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

from ..evaluation import goal_sweep
from ..study import demo

PARTS = {
    "sweep_goal": "playing the explorer's episodes",
    "report_data": "gathering the page's figures",
    "write_page": "writing the page",
    "film_of": "playing the film",
    "save": "drawing and writing the films",
    "before_and_after": "playing the rollouts",
}
BOTH = "both trainings, side by side"


def measured() -> tuple[dict[str, float], float]:
    """Time a demo: (seconds per part, seconds in total). The parts of the slower training, then those of the demo."""
    marks: dict[int, list[tuple[float, str]]] = {0: [], 1: []}
    took: dict[str, float] = {}
    began = time.perf_counter()

    def told(which: int, step: int, total: int, words: str) -> None:
        marks[which].append((time.perf_counter(), _stage(step, total, words)))

    def timed(work: Callable[..., Any], name: str) -> Callable[..., Any]:
        def inner(*given: Any, **options: Any) -> Any:
            start = time.perf_counter()
            try:
                return work(*given, **options)
            finally:
                took[name] = took.get(name, 0.0) + time.perf_counter() - start

        return inner

    for name, words in PARTS.items():
        module = goal_sweep if name == "sweep_goal" else demo
        setattr(module, name, timed(getattr(module, name), words))
    demo.train_side_by_side = timed(demo.train_side_by_side, BOTH)
    with tempfile.TemporaryDirectory() as place:
        configs = demo.demo_configs("CoinRun", 0)
        demo.run_demo(Path(place), configs, os.cpu_count() or 1, told, "goalposts demo")
    whole = time.perf_counter() - began
    slower = max(marks.values(), key=lambda messages: messages[-1][0])
    trained = took.pop(BOTH)
    return _stages([*slower, (began + trained, "")], began) | took, whole


def _stage(step: int, total: int, words: str) -> str:
    if words.startswith("compiling"):
        return "compiling, or loading compiled kernels; drawing levels"
    return "its evaluation" if step >= total else "its training, with checkpoints and probes"


def _stages(marks: list[tuple[float, str]], began: float) -> dict[str, float]:
    """Duration of each stage, up to the first message of the next."""
    durations = {"starting a process, importing": marks[0][0] - began}
    for (start, stage), (end, _) in pairwise(marks):
        durations[stage] = durations.get(stage, 0.0) + end - start
    return durations


def main() -> None:
    """Time the demo and print the result."""
    parts, whole = measured()
    for name, seconds in parts.items():
        print(f"{seconds:6.1f} s  {name}")
    print(f"{whole:6.1f} s  total")


if __name__ == "__main__":
    main()
