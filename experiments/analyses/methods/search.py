"""The search for the options of methods: which trial of each method is chosen, and its options in the studies that use it.

    python -m goalposts.experiments.analyses.methods.search docs/results/methods-search.csv --rows docs/results/rows/methods-search.parquet

writes every trial with its score and the chosen ones. `--apply configs/studies/methods` also writes the chosen options into the studies
there; `--check configs/studies/methods` writes nothing and fails if a study has other options than those chosen. An arm belongs to
the method whose name it has or begins with, such as `cloning-replay` to `cloning`; `plain-tuned` belongs to plain PPO. The rule is that of
docs/results/methods-plan.md. A trial counts with the runs that finished (column n); only a trial without any run stops the choice.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from goalposts.errors import UserError, tells_exit_code
from goalposts.process.command_line import program

from ...study.design.plan import MAIN, plan_study
from ...study.leaderboard.agents import agents_of
from ...study.leaderboard.points import PLAIN, points_of, recorded
from ...system.atomic_files import RunError, check_parent, read_limited, write_atomic

STUDY = "methods-search"
VARYING = ("search", "entropy")  # studies that vary the options themselves
CAPABLE, EQUAL = 0.85, 0.005
TUNED = "plain-tuned"
ARM = re.compile(r"(?m)^(  - name: ([\w.-]+)[^\n]*\n    set: )(\{[^\n]*\})$")
MAX_STUDY = 1 << 20
COLUMNS = {
    "method": pl.String(),
    "options": pl.String(),  # JSON
    "goal_first": pl.Float64(),
    "capability": pl.Float64(),
    "n": pl.Int64(),
    "planned": pl.Int64(),
    "chosen": pl.Boolean(),
}


def trials_of(rows: Path) -> pl.DataFrame:
    """Every trial with its means over seeds, in the order of the study, and whether the plan's rule chooses it. Raises RunError."""
    plan = plan_study(STUDY)
    points = list(points_of(plan, recorded(rows)))
    grids = {PLAIN: plan.study.grid, **{arm.name: arm.grid or plan.study.grid for arm in plan.study.arms}}
    trials = []
    for point, planned in zip(points, plan.points, strict=True):
        method = PLAIN if planned.arm == MAIN else planned.arm
        options = {key: yaml.safe_load(planned.values[key]) for key in grids[method]}
        agents = agents_of([point])
        means = [agents[name].mean() for name in ("goal_first", "capability")]
        trials.append((method, json.dumps(options), *means, agents.height, point.planned, False))
    return choose(pl.DataFrame(trials, schema=COLUMNS, orient="row"))


def choose(trials: pl.DataFrame) -> pl.DataFrame:
    """Mark one trial of each method: of the capable ones, the first listed within 0.005 of the largest goal first of all episodes."""
    marks: list[bool] = []
    for _, own in trials.group_by("method", maintain_order=True):
        scores = [score if score is not None else -1.0 for score in own["goal_first"]]
        able = [ability is not None and ability >= CAPABLE for ability in own["capability"]]
        able = able if any(able) else [True] * len(able)
        most = max(score for score, fits in zip(scores, able, strict=True) if fits)
        first = next(k for k, score in enumerate(scores) if able[k] and score >= most - EQUAL)
        marks += [k == first for k in range(len(scores))]
    return trials.with_columns(chosen=pl.Series(marks, dtype=pl.Boolean))


def chosen_of(trials: pl.DataFrame) -> dict[str, dict[str, Any]]:
    """Chosen options by method, from the runs that finished. Raises RunError if a trial has none."""
    lacking = trials.filter(pl.col("n") == 0)
    if lacking.height or not trials.height:
        named = "; ".join(
            f"{method} {options}" for method, options in lacking.select("method", "options").iter_rows()
        )
        raise RunError(
            f"the search is incomplete: {lacking.height} of {trials.height} trials have no run{f' ({named})' if named else ''}. Run them "
            "with: goalposts study run methods/search --rows docs/results/rows/methods-search.parquet"
        )
    picked = trials.filter("chosen").select("method", "options")
    return {method: json.loads(options) for method, options in picked.iter_rows()}


def lacking_of(trials: pl.DataFrame) -> list[str]:
    """Trials that were judged with fewer runs than planned: one message each."""
    fewer = trials.filter(pl.col("n") < pl.col("planned"))
    columns = fewer.select("method", "options", "n", "planned")
    return [
        f"{method} {options}: {n} of {planned} runs" for method, options, n, planned in columns.iter_rows()
    ]


def method_of(arm: str, methods: Iterable[str]) -> str | None:
    """The searched method that an arm belongs to, or None: the longest name that the arm's begins with."""
    if arm == TUNED:
        return PLAIN
    fitting = [name for name in methods if name != PLAIN and (arm == name or arm.startswith(f"{name}-"))]
    return max(fitting, key=len, default=None)


def with_options(study: str, chosen: dict[str, dict[str, Any]]) -> str:
    """The text of a study with the chosen options in the `set` of each arm that belongs to a searched method."""

    def replaced(match: re.Match[str]) -> str:
        method = method_of(match[2], chosen)
        if method is None:
            return match[0]
        settings = yaml.safe_load(match[3]) | chosen[method]
        return (
            match[1] + "{" + ", ".join(f"{key}: {_spelled(value)}" for key, value in settings.items()) + "}"
        )

    return ARM.sub(replaced, study)


def _spelled(value: Any) -> str:
    return yaml.safe_dump(value, default_flow_style=True, width=1000).splitlines()[0]


def differing(folder: Path, chosen: dict[str, dict[str, Any]]) -> list[str]:
    """Arms of the studies in a folder whose options are not those chosen: one message each."""
    messages = []
    for path in studies_in(folder):
        text = read_limited(path, MAX_STUDY, follow=True).decode()
        for arm in yaml.safe_load(text).get("arms", ()):
            method = method_of(arm["name"], chosen)
            for key, value in chosen.get(method or "", {}).items():
                if arm.get("set", {}).get(key) != value:
                    messages.append(
                        f"{path.name}, {arm['name']}: {key} is {arm.get('set', {}).get(key)}, chosen is {value}"
                    )
    return messages


def studies_in(folder: Path) -> list[Path]:
    """The studies that take options from the search. Raises UserError for a folder without any."""
    paths = [path for path in sorted(folder.glob("*.yaml")) if path.stem not in VARYING]
    if not paths:
        raise UserError(
            f"{folder} holds no studies; give the folder of the studies of methods, such as configs/studies/methods"
        )
    return paths


@tells_exit_code
def main(arguments: list[str] | None = None) -> None:
    """Run the command line; returns the exit code."""
    parser = program("goalposts.experiments.analyses.methods.search", __doc__)
    parser.add_argument("out", type=Path, help="the .csv file of all trials")
    parser.add_argument(
        "--rows",
        type=Path,
        help="recorded rows of the search, or its study folder; default: read the .csv file",
    )
    parser.add_argument("--apply", type=Path, help="write the chosen options into the studies of this folder")
    parser.add_argument("--check", type=Path, help="fail if the studies of this folder have other options")
    given = parser.parse_args(arguments)
    check_parent(given.out, "name another file")
    if given.rows is None and not given.out.exists():
        raise RunError(
            f"{given.out} does not exist: the options of methods have not been searched. Run docs/results/regenerate.sh 13 first"
        )
    trials = pl.read_csv(given.out, schema_overrides=COLUMNS) if given.rows is None else trials_of(given.rows)
    chosen = chosen_of(trials)
    if fewer := lacking_of(trials):
        print(f"note: chosen with fewer runs than planned: {'; '.join(fewer)}", file=sys.stderr)
    if given.rows is not None:
        write_atomic(given.out, trials.write_csv(float_precision=5).encode())
    if given.apply is not None:
        for path in studies_in(given.apply):
            text = read_limited(path, MAX_STUDY, follow=True).decode()
            write_atomic(path, with_options(text, chosen).encode())
    for folder in (given.apply, given.check):
        if folder is not None and (messages := differing(folder, chosen)):
            raise RunError(
                f"these options are not those that the search chose; write them with --apply {folder}: "
                + "; ".join(messages)
            )


if __name__ == "__main__":
    sys.exit(main())
