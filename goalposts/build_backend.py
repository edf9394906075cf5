"""setuptools' build backend with an editable install that works from any folder; named in pyproject.toml.

setuptools puts the finder of an editable install last, after the folders on `sys.path`. There, a folder called
`goalposts`, such as the checkout next to a notebook, counts as a namespace package and hides this one. The wheel of an
editable install therefore gets a finder that comes first and handles only this name. Nothing else imports this module.
"""

import base64
import hashlib
import zipfile
from pathlib import Path
from typing import Any

from setuptools import build_meta
from setuptools.build_meta import (
    build_sdist,
    build_wheel,
    get_requires_for_build_editable,
    get_requires_for_build_sdist,
    get_requires_for_build_wheel,
    prepare_metadata_for_build_editable,
    prepare_metadata_for_build_wheel,
)

__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
    "prepare_metadata_for_build_editable",
    "prepare_metadata_for_build_wheel",
]

FINDER = '''"""Finds the checkout of goalposts before any folder of that name on sys.path."""

import sys
from importlib.machinery import PathFinder


class Checkout:
    @staticmethod
    def find_spec(fullname, path=None, target=None):
        return PathFinder.find_spec(fullname, [{root!r}]) if fullname == "goalposts" else None


sys.meta_path.insert(0, Checkout)
'''


def build_editable(
    wheel_directory: str,
    config_settings: dict[str, Any] | None = None,
    metadata_directory: str | None = None,
) -> str:
    """Build setuptools' editable wheel and add the finder to it; returns the wheel's file name."""
    name = build_meta.build_editable(wheel_directory, config_settings, metadata_directory)  # type: ignore[arg-type]
    root = str(Path(__file__).resolve().parents[1])
    _add(
        Path(wheel_directory, name),
        {
            "__editable___goalposts_first.py": FINDER.format(root=root),
            "__editable__.goalposts_first.pth": "import __editable___goalposts_first\n",
        },
    )
    return name


def _add(wheel: Path, files: dict[str, str]) -> None:
    """Add files to a wheel and to its RECORD."""
    with zipfile.ZipFile(wheel) as old:
        entries = [(info, old.read(info)) for info in old.infolist()]
    rows = "".join(f"{name},sha256={_hash(text)},{len(text.encode())}\n" for name, text in files.items())
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as new:
        for name, text in files.items():
            new.writestr(name, text)
        for info, content in entries:
            own = info.filename.endswith(".dist-info/RECORD")
            new.writestr(info, content.rstrip(b"\n") + b"\n" + rows.encode() if own else content)


def _hash(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
