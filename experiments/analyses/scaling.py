"""How cost grows: with environments, with the size of the grid, with levels, with threads, with runs side by side.

    python -m goalposts.experiments.analyses.scaling                    all of them, as Markdown tables
    python -m goalposts.experiments.analyses.scaling envs grid          some of them

All of CoinRun. What is measured in this process is the best of repetitions; processes of their own take turns, and the best
of their rounds counts. Whole studies: `worker_efficiency.py`. Read next: `experiments/bench/suite.py`,
`experiments/bench/child_process.py`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from goalposts.errors import tells_exit_code

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
    """A table: how something grows with what stands in its first column."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def markdown(self) -> str:
        """As Markdown, under its title."""
        lines = [self.columns, ("---",) * len(self.columns), *self.rows]
        return "\n".join([f"{self.title}\n", *(f"| {' | '.join(line)} |" for line in lines)])


def with_envs(seconds: float, envs: Sequence[int] = ENVS) -> Growth:
    """A step of the engine by the number of its environments."""
    world = get_world("CoinRun")
    pool = generate(world, world.default_condition("train"), 0, POOL)
    rows = []
    for n in envs:
        steps = [_step_ns(pool, n, seconds, observation) for observation in ("view", "full")]
        rows.append((f"{n:,}", *(f"{ns:,.0f}" for ns in steps), _millions(1e9 / steps[0])))
    columns = ("environments", "`view`, ns an env step", "`full`, ns an env step", "`view`, env steps/s")
    return Growth("With environments: a step of the engine, a new level at every reset", columns, tuple(rows))


def with_grid(seconds: float, lengths: Sequence[int] = LENGTHS, count: int = 2000) -> Growth:
    """The engine, the generator and the planner by the length of the levels, in arrays of just that size."""
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
        "engine, `view`, 1,024 envs, ns an env step",
        "steps an episode, at random",
        "levels drawn and proven/s",
        "levels solved by the planner/s",
    )
    return Growth("With the size of the grid: levels of one length each", columns, tuple(rows))


def with_levels(seconds: float, counts: Sequence[int] = LEVELS) -> Growth:
    """Drawing and holding levels in a process of its own, and the engine on so many."""
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
        "the most that the process holds, MB",
        "engine, `view`, 1,024 envs on so many, ns an env step",
    )
    return Growth("With levels: all held at once", columns, tuple(rows))


def with_threads(updates: int, rounds: int, most: int) -> Growth:
    """The default training by the number of torch's threads."""
    found = _best(rounds, [[Task("train", updates, threads=n)] for n in _doubled(most)])
    rates = [took[0].rate for took in found]
    rows = [
        (f"{n}", f"{rate:,.0f}", f"{rate / rates[0]:.2f}")
        for n, rate in zip(_doubled(most), rates, strict=True)
    ]
    columns = ("threads", "env steps/s", "times that of one")
    return Growth("With threads: the default training", columns, tuple(rows))


def with_runs(updates: int, rounds: int, most: int) -> Growth:
    """Default trainings side by side, one thread each."""
    found = _best(rounds, [[Task("train", updates)] * n for n in _doubled(most)])
    alone = found[0][0].rate
    rows = []
    for runs in found:
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
    """Never none of them: a machine that has something else to do may take long for a step."""
    return f"{rate / 1e6:.1f} M" if rate >= 1e5 else f"{rate / 1e6:.2g} M"


def _step_ns(levels: LevelSet, n: int, seconds: float, observation: str = "view") -> float:
    engine = Engine(get_world(levels.world), n, levels, observation)
    return 1e9 / best_rate(engine_steps(engine), seconds)


def _steps_an_episode(levels: LevelSet, n: int = 256, steps: int = 512) -> float:
    engine = Engine(get_world(levels.world), n, levels)
    done = engine_steps(engine, steps=steps)()
    return done / max(int(engine.episodes.sum()), 1)


def _doubled(most: int) -> list[int]:
    """1, 2, 4 … up to `most`."""
    return [1 << k for k in range(most.bit_length())]


def _best(rounds: int, groups: Sequence[Sequence[Task]]) -> list[list[Took]]:
    """Of each group of tasks side by side the round with the highest rate; the groups take turns."""
    found: list[list[list[Took]]] = [[] for _ in groups]
    for _ in range(rounds):
        for group, tries in zip(groups, found, strict=True):
            tries.append(side_by_side(group))
    return [max(tries, key=lambda took: sum(one.rate for one in took)) for tries in found]


def _within(kind: type, least: float, most: float) -> Callable[[str], float]:
    """Reads a number of an option. Raises with what is allowed."""

    def read(word: str) -> float:
        try:
            value = kind(word)
        except ValueError:
            value = least - 1
        if not least <= value <= most:
            what = "whole numbers" if kind is int else "numbers"
            raise argparse.ArgumentTypeError(
                f"{word} is not allowed: allowed are {what} from {least:g} to {most:g}"
            )
        return value

    return read


@tells_exit_code
def main(arguments: list[str] | None = None) -> None:
    """The command line; returns the exit code."""
    tables = {
        "envs": lambda: with_envs(given.seconds),
        "grid": lambda: with_grid(given.seconds),
        "levels": lambda: with_levels(given.seconds, (*LEVELS, MILLION) if given.million else LEVELS),
        "threads": lambda: with_threads(given.updates, given.rounds, given.most),
        "runs": lambda: with_runs(given.updates, given.rounds, given.most),
    }
    parser = argparse.ArgumentParser(
        prog="python -m goalposts.experiments.analyses.scaling",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "what", nargs="*", metavar="WHAT", help=f"of {', '.join(tables)}; all, if none is named"
    )
    parser.add_argument(
        "--seconds", type=_within(float, 0.01, 600), default=0.5, help="how long each figure is measured"
    )
    parser.add_argument(
        "--updates", type=_within(int, 1, 10_000), default=24, help="of each training, after the first"
    )
    parser.add_argument("--rounds", type=_within(int, 1, 100), default=2, help="of trainings, in turns")
    parser.add_argument("--most", type=_within(int, 1, 64), default=2, help="threads, and runs side by side")
    parser.add_argument("--million", action="store_true", help="a million levels, too")
    given = parser.parse_args(arguments)
    if unknown := [name for name in given.what if name not in tables]:
        parser.error(f"{', '.join(unknown)}: there is no such table; there are {', '.join(tables)}")
    for name in given.what or tables:
        print(f"measuring growth with {name} …", file=sys.stderr, flush=True)
        print(tables[name]().markdown() + "\n", flush=True)


if __name__ == "__main__":
    sys.exit(main())
