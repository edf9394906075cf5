"""One random run of the committed rows, trained and evaluated again: its episodes are the recorded ones, byte for byte."""

import random
from pathlib import Path

import pytest
from fixtures.places import ROOT

from goalposts.experiments.measurement.episodes import episodes_file
from goalposts.experiments.runs.provenance import processor_facts, version_of
from goalposts.experiments.study.design.plan import StudyPlan, plan_study
from goalposts.experiments.study.design.study_file import shipped_studies
from goalposts.experiments.study.folder.folder import EPISODES
from goalposts.experiments.study.results.recorded_rows import (
    RecordedRows,
    as_played,
    machine_words,
    read_rows,
)
from goalposts.experiments.study.workers.job import Done, Job, perform

ROWS = ROOT / "docs" / "results" / "rows"
MOST_STEPS = 1_100_000  # so that a run takes seconds
METHODS = "methods-"  # the studies of methods, of which one run is always repeated
# Rows from before the file named their machine were recorded on this one.
EARLIER = "torch 2.13.0+cpu, avx avx2 fma avx512f avx512vnni avx512bf16"
HERE = machine_words(str(version_of("torch")), processor_facts())


def cells(path: Path) -> tuple[StudyPlan, RecordedRows, list[str]]:
    """The plan of a file's study, its rows, and the runs that can be repeated here."""
    plan, known = plan_study(path.stem), read_rows(path)
    short = [
        one
        for one in known.episodes
        if one in plan.runs
        and plan.runs[one].train.algorithm == "PPO"
        and (plan.runs[one].method is None or plan.runs[one].method.steps is None)  # type: ignore[union-attr]
        and plan.runs[one].train.total_steps <= MOST_STEPS
        and known.machines.get(one, EARLIER) == HERE
    ]
    return plan, known, short


@pytest.mark.slow
@pytest.mark.parametrize("of_methods", [False, True], ids=["any study", "a study of methods"])
def test_a_random_run_of_the_committed_rows_has_the_same_bytes_again(of_methods: bool) -> None:
    files = [path for path in ROWS.glob("*.parquet") if path.stem in shipped_studies()]
    files = [path for path in files if path.stem.startswith(METHODS) or not of_methods]
    if not files:
        pytest.skip("no rows of a study of methods are committed")
    random.shuffle(files)
    for path in files:
        plan, known, short = cells(path)
        if short:
            break
    else:
        pytest.skip(f"no short run was recorded on a machine like this one ({HERE})")
    one = random.choice(short)
    where = f"run {one} of {path.name} (seed {plan.runs[one].seed}, {plan.runs[one].name})"
    done = perform(Job(one, plan.runs[one]))
    assert isinstance(done, Done), (where, done)
    recorded = episodes_file(as_played(known.episodes[one], plan.study.conditions))
    assert done.files[EPISODES] == recorded, f"{where} differs; rows and code do not belong together"
