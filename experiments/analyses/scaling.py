"""Scaling of cost with the number of environments, grid size, levels, threads, and parallel runs.

    python -m goalposts.experiments.analyses.scaling                    all of them, as Markdown tables
    python -m goalposts.experiments.analyses.scaling envs grid          some of them

Measures CoinRun. Figures from this process are the best of several repetitions; child processes take turns, and their best
round counts. For whole studies, see `worker_efficiency.py`. Read next: `experiments/bench/suite.py`,
`experiments/bench/child_process.py`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from goalposts.errors import tells_exit_code
from goalposts.process.command_line import program

from ...envs.engine.engine import Engine
from ...envs.generation.generate import generate, generate_at
from ...envs.levels.level import LevelSet
from ...envs.planner.planner import survey_levels
from ...envs.worlds.registry import get_world
from ..bench.child_process import Task, Took, side_by_side
from ..bench.suite import POOL, engine_steps
from ..bench.timing import best_rate

ENVS = (1, 4, 16, 64, 256, 1024, 4096)
LENGTHS = (
    6,
    12,
    20,
    32,
    44,
)  # inner columns of a level; 6 to 20 in training, 32 to 44 in the condition `longer`
LEVELS = (100, 1_000, 10_000, 100_000)
MILLION = 1_000_000


@dataclass(frozen=True)
class Growth:
    """A table that shows how a cost grows with the quantity in its first column."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def markdown(self) -> str:
        """Format the table as Markdown, under its title."""
        lines = [self.columns, ("---",) * len(self.columns), *self.rows]
        return "\n".join([f"{self.title}\n", *(f"| {' | '.join(line)} |" for line in lines)])


def with_envs(seconds: float, envs: Sequence[int] = ENVS) -> Growth:
    """Measure an engine step by the number of environments."""
    world = get_world("CoinRun")
    pool = generate(world, world.default_condition("train"), 0, POOL)
    rows = []
    for n in envs:
        steps = [_step_ns(pool, n, seconds, observation) for observation in ("view", "full")]
        rows.append((f"{n:,}", *(f"{ns:,.0f}" for ns in steps), _millions(1e9 / steps[0])))
    columns = ("environments", "`view`, ns per env step", "`full`, ns per env step", "`view`, env steps/s")
    return Growth("With environments: a step of the engine, a new level at every reset", columns, tuple(rows))


def with_grid(seconds: float, lengths: Sequence[int] = LENGTHS, count: int = 2000) -> Growth:
    """Measure the engine, the generator and the planner by level length, in arrays of exactly that size."""
    world = get_world("CoinRun")
    edge = world.condition(world.default_condition("train"))
    rows = []
    for length in lengths:
        condition = replace(edge, layout_params=(length, length, 0, 0))
        drawn = generate_at(world, condition, 0, range(count))
        height, width = (int(size) for size in drawn.sizes.max(axis=0))
        levels = replace(drawn, tiles=drawn.tiles[:, :height, :width])

        def draw(condition=condition) -> int:
            return len(generate_at(world, condition, 0, range(count)))

        def solve(levels: LevelSet = levels) -> int:
            survey_levels(levels)
            return len(levels)

        rows.append(
            (
                f"{height} × {width}",
                f"{_step_ns(levels, 1024, seconds):,.0f}",
                f"{_steps_an_episode(levels):.0f}",
                f"{best_rate(draw, seconds):,.0f}",
                f"{best_rate(solve, seconds):,.0f}",
            )
        )
    columns = (
        "grid",
        "engine, `view`, 1,024 envs, ns per env step",
        "steps per random episode",
        "levels drawn and proven/s",
        "levels solved by the planner/s",
    )
    return Growth("With the size of the grid: levels of one length each", columns, tuple(rows))


def with_levels(seconds: float, counts: Sequence[int] = LEVELS) -> Growth:
    """Measure drawing and holding levels in a child process, and the engine on that many levels."""
    world = get_world("CoinRun")
    rows = []
    for count in counts:
        took = side_by_side([Task("levels", count)])[0]
        ns = _step_ns(generate(world, world.default_condition("train"), 0, count), 1024, seconds)
        rows.append(
            (f"{count:,}", f"{took.seconds:.3g}", f"{took.rate:,.0f}", f"{took.mb:.0f}", f"{ns:,.0f}")
        )
    columns = (
        "levels",
        "seconds to draw and prove them",
        "levels/s",
        "peak memory of the process, MB",
        "engine, `view`, 1,024 envs on them, ns per env step",
    )
    return Growth("With levels: all held at once", columns, tuple(rows))


def with_threads(updates: int, rounds: int, most: int) -> Growth:
    """Measure the default training by the number of PyTorch threads."""
    measurements = _best(rounds, [[Task("train", updates, threads=n)] for n in _doubled(most)])
    rates = [took[0].rate for took in measurements]
    rows = [
        (f"{n}", f"{rate:,.0f}", f"{rate / rates[0]:.2f}")
        for n, rate in zip(_doubled(most), rates, strict=True)
    ]
    columns = ("threads", "env steps/s", "times that of one")
    return Growth("With threads: the default training", columns, tuple(rows))


def with_runs(updates: int, rounds: int, most: int) -> Growth:
    """Measure default trainings in parallel, one thread each."""
    measurements = _best(rounds, [[Task("train", updates)] * n for n in _doubled(most)])
    alone = measurements[0][0].rate
    rows = []
    for runs in measurements:
        rates = [took.rate for took in runs]
        mb = sum(took.mb for took in runs)
        rows.append(
            (
                f"{len(runs)}",
                ", ".join(f"{rate:,.0f}" for rate in rates),
                f"{sum(rates):,.0f}",
                f"{sum(rates) / alone:.2f}",
                f"{mb:,.0f}",
            )
        )
    columns = ("runs side by side", "env steps/s of each", "of all", "times that of one", "memory of all, MB")
    return Growth("With runs: default trainings, one thread each", columns, tuple(rows))


def _millions(rate: float) -> str:
    """Format a rate in millions; never as zero, which a rate on a busy machine would otherwise round to."""
    return f"{rate / 1e6:.1f} M" if rate >= 1e5 else f"{rate / 1e6:.2g} M"


def _step_ns(levels: LevelSet, n: int, seconds: float, observation: str = "view") -> float:
    engine = Engine(get_world(levels.world), n, levels, observation)
    return 1e9 / best_rate(engine_steps(engine), seconds)


def _steps_an_episode(levels: LevelSet, n: int = 256, steps: int = 512) -> float:
    engine = Engine(get_world(levels.world), n, levels)
    done = engine_steps(engine, steps=steps)()
    return done / max(int(engine.episodes.sum()), 1)


def _doubled(most: int) -> list[int]:
    """List 1, 2, 4 … up to `most`."""
    return [1 << k for k in range(most.bit_length())]


def _best(rounds: int, groups: Sequence[Sequence[Task]]) -> list[list[Took]]:
    """Run groups of parallel tasks in turns; keep each group's round with the highest rate."""
    attempts: list[list[list[Took]]] = [[] for _ in groups]
    for _ in range(rounds):
        for group, tries in zip(groups, attempts, strict=True):
            tries.append(side_by_side(group))
    return [max(tries, key=lambda took: sum(task.rate for task in took)) for tries in attempts]


def _within(kind: type, least: float, most: float) -> Callable[[str], float]:
    """Return an argparse type for numbers from `least` to `most`."""

    def read(word: str) -> float:
        try:
            value = kind(word)
        except ValueError:
            value = least - 1
        if not least <= value <= most:
            what = "a whole number" if kind is int else "a number"
            raise argparse.ArgumentTypeError(
                f"{word} is not allowed: it must be {what} from {least:g} to {most:g}"
            )
        return value

    return read


@tells_exit_code
def main(arguments: list[str] | None = None) -> None:
    """Run the command line; returns the exit code."""
    tables = {
        "envs": lambda: with_envs(given.seconds),
        "grid": lambda: with_grid(given.seconds),
        "levels": lambda: with_levels(given.seconds, (*LEVELS, MILLION) if given.million else LEVELS),
        "threads": lambda: with_threads(given.updates, given.rounds, given.most),
        "runs": lambda: with_runs(given.updates, given.rounds, given.most),
    }
    parser = program("goalposts.experiments.analyses.scaling", __doc__)
    parser.add_argument("what", nargs="*", metavar="WHAT", help=f"some of {', '.join(tables)}; default: all")
    parser.add_argument("--seconds", type=_within(float, 0.01, 600), default=0.5, help="seconds per figure")
    parser.add_argument(
        "--updates", type=_within(int, 1, 10_000), default=24, help="updates per training, after the first"
    )
    parser.add_argument(
        "--rounds", type=_within(int, 1, 100), default=2, help="rounds of alternating trainings"
    )
    parser.add_argument(
        "--most", type=_within(int, 1, 64), default=2, help="most threads, and most parallel runs"
    )
    parser.add_argument("--million", action="store_true", help="also measure a million levels")
    given = parser.parse_args(arguments)
    if unknown := [name for name in given.what if name not in tables]:
        parser.error(f"{', '.join(unknown)}: there is no such table; must be some of {', '.join(tables)}")
    for name in given.what or tables:
        print(f"measuring growth with {name} …", file=sys.stderr, flush=True)
        print(tables[name]().markdown() + "\n", flush=True)


if __name__ == "__main__":
    sys.exit(main())
