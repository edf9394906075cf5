"""Config files that name another as their base, and the configs that come with Goalposts.

Knows no key of a config. Read next: `schema.py`.
"""

from __future__ import annotations

import importlib.resources
import os
import re
from collections.abc import Collection
from pathlib import Path

from goalposts.closest import closest

from ... import configs as _configs
from .yaml_document import Document, Problem, read_document, refuse_what_is_none

MAX_BASES = 16  # files that are each the base of the one before


def read_with_bases(name: str, folder: Path, keys: Collection[str], within: Path | None = None) -> Document:
    """A config file, seen from a folder, or a shipped config, laid over its bases; its problems are collected in it.

    keys: of a config; a file that has none of them is none. within: the folder that no base may lead out of.
    """
    path = _find(name, folder, within)
    if isinstance(path, Problem):
        return Document("", problems=[path], broken=True)
    return _read(path, (), keys, within)


def shipped_configs() -> tuple[str, ...]:
    """Names of the configs that come with Goalposts, such as `coinrun/edge`."""
    root = shipped_root()
    names = (path.relative_to(root).with_suffix("").as_posix() for path in root.rglob("*.yaml"))
    return tuple(sorted(name for name in names if not name.startswith("studies/")))


def shipped_root() -> Path:
    """The folder of the configs that come with Goalposts."""
    return Path(str(importlib.resources.files(_configs)))


def _read(path: Path, below: tuple[Path, ...], keys: Collection[str], within: Path | None) -> Document:
    """A file laid over its base. `below` are the files that led here."""
    document = read_document(path)
    refuse_what_is_none(document, keys, "config")
    if "base" not in document.data:
        return document
    key, base = ("base",), document.data.pop("base")
    chain = (*below, path)
    base_path: Path | Problem
    if len(chain) > MAX_BASES:
        text = f"more than {MAX_BASES} files are each the base of another ({chain[0].name} → {chain[1].name} → …); merge some."
        document.problems.append(Problem(document.place(key), "base", text))
        document.broken = True
        return document
    if not isinstance(base, str) or not base:
        base_path = Problem(
            "", "", f"{base!r} is not allowed; it must be the path of another config, such as edge.yaml."
        )
    else:
        base_path = _find(base, path.parent, within)
    if isinstance(base_path, Path) and base_path.resolve() in [other.resolve() for other in chain]:
        circle = " → ".join(other.name for other in (*chain, base_path))
        base_path = Problem(
            "", "", f"the files are each other's base in a circle ({circle}); take one base line out."
        )
    if isinstance(base_path, Problem):
        document.problems.append(Problem(document.place(key), "base", base_path.text))
        document.broken = True
        return document
    result = _read(base_path, chain, keys, within)
    result.update(document)
    return result


def _find(name: str, folder: Path, within: Path | None) -> Path | Problem:
    """Find the file for a name: a path relative to `folder`, or else a shipped config."""
    path = folder / name
    if within is not None and _is_outside(path, folder, within):
        text = (
            f"{name[:200]!r} is outside {within}, and the study.yaml of a study folder may not name a file outside it. "
            "Copy that file into the folder, or give the study as a separate file."
        )
        return Problem("", "", text)
    if os.path.isdir(path):
        inside = path / "config.yaml"
        hint = f"{inside}" if os.path.isfile(inside) else f"{path / 'my-config.yaml'}"
        return Problem("", "", f"{path} is a folder; give a file, such as {hint}.")
    if os.path.lexists(path):
        return path
    shipped = shipped_configs()
    short = re.sub(r"^(\./)?(configs/)?|\.ya?ml$", "", name)
    if short in shipped:
        return shipped_root() / f"{short}.yaml"
    known = f"give a file, or one of {', '.join(shipped)}.{closest(short, shipped)}"
    return Problem("", "", f"there is no config {name[:200]!r}; {known}")


def _is_outside(path: Path, folder: Path, within: Path) -> bool:
    """Whether a base leads out of a folder; a link does. What is shipped may name what is shipped."""
    if folder.resolve().is_relative_to(shipped_root().resolve()):
        return False
    return path.is_symlink() or not path.resolve().is_relative_to(within.resolve())
