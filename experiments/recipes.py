"""Search for a training recipe: how soon does it learn, on several seeds? Looks at training returns only, never at a shift.

    python -m goalposts.experiments.recipes OUT.csv --seeds 5 "" "train.net.pi=[] train.net.vf=[]" …

Each point is a string of overrides over `coinrun/edge` and `coinrun/anywhere`; "" is the recipe as shipped. A row a
training is added to OUT.csv: steps and seconds of CPU until the mean return of an update's episodes first stayed above
0.95 for five updates, the return at the end, and the whole time. Rows that are there already are skipped.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections import deque
from pathlib import Path

from ..agents.ppo import Progress
from .config import load_config
from .training import new_training

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


def measure(name: str, point: str, seed: int) -> dict[str, object]:
    """Train once and say how soon it was competent; None where it never was."""
    training = new_training(load_config(name, [*point.split(), f"seed={seed}"]))
    recent: deque[float] = deque(maxlen=UPDATES)
    steps: int | None = None
    cpu: float | None = None
    began = time.process_time()

    def look(progress: Progress | None) -> None:
        nonlocal steps, cpu
        if progress is None or progress.mean_return is None:
            return
        recent.append(progress.mean_return)
        if steps is None and len(recent) == UPDATES and min(recent) > WANTED:
            steps, cpu = progress.step, time.process_time() - began

    training.run(look)
    whole = time.process_time() - began
    at_end = sum(recent) / len(recent)
    figures = (steps, cpu and round(cpu, 2), round(at_end, 4), round(whole, 2), round(training.step / whole))
    return dict(zip(COLUMNS, (point, name, seed, *figures), strict=True))


def main() -> None:
    """The command of the docstring above."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("points", nargs="+")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=0)
    options = parser.parse_args()
    done: set[tuple[str, ...]] = set()
    if options.out.exists():
        with options.out.open(newline="", encoding="utf-8") as file:
            done = {tuple(row[name] for name in COLUMNS[:3]) for row in csv.DictReader(file)}
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
    main()
