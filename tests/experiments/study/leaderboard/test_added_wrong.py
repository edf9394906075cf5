"""A custom method on the leaderboard, used wrongly: each mistake has its message, and no folder of another study is touched."""

from pathlib import Path

import polars as pl
import pytest
from fixtures.command import Cli
from fixtures.methods_planted import ROLLOUT

from goalposts.agents import named_code
from goalposts.errors import UserError
from goalposts.experiments.study.leaderboard.added import add_method

GOOD = "class {name}:\n    def train(self, task, seed):\n        return task.run(task.learner()).agent()\n"
HALF_BROKEN = """
class Broken:
    def train(self, task, seed):
        if task.condition == "mixture(0.1)":
            raise ValueError("my own mistake")
        learner = task.run(task.learner())
        if task.condition == "mixture(0.01)":
            task.run(task.learner())  # a second budget
        return learner.agent()
"""
TINY = (
    "set.train.total_steps=1024",
    *ROLLOUT,
    *("set.env.levels=50", "levels=20", "seeds=[510]"),
    'grid.env.condition=["mixture(0.01)", "mixture(0.03)", "mixture(0.1)"]',
)


def write(name: str, source: str) -> str:
    Path(f"{name}.py").write_text(source)
    return f"{name}.py"


@pytest.mark.parametrize(
    ("spec", "source", "message"),
    [
        ("nowhere.py:Mine", None, "'nowhere.py:Mine' cannot be imported: .*write it as module:NAME"),
        ("no_such_module:Mine", None, "'no_such_module:Mine' cannot be imported: .*no_such_module"),
        ("mine.py:Other", GOOD.format(name="Mine"), "'mine.py:Other' cannot be imported: .*Other"),
        ("mine.py:Mine", "raise RuntimeError('at import')\n", "cannot be imported: .*at import"),
        ("mine.py:Mine", "Mine = 3\n", r"mine.py:Mine has no train\(task, seed\)"),
        ("mine.py:Mine", "class Mine:\n    pass\n", r"mine:Mine has no train\(task, seed\)"),
        (
            "mine.py:Mine",
            "class Mine:\n    def train(self, task):\n        pass\n",
            r"mine:Mine.train cannot be called as train\(task, seed\): too many positional arguments",
        ),
        (
            "mine.py:Mine",
            "class Mine:\n    def __init__(self, size):\n        pass\n    def train(self, task, seed):\n        pass\n",
            "does not take these options .*size",
        ),
        ("plr", None, "'plr' is no custom method; .* Shipped methods are on the board already"),
    ],
)
def test_what_is_no_method_is_refused_before_anything_is_trained(
    folder: Path, spec: str, source: str | None, message: str
) -> None:
    if source is not None:
        write("mine", source)
    with pytest.raises(UserError, match=message):
        add_method(spec)
    assert not (folder / "studies").exists()


def test_the_folder_of_another_study_is_never_shared(folder: Path) -> None:
    """A class named like a shipped study, or like a method in another file."""
    write("mine", GOOD.format(name="l1"))
    assert add_method("mine.py:l1").task.folder.path == Path("studies/methods-l1-added")
    write("first", GOOD.format(name="Mine"))
    write("second", GOOD.format(name="Mine"))
    task = add_method("first.py:Mine").task
    with task.folder.begin(task.plan.study):
        pass
    before = (task.folder.path / "study.yaml").read_bytes()
    with pytest.raises(
        UserError, match=r"studies/methods-Mine holds the runs of first:Mine, not of second:Mine\. .* --out"
    ):
        add_method("second.py:Mine")
    assert (task.folder.path / "study.yaml").read_bytes() == before
    assert add_method("first.py:Mine").task.folder.path == task.folder.path


@pytest.mark.parametrize(
    ("change", "compared"),
    [
        ("seeds=[510, 511]", True),
        ("set.method.replay=0.3", True),
        ("set.method.steps=2_000_000", False),
        ("set.method.labels=5", False),
        ("set.train.ent_coef=0.1", False),
        ("levels=100", False),
    ],
)
def test_seeds_and_options_leave_rows_comparable_and_other_changes_do_not(
    folder: Path, change: str, compared: bool
) -> None:
    write("mine", GOOD.format(name="Mine"))
    assert add_method("mine.py:Mine", [change]).compared is compared


@pytest.mark.slow
def test_failed_runs_stay_on_the_board_and_an_edit_trains_again(folder: Path, cli: Cli) -> None:
    write("mine", HALF_BROKEN)
    words = ["study", "methods", "--add", "mine.py:Broken", *TINY, "--workers", "1", "-q"]
    code, said, _ = cli(*words)
    assert code == 1, said
    assert "ValueError: my own mistake" in said
    assert "the method needs more environment steps than its budget: 1,024 of 1,024 are spent" in said
    assert (
        "note: `methods-l1`: 1 of 3 agents are recorded; missing: Broken at α = 0.01, 0.1 (seed 510)" in said
    )
    place = folder / "studies" / "methods-Broken"
    assert "| Broken (budget: 1,024 steps) | 0 of 1 |" in (place / "leaderboard.md").read_text("utf-8")
    cells = pl.read_csv(place / "leaderboard.csv", infer_schema_length=None)
    own = (pl.col("measure") == "verdicts") & (pl.col("method") == "Broken")
    states = cells.filter(own).select("parameter", "n", "words").rows()
    assert [row[:2] for row in states] == [(0.01, 0), (0.03, 1), (0.1, 0)]
    assert [row[2] for row in states if not row[1]] == ["no finished run"] * 2
    old = {path.name for path in (place / "runs").iterdir()}
    named_code._named.clear()
    write("mine", GOOD.format(name="Broken"))
    code, said, _ = cli(*words)
    assert code == 0, said
    assert "3 runs done" in said
    assert "that are of an earlier source of Broken or of other settings, and do not count: 1" in said
    assert "3 of 3 agents have finished" in (place / "leaderboard.md").read_text("utf-8")
    assert old <= {path.name for path in (place / "runs").iterdir()}
