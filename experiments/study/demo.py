"""The demo: an agent that misgeneralizes and its control, trained in parallel, measured, and shown on one page.

Uses two processes of the studies' process pool, with one torch thread each. Finished runs are kept: a second demo in the same
folder trains nothing. Read next: `experiments/training/train.py` (one run), `experiments/publish/run_report.py` (the page).
"""

from __future__ import annotations

import multiprocessing
import os
import queue
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from goalposts.errors import UserError
from goalposts.registration import WORLDS
from goalposts.safe_folder import guard

from ...envs.worlds.contract.sources import entry_of, recorded_as
from ..config.schema import ExperimentConfig, load_config
from ..evaluation.evaluated_run import Evaluated
from ..publish.explorer import Seen, explored
from ..publish.films import before_and_after, film_of
from ..publish.run_report import report_data
from ..report.film.encode import Pixels, save
from ..report.page.page import is_page, write_page
from ..runs.run import Run, RunError
from ..system.links import refuse_link
from ..system.processes import imports_from_elsewhere
from ..training.precompile import announce
from .workers.job import Done, Failed, Job, Tell
from .workers.local import LocalEngine

Told = Callable[[int, int, int, str], None]  # (run, step, total, message)


@dataclass(frozen=True)
class Demo:
    """Result of the demo: the two evaluated runs, the page and the film."""

    twins: tuple[Evaluated, Evaluated]
    page: Path
    film: Path


def demo_configs(world: str, seed: int, overrides: Sequence[str] = ()) -> list[ExperimentConfig]:
    """Read the configs of the misgeneralizing agent and its control: the pair that the world declares. Raises UserError.

    The configs of a shipped world are shipped (`<world>/…`); those of a custom world are next to its file, which is imported.
    """
    name = {known.lower(): known for known in WORLDS}.get(world.lower(), world)
    if name not in WORLDS and ":" not in name and entry_of(name) is None:
        raise RunError(
            f"there is no demo of {world!r}; give --world with one of {', '.join(WORLDS)}, or a custom world as module:NAME"
        )
    shipped = [f"{name.lower()}/{config}" for config in WORLDS[name].pair or ()] if name in WORLDS else None
    return [load_config(config, [f"seed={seed}", *overrides]) for config in shipped or _pair_of_custom(name)]


def _pair_of_custom(spec: str) -> list[str]:
    from ...envs.worlds.registry import load_world

    world = load_world(spec)
    if world.pair is None:
        raise RunError(
            f"the world {world.name} declares no pair of configs, so it has no demo. Write two, put them next to its file "
            "and name them in World(pair=('misgeneralizing', 'control')); or train one alone with goalposts train"
        )
    paths = [Path(world.source).parent / f"{name}.yaml" for name in world.pair]
    for path in paths:
        config = load_config(path)
        if config.world != recorded_as(world.name):
            raise RunError(
                f"{path} is of the world {config.world}, but the demo is of {recorded_as(world.name)}; write that after world:"
            )
    return [str(path) for path in paths]


def train_side_by_side(configs: Sequence[ExperimentConfig], out: Path, workers: int, told: Told) -> list[Run]:
    """Train each config in its own folder under `out`; resumes unfinished runs and keeps finished ones.

    If one of them or this process stops, all stop; the next call resumes. Raises UserError.
    """
    paths = _paths(out, configs)
    guard(out)
    for path in paths:
        refuse_link(path)
    todo = [i for i, path in enumerate(paths) if not _is_finished(path, configs[i])]
    for i in sorted(
        todo, key=lambda i: not paths[i].exists()
    ):  # existing folders first, which may be refused
        Run.create(paths[i], configs[i])
    for i in todo:
        announce(configs[i].world, configs[i].env.observation)
    if todo:
        _train_all([(i, configs[i], paths[i]) for i in todo], workers, told)
    return [Run.open(path) for path in paths]


def _paths(out: Path, configs: Sequence[ExperimentConfig]) -> list[Path]:
    return [out / f"{config.name}-s{config.seed}" for config in configs]


@dataclass(frozen=True)
class _Training(Job):
    """A job that trains and evaluates a run in its own folder, `scratch`."""

    def do(self, tell: Tell) -> Done | Failed:
        from ...envs.worlds.registry import load_again
        from ..training.train import train

        load_again(self.worlds)
        guard(Path(str(self.scratch)).parent)
        train(self.config, Path(str(self.scratch)), tell)
        return Done(self.id, {})


def _train_all(jobs: list[tuple[int, ExperimentConfig, Path]], workers: int, told: Told) -> None:
    with imports_from_elsewhere():
        inbox: multiprocessing.Queue[tuple[str, int, int, str]] = multiprocessing.get_context("spawn").Queue()
    pool = LocalEngine(min(workers, len(jobs)), inbox)

    def listen(patience: float) -> None:
        with suppress(queue.Empty):
            while True:
                which, step, total, words = inbox.get(timeout=patience)
                told(int(which), step, total, words)

    with closing(pool.run(_Training(str(i), config, str(path)) for i, config, path in jobs)) as results:
        for outcome in results:
            listen(0.001)
            if isinstance(outcome, Failed):
                raise outcome.error or RunError(
                    f"a training failed: {outcome.message}. To resume, run the same command again; with --workers 1 it needs less "
                    "memory"
                )
    listen(0.1)


def run_demo(out: Path, configs: Sequence[ExperimentConfig], workers: int, told: Told, command: str) -> Demo:
    """Train both agents; write `report.html` and `twins.gif` into `out`, a `rollout.gif` into each run. Raises UserError."""
    page, film = out / "report.html", out / "twins.gif"
    _refuse_foreign(page, film, configs)
    runs = train_side_by_side(configs, out, workers, told)
    items = (Evaluated(runs[0]), Evaluated(runs[1]))
    if not explored([Seen(item.name, item.run, item.episodes) for item in items]):
        from ..evaluation.goal_sweep import sweep_goal  # torch is needed from here on only

        sweep_goal(runs)
    write_page(report_data(runs, command, title=f"{items[0].world.name} demo"), page)
    save(_film(runs), film)
    for item in items:
        save(before_and_after(item), item.run.path / "rollout.gif")
    return Demo(items, page, film)


def _film(runs: Sequence[Run]) -> Sequence[Pixels]:
    """Film what both were trained on, then both on one new level; if no level shows a difference, both on a typical level."""
    from ..publish.wordless_film import wordless_film  # torch is needed from here on only

    try:
        return wordless_film(runs)
    except UserError:
        return film_of(runs)


def _refuse_foreign(page: Path, film: Path, configs: Sequence[ExperimentConfig]) -> None:
    """Raise RunError if the demo's page or film would overwrite another file."""
    ours = is_page(page) or any((path / "config.yaml").exists() for path in _paths(page.parent, configs))
    for path in (page, film):
        if os.path.lexists(path) and not ours:
            raise RunError(
                f"{path} was not made by the demo and would be overwritten. Nothing was changed. Choose another folder with --out."
            )


def _is_finished(path: Path, config: ExperimentConfig) -> bool:
    if not (path / "config.yaml").exists():
        return False
    run = Run.open(path)
    return (
        run.config.hash() == config.hash() and run.status().state == "finished" and run.episodes_path.exists()
    )
