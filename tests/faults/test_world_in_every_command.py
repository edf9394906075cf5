"""Row C1: a custom world in every command of the app, by its file and by its module.

The commands come from the app, and their words from the names of their parameters, so that a new command joins by itself.
"""

import shutil
import sys
from collections.abc import Callable, Iterator
from functools import wraps
from inspect import signature
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from fixtures.custom_world import CONFIG, FILE, SPEC, write_world
from fixtures.faults import row
from typer.main import get_command

from goalposts.envs import get_world
from goalposts.envs.worlds.contract.sources import sources
from goalposts.experiments.cli.app import app, config_app, with_worlds
from goalposts.experiments.cli.main import main
from goalposts.experiments.cli.study import study_app

Goalposts = Callable[..., str]
BY_FILE = f"{FILE}:MY_WORLD"
RUN, STUDY = "runs/flag-s0", "studies/flags"

ARGUMENTS = {
    "agent": "agent.py:make",
    "config": "my.yaml",
    "file": "new.txt",
    "first": STUDY,
    "path": STUDY,
    "run": RUN,
    "runs": RUN,
    "second": STUDY,
    "subjects": RUN,
}
"""An argument that a command needs, by the name of its parameter."""
OPTIONS = {
    "--count": "1",
    "--levels": "5",
    "--no-estimate": "",
    "--no-training": "",
    "--quiet": "",
    "--samples": "2",
    "--screenshot": "{name}.png",
    "--seconds": "0.05",
    "--steps": "512",
    "--workers": "1",
}
"""What makes a command short and keeps windows closed, where it has such an option."""
REFUSED = {"diagnose": ("--levels",)}
"""Options that a command refuses for a run, which has them in its config."""
SPECIAL = {
    "adopt": "agent.py:make --out adopted",
    "export": f"{RUN} --out exported",
    "levels": "apart",
    "study run": "study.yaml",
    "study methods": "--add method.py:Mine set.train.total_steps=1024 seeds=[510] levels=5 set.env.levels=50 "
    'grid.env.condition=["mixture(0.1)"]',
    "study docs": f"{STUDY} --out docs",
    "watch": f"{RUN} GoToGoal",
}
"""Commands whose words do not follow from their parameters."""
SAID = {
    "demo": "flag-control",
    "train": f"goalposts report {RUN} --world my_module.py:MY_WORLD",
    "evaluate": "on_rug_held_out",
    "diagnose": "apart",
    "sweep-goal": f"report {RUN} --world my_module.py:MY_WORLD",
    "finetune": "scratch",
    "reproduce": "REPRODUCED",
    "levels": "; Flag apart level 0",
    "worlds": "Flag",
    "config check": "flag",
    "study run": "1 runs, 0 f",
    "study status": "1 of 1 runs done",
    "study methods": "leaderboard of label class L1",
}
"""A part of a command's output that shows the custom world."""
TAKES_NO_WORLD: dict[str, str] = {}
"""Commands that do not take `--world`, each with the reason."""

AGENT = """\
import numpy as np

class Right:
    def predict(self, observation, state=None, episode_start=None, deterministic=False):
        return np.full(len(observation), 2), state

def make():
    return Right()
"""

METHOD = """\
class Mine:
    def train(self, task, seed):
        return task.run(task.learner()).agent()
"""


def commands(group: Any, *before: str) -> Iterator[tuple[str, Any]]:
    """Commands of the app by their words, in the order of the help: training comes before what reads runs."""
    inner = getattr(group, "commands", {})
    if not inner:
        yield " ".join(before), group
    for name, command in inner.items():
        yield from commands(command, *before, name)


COMMANDS = dict(commands(get_command(app)))
WITH_WORLD = [name for name in COMMANDS if name not in TAKES_NO_WORLD]


def words_of(name: str) -> list[str]:
    """The words of a short call of a command, without `--world`."""
    command = COMMANDS[name]
    needed = [
        param.name for param in command.params if param.param_type_name == "argument" and param.required
    ]
    unknown = [word for word in needed if word not in ARGUMENTS and name not in SPECIAL]
    assert not unknown, (
        f"add {unknown} of goalposts {name} to ARGUMENTS, or the command to SPECIAL or TAKES_NO_WORLD"
    )
    arguments = SPECIAL[name].split() if name in SPECIAL else [ARGUMENTS[word] for word in needed]
    given = {*chain.from_iterable((*param.opts, *param.secondary_opts) for param in command.params)}
    options = [
        word.format(name=name)
        for key, value in OPTIONS.items()
        if key in given and key not in REFUSED.get(name, ())
        for word in (key, value)
        if word
    ]
    return [*name.split(), *arguments, *options]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the file of a custom world that has a pair of configs, a study, and an agent."""
    folder = tmp_path_factory.mktemp("home")
    path = write_world(folder)
    path.write_text(path.read_text().replace("    planes=(", '    pair=("my", "control"),\n    planes=(', 1))
    (folder / "control.yaml").write_text("base: my.yaml\nname: flag-control\nenv: {condition: anywhere}\n")
    (folder / "study.yaml").write_text(
        "name: flags\nbase: my.yaml\nseeds: 1\nconditions: [on_rug_held_out, apart]\nlevels: 5\n"
    )
    (folder / "my.yaml").write_text(CONFIG.replace("2048", "1024").replace("levels: 20", "levels: 5"))
    (folder / "agent.py").write_text(AGENT)
    (folder / "method.py").write_text(METHOD)
    (folder / "docs").mkdir()
    return folder


@pytest.fixture
def goalposts(place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Goalposts:
    """Run a command in this process, with the folder as working directory; returns the output."""
    monkeypatch.chdir(place)
    assert str(place) not in sys.path

    def run(*words: str) -> str:
        with pytest.raises(SystemExit) as ended:
            main(list(words))
        said = "".join(capsys.readouterr())
        assert not ended.value.code, (words, said)
        assert "Traceback" not in said, (words, said)
        return said

    return run


@row("C1")
def test_every_command_takes_a_world_or_says_why_not() -> None:
    without = [
        name for name, one in COMMANDS.items() if not any("--world" in param.opts for param in one.params)
    ]
    assert len(COMMANDS) > 20
    assert without == list(TAKES_NO_WORLD)
    assert all(TAKES_NO_WORLD.values())
    assert set(SPECIAL) | set(SAID) <= set(COMMANDS)
    assert all(words_of(name) for name in WITH_WORLD)


@row("C1")
@pytest.mark.slow
def test_every_command_runs_with_a_world_by_its_file(goalposts: Goalposts, place: Path) -> None:
    for name in WITH_WORLD:
        said = goalposts(*words_of(name), "--world", BY_FILE)
        assert SAID.get(name, "") in said, (name, said)
        assert get_world(SPEC).source == str(place / FILE), name
    page = (place / RUN / "report.html").read_text()
    assert "--world my_module.py:MY_WORLD" in page
    assert '"flag":[' in page.replace(" ", "")  # the letter for an undrawn sprite


def resolves_it(command: Callable[..., Any]) -> bool:
    """Whether a command resolves `--world` itself; the others only import what it names."""
    return "custom_worlds" not in signature(command).parameters


@row("C1")
@pytest.mark.slow
def test_every_command_takes_the_same_world_by_its_module(
    goalposts: Goalposts, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Commands that resolve the world themselves run; what others do after the import does not depend on its spelling."""
    shutil.rmtree(place / "adopted", ignore_errors=True)
    for image in place.glob("*.png"):
        image.unlink()
    again, reached = [], []
    for group in (app, config_app, study_app):
        for entered in group.registered_commands:
            command: Any = entered.callback
            if not resolves_it(command):
                monkeypatch.setattr(entered, "callback", with_worlds(recording(command.__wrapped__, reached)))
    for name in WITH_WORLD:
        before = len(reached)
        said = goalposts(*words_of(name), "--world", SPEC)
        assert get_world(SPEC).name == "Flag", name
        if len(reached) == before:
            again.append(name)
            assert SAID.get(name, "") in said, (name, said)
    assert {"demo", "levels", "evaluate", "diagnose", "watch", "edit", "adopt", "bench"} <= set(again)
    assert len(reached) + len(again) == len(WITH_WORLD)


def recording(command: Callable[..., Any], reached: list[str]) -> Callable[..., Any]:
    """A command that notes the custom worlds known when it is called, and does nothing else."""

    @wraps(command)
    def noted(*_: Any, **__: Any) -> None:
        (source,) = sources()
        reached.append(source.place)

    return noted
