"""Recorded runs, trained and evaluated again by the code that is installed: are their episodes the same bytes?

    python -m goalposts.experiments.analyses.repeated_runs docs/results/repeated-runs.csv --rows docs/results/rows --most-steps 10000000

repeats one random run of each recorded study, writes the table and, next to it, the page (`.md`). With the rows of an earlier commit in
another folder (`--earlier`), runs that were trained again since are compared too, such as those of a study to which greedy episodes were
added; their table goes next to the first one. Read next:
`experiments/study/results/recorded_rows.py`, which keeps the rows.
"""

from __future__ import annotations

import random
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from goalposts.errors import tells_exit_code
from goalposts.process.command_line import table_program

from ..measurement.episodes import episodes_file
from ..measurement.intervals import percent, unseen_share
from ..runs.provenance import processor_facts, version_of
from ..study.design.plan import StudyPlan, plan_study
from ..study.design.study_file import shipped_studies
from ..study.folder.folder import EPISODES
from ..study.leaderboard.board import markdown
from ..study.results.page_header import front_matter
from ..study.results.recorded_rows import RecordedRows, as_played, machine_words, read_rows
from ..study.workers.job import Done, Job, perform
from ..system.atomic_files import RunError, check_parent, write_atomic

MOST_STEPS = 1_100_000  # by default, so that a run takes seconds
# Rows from before the file named their machine were recorded on this one.
FIRST_MACHINE = "torch 2.13.0+cpu, avx avx2 fma avx512f avx512vnni avx512bf16"
SCHEMA = {
    "study": pl.String(),
    "run": pl.String(),
    "config": pl.String(),
    "seed": pl.Int64(),
    "recorded_by": pl.String(),
    "seconds": pl.Float64(),
    "same": pl.Boolean(),
}
AGAIN = {"study": pl.String(), "runs": pl.Int64(), "same": pl.Int64(), "steps": pl.Int64()}


@dataclass(frozen=True)
class RepeatableStudy:
    """The rows of a study, its plan, and the runs that can be repeated here: PPO, not too long, recorded on a machine like this one."""

    study: str
    plan: StudyPlan
    rows: RecordedRows
    short: list[str]

    def config(self, run: str) -> str:
        """A run for people: `run coinrun-s0 … of coinrun (seed 0)`."""
        return f"run {run} of {self.study} (seed {self.plan.runs[run].seed}, {self.plan.runs[run].name})"


def row_files(rows: Path, start: str = "") -> list[Path]:
    """The files of recorded rows of shipped studies. start: only those whose name starts so."""
    return [path for path in sorted(rows.glob(f"{start}*.parquet")) if path.stem in shipped_studies()]


def recorded_study(path: Path, most_steps: int = MOST_STEPS) -> RepeatableStudy:
    """Read the study of a file of recorded rows; runs with more steps are left out. Raises RunError, EpisodesError."""
    here = machine_words(str(version_of("torch")), processor_facts())
    plan, known = plan_study(path.stem), read_rows(path)
    short = [
        run
        for run in known.episodes
        if known.machines.get(run, FIRST_MACHINE) == here and _is_short(plan, run, most_steps)
    ]
    return RepeatableStudy(path.stem, plan, known, short)


def _is_short(plan: StudyPlan, run: str, most_steps: int) -> bool:
    """Whether the plan has a run, whose training is PPO's and takes at most so many steps."""
    if run not in plan.runs:
        return False
    train, method = plan.runs[run].train, plan.runs[run].method
    own_steps = method is not None and method.steps is not None  # of the method, in place of the config's
    return train.algorithm == "PPO" and not own_steps and train.total_steps <= most_steps


def is_the_same(recorded: RepeatableStudy, run: str) -> bool:
    """Train and evaluate a run again; whether its episodes are the recorded bytes. Raises RunError if the run fails."""
    done = perform(Job(run, recorded.plan.runs[run]))
    if not isinstance(done, Done):
        raise RunError(f"{recorded.config(run)} failed: {done}")
    episodes = as_played(recorded.rows.episodes[run], recorded.plan.study.conditions)
    return done.files[EPISODES] == episodes_file(episodes)


def repeated(recorded: RepeatableStudy, chance: random.Random) -> dict[str, object]:
    """Repeat one random run of a study; its row of the table."""
    run = chance.choice(sorted(recorded.short))
    began = time.monotonic()
    same = is_the_same(recorded, run)
    config = recorded.plan.runs[run]
    return {
        "study": recorded.study,
        "run": run,
        "config": config.name,
        "seed": config.seed,
        "recorded_by": (recorded.rows.made.get(run) or "not recorded").split(",")[0],
        "seconds": time.monotonic() - began,
        "same": same,
    }


def trained_again(plan: StudyPlan, now: RecordedRows, earlier: RecordedRows) -> dict[str, object] | None:
    """Of a study whose runs were trained again since: how many, and how many have the same sampled episodes; None if none was.

    Runs are matched by config and training seed; those whose id is the same in both were not trained again. `steps` is the largest number
    of training steps among them.
    """
    before = {_name(episodes): run for run, episodes in earlier.episodes.items() if run not in now.episodes}
    pairs = [
        (run, before[name]) for run, episodes in now.episodes.items() if (name := _name(episodes)) in before
    ]
    if not pairs:
        return None
    same = sum(_sampled(now.episodes[run]).equals(_sampled(earlier.episodes[other])) for run, other in pairs)
    steps = max((plan.runs[run].train.total_steps for run, _ in pairs if run in plan.runs), default=0)
    return {"study": plan.study.name, "runs": len(pairs), "same": same, "steps": steps}


def _name(episodes: pl.DataFrame) -> tuple[object, ...]:
    """The config and the training seed of a run."""
    return episodes.select("agent", "train_seed").row(0)


def _sampled(episodes: pl.DataFrame) -> pl.DataFrame:
    return episodes.filter("sampled").drop("run").sort("condition", "level_index")


def page(table: pl.DataFrame, without: list[str], again: pl.DataFrame, most_steps: int = MOST_STEPS) -> str:
    """Format the page, without its header.

    without: studies that have no run which can be repeated here; again: studies that were trained again since an earlier commit.
    """
    same, n = int(table["same"].sum()), table.height
    rows = [["study", "config", "seed", "recorded by", "the same bytes"]]
    rows += [
        [
            row["study"],
            f"`{row['config']}`",
            f"{row['seed']}",
            row["recorded_by"],
            "yes" if row["same"] else "**no**",
        ]
        for row in table.iter_rows(named=True)
    ]
    left = f" Without a run that can be repeated here: {', '.join(without)}." if without else ""
    return "\n".join(
        [
            "# Do the recorded rows belong to this code?",
            "",
            "Studies were run in parts, and their rows were recorded by several commits. Rows that were recorded by code with other "
            "golden digests are refused, and the numbers of a page are always computed by the code that is installed. Here, one random "
            "run of each study was trained and evaluated again, from its config, and its episodes were compared with the recorded ones "
            "byte by byte.",
            "",
            f"**{same} of {n} runs have the same bytes.**{left}",
            "",
            *markdown(rows),
            "",
            *_again_lines(again),
            "## What it does not show",
            "",
            f"- If {n} of {n} random runs are the same, up to {percent(unseen_share(n))} of all runs may still differ (95% "
            "confidence), if each study counts alike; one run says little about the others of its study.",
            f"- Only runs whose `train.algorithm` is PPO, with at most {most_steps:,} steps, are repeated, on a machine like the one "
            "that recorded them: another processor or version of torch rounds otherwise.",
            "",
            "CI repeats two other random runs at each change (`test_rerun_cell.py`).",
            "",
        ]
    )


def _again_lines(again: pl.DataFrame) -> list[str]:
    if not again.height:
        return []
    rows = [["study", "runs trained again", "the same sampled episodes", "training steps, at most"]]
    rows += [
        [f"{study}", f"{runs}", f"{same}", f"{steps:,}"] for study, runs, same, steps in again.iter_rows()
    ]
    return [
        "## Whole studies that were trained again",
        "",
        f"Runs of these studies were trained again since an earlier commit, to add greedy episodes. **{again['same'].sum()} of "
        f"{again['runs'].sum()} have the same sampled episodes** as the rows that an earlier commit had recorded.",
        "",
        *markdown(rows),
        "",
        "This table is made by the command above with `--earlier FOLDER`, the rows of that commit: "
        "`git archive COMMIT docs/results/rows | tar -x -C FOLDER`.",
        "",
    ]


@tells_exit_code
def main(arguments: list[str] | None = None) -> None:
    """Run the command line; returns the exit code."""
    parser = table_program("goalposts.experiments.analyses.repeated_runs", __doc__)
    parser.add_argument("--rows", type=Path, required=True, help="the folder of recorded rows")
    parser.add_argument("--seed", type=int, default=0, help="of the choice of runs (default: 0)")
    parser.add_argument(
        "--most-steps",
        type=int,
        default=MOST_STEPS,
        help=f"training steps of a run that is repeated (default: {MOST_STEPS:,})",
    )
    parser.add_argument(
        "--keep",
        action="store_true",
        help="keep the runs of the table that is there, and repeat only what it lacks",
    )
    parser.add_argument(
        "--earlier",
        type=Path,
        help="a folder of rows of an earlier commit; default: the table next to the output",
    )
    given = parser.parse_args(arguments)
    check_parent(given.out, "name another file")
    before = pl.read_csv(given.out, schema=SCHEMA) if given.keep and given.out.exists() else None
    again = _again(given.out.with_name(f"{given.out.stem}-studies.csv"), given.rows, given.earlier)
    chance, rows, without = random.Random(given.seed), [], []
    for path in row_files(given.rows):  # one at a time: together they take gigabytes
        recorded = recorded_study(path, given.most_steps)
        kept = _kept(before, recorded)
        if kept is not None:
            rows.append(kept)
        elif recorded.short:
            rows.append(repeated(recorded, chance))
        else:
            without.append(recorded.study)
    table = pl.DataFrame(rows, schema=SCHEMA)
    if not table.height:
        raise RunError(f"{given.rows} holds no run of a shipped study that a machine like this one recorded")
    write_atomic(given.out, table.write_csv(float_precision=1).encode())
    header = front_matter(
        f"python -m goalposts.experiments.analyses.repeated_runs {given.out} --rows {given.rows} --most-steps {given.most_steps}",
        f"{table.height} runs, one of each study",
        [f"studies/{name}" for name in table["study"]],
        {},
    )
    text = page(table, without, again, given.most_steps)
    write_atomic(given.out.with_suffix(".md"), (header + text).encode())


def _kept(before: pl.DataFrame | None, recorded: RepeatableStudy) -> dict[str, object] | None:
    """The row of a study in the table of before, if its run is still one of those that can be repeated."""
    if before is None:
        return None
    rows = before.filter((pl.col("study") == recorded.study) & pl.col("run").is_in(recorded.short))
    return rows.row(0, named=True) if rows.height else None


def _again(path: Path, rows: Path, earlier: Path | None) -> pl.DataFrame:
    """The table of studies that were trained again: compared now and written, or read if no earlier rows are given."""
    if earlier is None:
        return pl.read_csv(path, schema=AGAIN) if path.exists() else pl.DataFrame(schema=AGAIN)
    found = []
    for old in row_files(earlier):
        now = rows / old.name
        if now.exists():
            compared = trained_again(plan_study(old.stem), read_rows(now), read_rows(old))
            found += [compared] if compared else []
    again = pl.DataFrame(found, schema=AGAIN)
    write_atomic(path, again.write_csv().encode())
    return again


if __name__ == "__main__":
    sys.exit(main())
