"""A custom method on the leaderboard: the study that trains it in the quick version, and its row next to the recorded ones.

    goalposts study methods --add my_file.py:MyMethod

The quick version has the points of the committed study of the method's label class, with fewer seeds (and fewer numbers of labels).
Prints nothing. Read next: `board.py`; `experiments/cli/study.py`, which prints.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from goalposts.errors import UserError

from ....agents.methods.registry import MethodError, method_named
from ....agents.named_code import load_code
from ....envs.worlds.contract.sources import recorded_as
from ...config.method_section import MethodConfig
from ...system.atomic_files import write_atomic
from ..design.config import read_study
from ..design.plan import plan_study
from ..design.study_file import STUDY, shipped_studies
from ..session import StudyTask, prepare_study
from .agents import agents_of
from .board import board, by_parameter, criticals_of, markdown, missing_of
from .cells import VERDICT, cells_of
from .committed import committed_cells, controls_of
from .points import main_config, planned_of, points_of, recorded

METHOD_NAME = "method.name"
ALIKE, FEW = "[500, 501, 502, 503, 504]", "[500, 501, 502]"


@dataclass(frozen=True)
class QuickVersion:
    """How a label class is tried: the committed study, changes to it, the parameter of the full rows and its name, runs."""

    study: str
    changes: tuple[str, ...]
    parameter: float
    name: str


QUICK = {
    "L0": QuickVersion("methods-l0", (f"seeds={ALIKE}",), 0.0, "α"),
    "L1": QuickVersion("methods-l1", ("seeds=[510, 511, 512]",), 0.01, "α"),
    "L2": QuickVersion(
        "methods-labelled", (f"seeds={FEW}", "set.method.labels=1", "set.method.unlabelled=2000"), 1.0, "k"
    ),
    "L3": QuickVersion("methods-labelled", (f"seeds={FEW}", "grid.method.labels=[1, 10, 100]"), 10.0, "k"),
}
SHORT = ("method", "n", "critical α", "goal first of all", "capability")  # columns for a terminal


@dataclass(frozen=True)
class AddedMethod:
    """A custom method and its study. compared: whether its runs have the settings of the recorded ones."""

    name: str
    label_class: str
    task: StudyTask
    compared: bool

    @property
    def earlier(self) -> int:
        """Finished runs in the folder that are not of this study: of an earlier source, or of other settings."""
        return len(self.task.folder.finished() - self.task.plan.runs.keys())

    @property
    def quick(self) -> QuickVersion:
        """The quick version of its label class."""
        return QUICK[self.label_class]


@dataclass(frozen=True)
class Leaderboard:
    """The rows of text of a leaderboard, heads first, at one parameter, and the files that were written."""

    rows: list[list[str]]
    files: tuple[Path, ...]
    notes: tuple[str, ...]  # what to keep in mind of them


def add_method(spec: str, overrides: Sequence[str] = (), out: Path | None = None) -> AddedMethod:
    """Import a method, `module:NAME` or `path/to/file.py:NAME`, and plan its study; trains nothing, writes nothing.

    overrides: changes to the study. out: its folder; default: studies/methods-NAME. Raises CodeError, MethodError, ConfigError, UserError.
    """
    if ":" not in spec:
        raise UserError(
            f"{spec!r} is no custom method; write it as module:NAME or path/to/file.py:NAME. Shipped methods are on the board already."
        )
    value, place = load_code(spec), recorded_as(spec)
    if not isinstance(value, type) and not hasattr(value, "train"):
        raise MethodError(
            f"{spec} has no train(task, seed); a method is an object, or a class of objects, that has one"
        )
    method_named(place, {})
    label_class = str(getattr(value, "label_class", "L1"))
    if label_class not in QUICK:
        raise MethodError(
            f"{spec}: label_class is {label_class!r}; it must be one of {', '.join(QUICK)}, what the method sees of the shift."
        )
    name = place.rpartition(":")[2]
    quick = QUICK[label_class]
    own = [
        f"name={_study_name(name)}",
        "arms=[]",
        "plan=null",
        f"set.{METHOD_NAME}={json.dumps(place)}",
        *quick.changes,
    ]
    task = prepare_study(quick.study, [*own, *overrides], out)
    _refuse_other_method(task.folder.path, place)
    return AddedMethod(name, label_class, task, compared=all(map(_is_free, overrides)))


def _study_name(name: str) -> str:
    """The name of the method's study, which is never that of a shipped one, whose folder it would share."""
    study = f"methods-{re.sub(r'[^A-Za-z0-9._-]+', '-', name)}"
    return f"{study}-added" if study.lower() in shipped_studies() else study


def _refuse_other_method(folder: Path, place: str) -> None:
    """Raise UserError if a folder holds the study of another method, whose leaderboard would be overwritten."""
    if not (folder / STUDY).is_file():
        return
    before = read_study(folder)[0].set.get(METHOD_NAME)
    if before != place:
        raise UserError(
            f"{folder} holds the runs of {before}, not of {place}. Nothing was changed. Choose another folder with --out."
        )


def _is_free(override: str) -> bool:
    """Whether a change leaves the rows comparable: of the seeds, or of an option of the method that is no budget."""
    key = override.partition("=")[0].strip()
    option = key.removeprefix("set.method.").removeprefix("options.")
    return key == "seeds" or (key.startswith("set.method.") and option not in MethodConfig.model_fields)


def leaderboard_of(added: AddedMethod) -> Leaderboard:
    """Put the method's finished runs next to the recorded rows, and write leaderboard.md and leaderboard.csv into its folder.

    Raises RunError without a finished run.
    """
    quick, folder = added.quick, added.task.folder
    known = committed_cells(quick.study, added.label_class)
    same = {"method": name_of(added, known), "study": quick.study, "label_class": added.label_class}
    usual = main_config(plan_study(quick.study))
    points = [
        replace(point, **same)
        for point in points_of(added.task.plan, recorded(folder.path), added.label_class, usual)
    ]
    agents = agents_of(points)
    own = pl.concat([cells_of(points, agents, unfinished=True), criticals_of(agents)])
    cells = pl.concat([own, known])
    planned = planned_of(added.task.plan).with_columns(
        method=pl.lit(same["method"]), study=pl.lit(quick.study)
    )
    missing = [sentence.rstrip(".") for sentence in missing_of(agents, planned)]
    notes = [*notes_of(added, known, controls_of(quick.study)), *missing]
    files = folder.path / "leaderboard.md", folder.path / "leaderboard.csv"
    write_atomic(files[0], "\n".join(_page(added, own, cells, notes)).encode())
    write_atomic(files[1], cells.write_csv(float_precision=5).encode())
    return Leaderboard(board(cells, quick.parameter), files, tuple(notes))


def name_of(added: AddedMethod, known: pl.DataFrame) -> str:
    """The name of the method's row: marked if a recorded row has it."""
    return f"{added.name} (yours)" if added.name in known["method"].to_list() else added.name


def notes_of(added: AddedMethod, known: pl.DataFrame, controls: Sequence[str]) -> list[str]:
    """What to keep in mind of the board. known: recorded cells; controls: of the study, those that do not hold."""
    notes = []
    if not known.height:
        notes.append(f"no rows of {added.quick.study} are recorded yet, so the board holds this method alone")
    elif not added.compared:
        notes.append(
            "this method was trained with changed settings, so its row does not compare with the recorded ones"
        )
    if added.earlier:
        notes.append(
            f"finished runs in {added.task.folder.path} that are of an earlier source of {added.name} or of other settings, and do not "
            f"count: {added.earlier}"
        )
    if known.height and controls:
        notes.append(
            f"controls of the recorded rows do not hold ({'; '.join(controls)}), and "
            "nothing is concluded from rows whose control fails without a known cause"
        )
    return notes


def _page(added: AddedMethod, own: pl.DataFrame, cells: pl.DataFrame, notes: Sequence[str]) -> list[str]:
    quick = added.quick
    here = own.filter(pl.col("measure") == VERDICT)
    lines = [f"# {added.name} on the leaderboard (label class {added.label_class})", ""]
    lines += [f"{note[:1].upper()}{note[1:]}." for note in notes]
    lines += [
        f"{added.name}: {int(here['n'].sum())} of {int(here['planned'].sum())} agents have finished.",
        "",
        f"At {quick.name} = {quick.parameter:g}:",
        "",
        *markdown(board(cells, quick.parameter)),
        "",
    ]
    for measure, title in (
        ("preference", "Goal preference"),
        ("goal_first", "Goal first of all episodes"),
        ("capability", "Capability"),
    ):
        lines += [f"{title}:", "", *markdown(by_parameter(cells, measure, quick.name)), ""]
    return [
        *lines,
        "Brackets: 95% intervals over training seeds and levels; docs/results/methods.md says how each number is measured.",
    ]
