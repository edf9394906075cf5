"""The file of a study, by path, folder or shipped name; checked before anything heavy is imported. Reads no file.

Read next: `config.py`, which reads it.
"""

from __future__ import annotations

import os
from pathlib import Path

from goalposts.closest import closest
from goalposts.errors import UserError

from ...config.bases import shipped_root

STUDY = "study.yaml"


def find_study(source: str | os.PathLike[str]) -> Path:
    """Find a study's file: the given file, the study.yaml of a study folder, or a shipped study by name. Raises UserError."""
    path = Path(source)
    if os.path.isfile(path / STUDY):
        return path / STUDY
    if os.path.lexists(path):
        return path
    shipped = shipped_study_files()
    name = os.fspath(source).removeprefix("studies/").replace("/", "-")
    if name in shipped:
        return shipped[name]
    names = tuple(shipped)
    near = closest(path.name, names)
    raise UserError(
        f"there is no study {os.fspath(source)!r}; give a file, a study folder, or one of {', '.join(names)}.{near}"
    )


def shipped_studies() -> tuple[str, ...]:
    """List the names of the shipped studies."""
    return tuple(shipped_study_files())


def shipped_study_files() -> dict[str, Path]:
    """Files of the shipped studies by name: `alpha`, or `methods-l0` for methods/l0.yaml."""
    root = shipped_root() / "studies"
    files = {"-".join(path.relative_to(root).with_suffix("").parts): path for path in root.rglob("*.yaml")}
    return dict(sorted(files.items()))


def check_study_folder(path: str | os.PathLike[str]) -> None:
    """Raise RunError if a folder holds no study."""
    from ...system.atomic_files import RunError

    if not (Path(path) / STUDY).is_file():
        raise RunError(
            f"{path} is not a study folder: it has no {STUDY}. Start a study with: goalposts study CONFIG"
        )
