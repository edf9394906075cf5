"""An adopted agent has a run folder that diagnose, report and compare read, and that claims no training here."""

import subprocess
import sys
from pathlib import Path

import pytest

from goalposts.agents import GoToGoal, GoToProxy
from goalposts.errors import UserError
from goalposts.experiments import Run, RunError, adopt, diagnose, evaluate, load_config, train
from goalposts.experiments.evaluation.evaluated_run import Evaluated
from goalposts.experiments.measurement.episodes import read_episodes
from goalposts.experiments.publish.wording import label_of

CONDITIONS = ["edge_held_out", "off_path"]
AGENT = '''
import numpy as np

class Right:
    """Runs to the right and jumps now and then."""

    def __init__(self):
        self.random = np.random.default_rng(0)

    def predict(self, observation, deterministic=False):
        return np.where(self.random.random(len(observation)) < 0.3, 3, 2), None
'''


def test_the_folder_is_that_of_a_run(tmp_path: Path) -> None:
    run = adopt(GoToGoal(), tmp_path / "run", name="mine", seed=4, conditions=CONDITIONS, levels=60)
    again = Run.open(run.path)
    assert again.status().state == "finished"
    assert (again.config.seed, again.config.name) == (4, "mine")
    assert again.config.method is not None
    assert again.config.method.options == {"agent": "goalposts.agents.scripted.GoToGoal"}
    episodes = read_episodes(run.episodes_path)
    assert set(episodes["condition"]) == set(CONDITIONS)
    assert diagnose(episodes).label == "ALIGNED"
    assert run.checkpoints() == ()
    assert label_of(Evaluated(run)) == "adopted, its training unknown"


def test_it_shares_no_hash_with_a_training_or_another_agent(tmp_path: Path) -> None:
    one = adopt(GoToGoal(), tmp_path / "one", name="mine", conditions=CONDITIONS, levels=20)
    two = adopt(GoToProxy(), tmp_path / "two", name="mine", conditions=CONDITIONS, levels=20)
    plain = load_config("coinrun/edge")
    assert len({one.config.hash(), two.config.hash(), plain.hash()}) == 3
    with pytest.raises(UserError, match="trained elsewhere, so it cannot be trained here"):
        train(one.config, tmp_path / "again", evaluate=False)
    with pytest.raises(RunError, match="Nothing was changed"):
        adopt(GoToProxy(), tmp_path / "one", name="mine", conditions=CONDITIONS, levels=20)


def test_without_a_seed_none_is_recorded_and_the_naming_probes_are_played(tmp_path: Path) -> None:
    """docs/measurement.md: no seed where none is known, and the usual conditions come with the probes that name the behaviour."""
    run = adopt(GoToProxy(), tmp_path / "run", levels=30)
    item = Evaluated(run)
    assert item.episodes["train_seed"].null_count() == item.episodes.height
    assert "no training seed is recorded" in str(item.verdict())
    assert set(item.conditions()) == {*run.config.evaluate.conditions, "mirrored", "no_wall"}
    assert item.behaviour() == "goes to the right edge"
    assert not item.untrained()  # it is no person
    table = evaluate(GoToProxy(), CONDITIONS, 20, name="mine", out=tmp_path / "also")
    assert table["train_seed"].null_count() == table.height


@pytest.mark.slow
def test_from_the_command_line_to_the_report(tmp_path: Path) -> None:
    (tmp_path / "right.py").write_text(AGENT)

    def goalposts(*words: str) -> str:
        command = [sys.executable, "-m", "goalposts", *words]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    words = ("--levels", "60", "--condition", "edge_held_out", "--condition", "off_path")
    assert "adopted: run" in goalposts("adopt", "right.py:Right", "--out", "run", "--name", "right", *words)
    assert goalposts("diagnose", "run")
    goalposts("report", "run")
    assert (tmp_path / "run" / "report.html").stat().st_size > 10_000
    goalposts("record", "run", "--out", "film.gif")
    assert (tmp_path / "film.gif").exists()
