"""Scenes of `kill.py`: commands with their initial state, the files allowed after a kill, and signs of completion."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

from harness.study_scenes import RUN, from_base, make_studies, seen_in_work, with_older_report, write_study

CONFIG = """\
name: tiny
env: {levels: 100}
train:
  total_steps: 4096
  num_envs: 32
  n_steps: 16
  batch_size: 256
  n_epochs: 1
  net: {trunk: [16], pi: [8], vf: [8]}
  checkpoint_every: 1024
  probe_every: 2048
  probe_levels: 10
evaluate: {conditions: [edge_held_out, off_path], levels: 20}
"""
NOT_RESULTS = (
    "status.json",
    "provenance.json",
    ".lock",
    "times.json",
    "calls.jsonl",
    ".made.json",
)  # hold times
IMPORTS = (
    "torch.utils.tensorboard",
    "goalposts.experiments.cli.main",
    "goalposts.experiments.training.train",
    "goalposts.experiments.publish.run_report",
    "goalposts.experiments.publish.films",
    "goalposts.experiments.evaluation.missing_probes",
    "goalposts.experiments.training.reproduce",
    "goalposts.experiments.cli.tables",
    "goalposts.experiments.report.page.page",
    "goalposts.experiments.report.film.encode",
    "goalposts.experiments.study.driver",
    "goalposts.experiments.study.results.report",
    "goalposts.experiments.study.results.docs_page",
    "goalposts.experiments.study.folder.estimate",
    "goalposts.experiments.study.folder.progress",
)


def digests(home: Path) -> dict[str, str]:
    """Digests of every file below a folder that must not depend on when a command was killed."""
    return {
        file.relative_to(home).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(home.rglob("*"))
        if file.is_file()
        and file.name not in NOT_RESULTS
        and file.parent.name != "tensorboard"
        and ".part-" not in str(file.relative_to(home))  # never read; removed at the next lock
    }


@dataclass
class Scene:
    """A command and its initial folder.

    fill: creates the initial files. ever: other allowed digests of a file besides those before and after, by name.
    grows: names of files that are appended line by line. finished: the message of a command with nothing left to do.
    whole: a folder whose subfolders must be complete or absent.
    """

    name: str
    words: list[str]
    fill: Callable[[Path], object]
    weight: float
    ever: dict[str, set[str]] = field(default_factory=dict)
    grows: tuple[str, ...] = ()
    finished: str | None = None
    whole: str | None = None
    start: dict[str, str] = field(default_factory=dict)

    def prepare(self, home: Path) -> None:
        """Create the folder's state before the command."""
        home.mkdir(parents=True)
        (home / "tiny.yaml").write_text(CONFIG, encoding="utf-8")
        self.fill(home)
        self.start = digests(home)

    def done(self, said: str) -> bool:
        """Whether a refused command had already finished its work."""
        return self.finished is not None and self.finished in said

    def seen(self, home: Path, undisturbed: Path) -> list[str]:
        """List incomplete files: neither in their old, new or allowed intermediate state."""
        after = digests(undisturbed)
        now = digests(home)
        faults = [f"{name} is gone" for name in self.start if name not in now]
        for name, digest in now.items():
            if digest in (self.start.get(name), after.get(name)) or digest in self.ever.get(name, ()):
                continue
            if Path(name).name in self.grows and is_beginning(home / name, self.end_of(name, undisturbed)):
                continue
            faults.append(f"{name} is neither as it was nor as it becomes")
        return faults + self.missing(home, undisturbed) + unreadable_runs(home)

    def end_of(self, name: str, undisturbed: Path) -> Path:
        """Final content of a growing file: from the undisturbed folder, or from a study worker's."""
        return undisturbed / name.replace("study/.work/", "study/runs/")

    def missing(self, home: Path, undisturbed: Path) -> list[str]:
        """Missing files of folders that should have appeared completely."""
        if self.whole is None:
            return []
        return [
            f"{file.relative_to(undisturbed)} is not there, but its folder is"
            for file in sorted((undisturbed / self.whole).rglob("*"))
            if file.is_file() and file.name != ".lock"
            if (home / self.whole / file.relative_to(undisturbed / self.whole).parts[0]).exists()
            if not (home / file.relative_to(undisturbed)).exists()
        ]


def is_beginning(path: Path, whole: Path) -> bool:
    """Whether a file is a prefix of another, except for a truncated last line."""
    lines = path.read_bytes().splitlines(keepends=True)
    if lines and not lines[-1].endswith(b"\n"):
        lines.pop()
    text = b"".join(lines)
    return whole.read_bytes().startswith(text)


def unreadable_runs(home: Path) -> list[str]:
    """Run folders that cannot be opened, or contain an invalid checkpoint."""
    from goalposts.agents.policy.checkpoint import load_policy
    from goalposts.errors import UserError
    from goalposts.experiments import Run

    faults = []
    for config in home.rglob("config.yaml"):
        if ".part-" in str(config):
            continue
        try:
            run = Run.open(config.parent)
            run.progress()
            if run.in_use():
                faults.append(f"{run.path} is still locked")
            for checkpoint in run.checkpoints():
                load_policy(checkpoint.path)
        except UserError as error:
            faults.append(str(error))
    return faults


def scenes(folder: Path) -> list[Scene]:
    """All scenes; `folder` contains the results of `warm_up`."""
    base, every = folder / "base", folder / "every"
    checkpoints = {}
    for file, digest in digests(every).items():
        checkpoints[file] = {digest}

    def finished(home: Path) -> None:
        shutil.copytree(base / "run", home / "run")

    scratch = seen_in_work(digests(base / "work"))  # empty if no studies were created
    already = "already holds the finished run of this config"
    return [
        Scene(
            "train",
            ["train", "tiny.yaml", "--out", "run", "-q"],
            lambda home: None,
            8,
            checkpoints,
            ("progress.csv",),
            already,
        ),
        Scene("evaluate", ["evaluate", "run", "--levels", "30", "-q"], finished, 3),
        Scene("evaluate --condition", ["evaluate", "run", "--condition", "left", "-q"], finished, 2),
        Scene("diagnose --evaluate-missing", ["diagnose", "run", "--evaluate-missing", "-q"], finished, 2),
        Scene("report", ["report", "run"], finished, 2),
        Scene("record", ["record", "run"], finished, 2),
        Scene("reproduce", ["reproduce", "run", "-q"], finished, 1),
        Scene("study", RUN, write_study, 4, scratch, ("progress.csv",), whole="study/runs"),
        Scene(
            "study, more seeds",
            RUN,
            from_base(base, "half"),
            2,
            scratch,
            ("progress.csv",),
            whole="study/runs",
        ),
        Scene("study report", ["study", "report", "study"], with_older_report(base), 1, whole="study/runs"),
        Scene(
            "study docs",
            ["study", "page", "study", "--out", "."],
            from_base(base, "study"),
            1,
            whole="study/runs",
        ),
    ]


def warm_up(
    folder: Path,
    in_a_fork: Callable[[Callable[[], object]], None],
    command: Callable[[list[str]], int],
    chosen: Collection[str],
) -> None:
    """Do once what every command would otherwise do first, and create the initial runs of the scenes."""
    for name in IMPORTS:
        import_module(name)
    from goalposts.experiments import load_config
    from goalposts.experiments.training.train import TrainingEval, new_training

    (folder / "tiny.yaml").write_text(CONFIG, encoding="utf-8")
    found = load_config(folder / "tiny.yaml")
    training = new_training(found)
    TrainingEval.of(training.env.stream.world, 10).measure(training.agent(), found)
    in_a_fork(lambda: _base(folder))
    in_a_fork(lambda: _every_checkpoint(folder))
    (folder / "base" / "tiny.yaml").write_text(CONFIG, encoding="utf-8")
    if any(name.startswith("study") for name in chosen):
        make_studies(folder / "base", in_a_fork, command, chosen)


def _base(folder: Path) -> None:
    """Create a finished run containing an older page and film."""
    from goalposts.experiments import load_config, train

    run = train(load_config(folder / "tiny.yaml"), folder / "base" / "run")
    for name in ("report.html", "rollout.gif"):
        (run.path / name).write_text(f"an older {name}")


def _every_checkpoint(folder: Path) -> None:
    """Create the same training with all checkpoints kept."""
    from goalposts.experiments import Run, load_config, train

    save = Run.save_checkpoint
    Run.save_checkpoint = lambda self, step, writer, keep=None: save(self, step, writer, None)  # type: ignore[method-assign]
    train(load_config(folder / "tiny.yaml"), folder / "every" / "run")
