"""Forked children: refused with a message where they would hang, allowed where they work."""

import multiprocessing
import sys
from pathlib import Path

import pytest
from fixtures.command import run
from fixtures.faults import row

pytestmark = pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="the system does not fork"
)

CODE = """
import os, polars, sys
from goalposts.agents import GoToGoal, load_agent
from goalposts.experiments import diagnose, evaluate, load_config, train
from goalposts.experiments.measurement.episodes import read_episodes

RUN, CONFIG = sys.argv[1:3]
control = {"conditions": ["edge_held_out"], "levels": 20}

def play():
    from goalposts.envs import generate, survey_levels
    survey_levels(generate("CoinRun", "edge", 0, 5))

def child(do):
    pid = os.fork()
    if not pid:
        try:
            do()
            print("worked", flush=True)
        except Exception as error:
            print(type(error).__name__, error, flush=True)
        os._exit(0)
    os.waitpid(pid, 0)

before = {
    "evaluate": lambda: evaluate(RUN, **control), "nothing": lambda: None,
    "read": lambda: read_episodes(RUN + "/episodes.parquet").group_by("condition").len(),
}
after = {
    "scripted": lambda: evaluate(GoToGoal(), **control), "trained": lambda: evaluate(load_agent(RUN), **control),
    "diagnose": lambda: diagnose(table), "train": lambda: train(load_config(CONFIG), sys.argv[3]), "play": play,
    "query": lambda: table.sort("len"), "concat": lambda: polars.concat([table, table]),
}
table = before[sys.argv[4]]()
for name in sys.argv[5:]:
    child(after[name])
"""


def children(run_folder: Path, config: Path, folder: Path, before: str, *after: str) -> list[str]:
    words = [sys.executable, "-c", CODE, str(run_folder), str(config), str(folder / "new"), before, *after]
    done = run(words, folder, timeout=120)
    assert done.returncode == 0, done.stderr
    assert not (folder / "new").exists()
    return done.stdout.splitlines()


@row("B9")
@pytest.mark.slow
def test_forked_child_of_an_evaluating_process_is_refused_with_a_message(
    tmp_path: Path, tiny_run: Path, tiny_config: Path
) -> None:
    said = children(
        tiny_run, tiny_config, tmp_path, "evaluate", "scripted", "trained", "diagnose", "train", "play"
    )
    assert [words.split()[0] for words in said] == ["UserError"] * 4 + ["worked"]
    assert all("get_context('spawn')" in words for words in said[:4])


@row("B9")
@pytest.mark.slow
def test_a_child_works_where_polars_had_not_begun(tmp_path: Path, tiny_run: Path, tiny_config: Path) -> None:
    assert (
        children(tiny_run, tiny_config, tmp_path, "nothing", "scripted", "trained", "play") == ["worked"] * 3
    )
    said = children(tiny_run, tiny_config, tmp_path, "read", "scripted", "query", "concat")
    assert [words.split()[0] for words in said] == ["UserError"] * 3
