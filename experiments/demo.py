"""The demo: an agent that misgeneralizes and its control, trained side by side, measured, shown on one page.

Two processes, one torch thread each. Finished runs are kept: a second demo in the same folder trains nothing anew.
Read next: `training.py` (one run), `present.py` (what is shown).
"""

from __future__ import annotations

import multiprocessing
import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from .config import ExperimentConfig, load_config
from .film_of import before_and_after, film_of
from .present import Evaluated, report_data
from .report.filmfile import save
from .report.page import write_page
from .runs import Run, RunError

Told = Callable[[int, int, int, str], None]  # which run, step, total, words

_outbox: multiprocessing.Queue[tuple[int, int, int, str]] | None = None


@dataclass(frozen=True)
class Demo:
    """What the demo made: the two runs, evaluated, the page and the film."""

    twins: tuple[Evaluated, Evaluated]
    page: Path
    film: Path


def demo_configs(world: str, seed: int, overrides: Sequence[str] = ()) -> list[ExperimentConfig]:
    """The misgeneralizing agent's config and its control's: the shipped `<world>/…` pair."""
    folder = world.lower()
    names = {"coinrun": ("edge", "anywhere")}.get(folder)
    if names is None:
        raise RunError(f"there is no demo of {world!r} yet; there is one of CoinRun")
    return [load_config(f"{folder}/{name}", [f"seed={seed}", *overrides]) for name in names]


def train_side_by_side(configs: Sequence[ExperimentConfig], out: Path, workers: int, told: Told) -> list[Run]:
    """Train (or go on, or keep what is finished) each config into its own folder under `out`."""
    paths = [out / f"{config.name}-s{config.seed}" for config in configs]
    todo = [i for i, path in enumerate(paths) if not _is_finished(path, configs[i])]
    context = multiprocessing.get_context("spawn")
    inbox: multiprocessing.Queue[tuple[int, int, int, str]] = context.Queue()
    over = threading.Event()

    def listen() -> None:
        while not over.is_set() or not inbox.empty():
            try:
                told(*inbox.get(timeout=0.1))
            except queue.Empty:
                continue

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    try:
        with ProcessPoolExecutor(max(1, min(workers, len(todo))), context, _take_outbox, (inbox,)) as pool:
            futures = [pool.submit(_train_one, i, configs[i], paths[i]) for i in todo]
            for future in futures:
                future.result()
    finally:
        over.set()
        listener.join(timeout=2)
    return [Run.open(path) for path in paths]


def run_demo(out: Path, configs: Sequence[ExperimentConfig], workers: int, told: Told, command: str) -> Demo:
    """Train both, write `report.html` and `twins.gif` into `out`, a `rollout.gif` into each run. Raises UserError."""
    runs = train_side_by_side(configs, out, workers, told)
    items = (Evaluated(runs[0]), Evaluated(runs[1]))
    page = out / "report.html"
    write_page(report_data(runs, command, title=f"{items[0].world.name} demo"), page)
    film = out / "twins.gif"
    save(film_of(runs, None, 1, None, px=16), film)
    for item in items:
        save(before_and_after(item), item.run.path / "rollout.gif")
    return Demo(items, page, film)


def _is_finished(path: Path, config: ExperimentConfig) -> bool:
    if not (path / "config.yaml").exists():
        return False
    run = Run.open(path)
    return (
        run.config.hash() == config.hash() and run.status().state == "finished" and run.episodes_path.exists()
    )


def _take_outbox(outbox: multiprocessing.Queue[tuple[int, int, int, str]]) -> None:
    global _outbox
    _outbox = outbox


def _train_one(which: int, config: ExperimentConfig, path: Path) -> None:
    from .training import train

    def tell(step: int, total: int, words: str) -> None:
        if _outbox is not None:
            _outbox.put((which, step, total, words))

    train(config, path, tell)
