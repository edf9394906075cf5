"""Training recipe search: how soon each recipe learns, over several seeds. Uses training returns only, never a shift.

    python -m goalposts.experiments.analyses.recipe_search OUT.csv --seeds 5 "" "train.net.pi=[] train.net.vf=[]" …

Each point is a string of overrides of `coinrun/edge` and `coinrun/anywhere`; "" is the shipped recipe, and `lengths=8-14`
trains on levels of other lengths. Each training adds a row to OUT.csv: steps and CPU seconds until the mean return of an
update's episodes first stays above 0.95 for five updates, the final return, and the total time. Existing rows are skipped,
so several processes with different `--first-seed` can share a file.

    python -m goalposts.experiments.analyses.recipe_search OUT.csv --table          the medians, as Markdown
"""

from __future__ import annotations

import csv
import re
import sys
import time
from collections import deque
from dataclasses import replace
from functools import cache
from pathlib import Path
from statistics import median

from goalposts.errors import UserError, tells_exit_code
from goalposts.process.command_line import program

from ...agents.ppo.training import TrainingProgress
from ...envs.worlds.contract.world import World
from ...envs.worlds.registry import get_world
from ..config.schema import load_config
from ..training.train import new_training

COLUMNS = (
    "point",
    "config",
    "seed",
    "steps_to_95",
    "cpu_to_95",
    "return_at_end",
    "cpu_seconds",
    "steps_per_cpu_second",
)
CONFIGS = ("coinrun/edge", "coinrun/anywhere")
WANTED, UPDATES = 0.95, 5
SHORTEST, LONGEST = 6, 20  # columns of a level, the range of the default ones


@cache
def with_lengths(low: int, high: int) -> World:
    """Return a CoinRun variant whose training levels have `low` to `high` inner columns."""
    world = get_world("CoinRun")
    usual = world.condition("edge").layout_params
    conditions = tuple(
        replace(condition, layout_params=(low, high, *usual[2:]))
        if condition.layout_params == usual
        else condition
        for condition in world.conditions
    )
    return replace(world, name=f"coinrun:FROM_{low}_TO_{high}", conditions=conditions)


def overrides(point: str) -> list[str]:
    """Parse a point into config overrides; registers a world for other lengths under a separate name. Raises UserError."""
    words = point.split()
    for k, word in enumerate(words):
        if word.startswith("lengths="):
            asked = re.fullmatch(r"lengths=(\d+)-(\d+)", word)
            if asked is None or not SHORTEST <= int(asked[1]) <= int(asked[2]) <= LONGEST:
                raise UserError(f"{word}: write lengths={SHORTEST}-{LONGEST}, or a narrower range in it")
            words[k] = f"world={get_world(with_lengths(int(asked[1]), int(asked[2]))).name}"
    return words


def measure(name: str, point: str, seed: int) -> dict[str, object]:
    """Train once and record how soon the agent is competent; None if it never is."""
    training = new_training(load_config(name, [*overrides(point), f"seed={seed}"]))
    recent: deque[float] = deque(maxlen=UPDATES)
    steps: int | None = None
    cpu: float | None = None
    began = time.process_time()

    def look(progress: TrainingProgress | None) -> None:
        nonlocal steps, cpu
        if progress is None or progress.ep_rew_mean is None:
            return
        recent.append(progress.ep_rew_mean)
        if steps is None and len(recent) == UPDATES and min(recent) > WANTED:
            steps, cpu = progress.step, time.process_time() - began

    training.run(look)
    whole = time.process_time() - began
    at_end = sum(recent) / len(recent)
    figures = (steps, cpu and round(cpu, 2), round(at_end, 4), round(whole, 2), round(training.step / whole))
    return dict(zip(COLUMNS, (point, name, seed, *figures), strict=True))


def table(rows: list[dict[str, str]]) -> str:
    """Format medians over the seeds of each point, `edge` / `anywhere`, as Markdown; trainings that never learn count as latest."""
    lines = [
        "| recipe | seeds | reached 0.95 | steps to 0.95 | CPU s to 0.95 | return at the end | CPU s in all |",
        "|---|---|---|---|---|---|---|",
    ]
    for point in dict.fromkeys(row["point"] for row in rows):
        groups = [[row for row in rows if (row["point"], row["config"]) == (point, name)] for name in CONFIGS]
        if not all(groups):
            continue  # the search is still running

        def middle(column: str, form: str, groups=groups) -> str:
            values = (median(float(row[column] or "inf") for row in own) for own in groups)
            return " / ".join("never" if value == float("inf") else f"{value:{form}}" for value in values)

        lines.append(
            f"| {f'`{point}`' if point else 'as shipped'} | {len(groups[0])} "
            f"| {' / '.join(str(sum(bool(row['steps_to_95']) for row in own)) for own in groups)} "
            f"| {middle('steps_to_95', ',.0f')} | {middle('cpu_to_95', '.1f')} | {middle('return_at_end', '.3f')} "
            f"| {middle('cpu_seconds', '.1f')} |"
        )
    return "\n".join(lines)


@tells_exit_code
def main(arguments: list[str] | None = None) -> None:
    """Run the command line described in the module's docstring."""
    parser = program("goalposts.experiments.analyses.recipe_search", __doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("points", nargs="*")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=0)
    options = parser.parse_intermixed_args(arguments)  # points may follow options
    done: set[tuple[str, ...]] = set()
    if options.out.exists():
        with options.out.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        done = {tuple(row[name] for name in COLUMNS[:3]) for row in rows}
        if options.table:
            print(table(rows))
            return
    for point in options.points:
        for seed in range(options.first_seed, options.first_seed + options.seeds):
            for name in CONFIGS:
                if (point, name, str(seed)) in done:
                    continue
                row = measure(name, point, seed)
                fresh = not options.out.exists()
                with options.out.open("a", newline="", encoding="utf-8") as file:
                    writer = csv.writer(file)
                    if fresh:
                        writer.writerow(COLUMNS)
                    writer.writerow(row.values())
                print(*row.values(), flush=True)


if __name__ == "__main__":
    sys.exit(main())
