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
from ...system.atomic_files import write_atomic
from ..session import StudyTask, prepare_study
from .agents import agents_of
from .board import board, by_parameter, criticals_of, markdown
from .cells import COLUMNS, CONTROL, VERDICT, cells_of
from .points import CONTROLS, PLAIN, points_of, recorded

COMMITTED = Path(__file__).with_name("committed.csv")
IS_CONTROL = pl.col("measure").str.starts_with(CONTROL)
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
    folder = re.sub(r"[^A-Za-z0-9._-]+", "-", name)
    own = [
        f"name=methods-{folder}",
        "arms=[]",
        "plan=null",
        f"set.method.name={json.dumps(place)}",
        *quick.changes,
    ]
    task = prepare_study(quick.study, [*own, *overrides], out)
    return AddedMethod(name, label_class, task, compared=not overrides)


def leaderboard_of(added: AddedMethod) -> Leaderboard:
    """Put the method's finished runs next to the recorded rows, and write leaderboard.md and leaderboard.csv into its folder.

    Raises RunError without a finished run.
    """
    quick, folder = added.quick, added.task.folder
    known = committed_cells(quick.study, added.label_class)
    shown = name_of(added, known)
    points = [
        replace(point, method=shown, study=quick.study, label_class=added.label_class)
        for point in points_of(added.task.plan, recorded(folder.path), added.label_class)
    ]
    agents = agents_of(points)
    own = pl.concat([cells_of(points, agents), criticals_of(agents)])
    cells = pl.concat([own, known])
    notes = notes_of(added, known, controls_of(quick.study))
    files = folder.path / "leaderboard.md", folder.path / "leaderboard.csv"
    write_atomic(files[0], "\n".join(_page(added, own, cells, notes)).encode())
    write_atomic(files[1], cells.write_csv(float_precision=5).encode())
    return Leaderboard(board(cells, quick.parameter), files, tuple(notes))


def name_of(added: AddedMethod, known: pl.DataFrame) -> str:
    """The name of the method's row: marked if a recorded row has it."""
    return f"{added.name} (yours)" if added.name in known["method"].to_list() else added.name


def committed_cells(study: str, label_class: str) -> pl.DataFrame:
    """The recorded cells of a study's methods of a label class and of plain training, without controls; none if it has not been run."""
    alike = (pl.col("label_class") == label_class) | (pl.col("method") == PLAIN)
    return _committed(study).filter(alike & ~pl.col("method").is_in(CONTROLS) & ~IS_CONTROL)


def controls_of(study: str) -> list[str]:
    """The recorded controls of a study that do not hold, with their states."""
    return _committed(study).filter(IS_CONTROL)["words"].to_list()


def _committed(study: str) -> pl.DataFrame:
    if not COMMITTED.exists():
        return pl.DataFrame(schema=COLUMNS)
    return pl.read_csv(COMMITTED, schema_overrides=COLUMNS).filter(pl.col("study") == study)


def notes_of(added: AddedMethod, known: pl.DataFrame, controls: Sequence[str]) -> list[str]:
    """What to keep in mind of the board. known: recorded cells; controls: of the study, those that do not hold."""
    notes = []
    if not known.height:
        notes.append(f"no rows of {added.quick.study} are recorded yet, so the board holds this method alone")
    elif not added.compared:
        notes.append(
            "this method was trained with changed settings, so its row does not compare with the recorded ones"
        )
    if known.height and controls:
        notes.append(
            f"controls of the recorded rows do not hold ({'; '.join(controls)}), and nothing is concluded from rows whose control fails"
        )
    return notes


def _page(added: AddedMethod, own: pl.DataFrame, cells: pl.DataFrame, notes: Sequence[str]) -> list[str]:
    quick = added.quick
    here = own.filter(pl.col("measure") == VERDICT)
    lines = [f"# {added.name} on the leaderboard (label class {added.label_class})", ""]
    lines += [f"{note[:1].upper()}{note[1:]}." for note in notes]
    lines += [
        f"{added.name}: {int(here['n'].sum())} of {int(here['planned'].sum())} agents at the points with a finished run.",
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
