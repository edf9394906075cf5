"""Check an installation: what is installed, where kernels are cached, whether a level can be generated and solved.

Read next: `goalposts/process/cache_place.py`, which chooses the folder of the kernels.
"""

from __future__ import annotations

import importlib
import os
import platform
import tempfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from goalposts import __version__
from goalposts.process.cache_place import kernel_place

from ...envs.generation.generate import generate
from ...envs.jit.kernel_cache import damaged_files
from ...envs.planner.planner import solve

REQUIRED = (
    *("numpy", "numba", "gymnasium", "torch", "stable-baselines3"),
    *("polars", "pydantic", "pygame-ce", "pillow"),
)
OPTIONAL = ("ray",)
# Modules that are imported in a moment, by package. What needs seconds (torch) says itself what is wrong with it.
LIGHT = {
    "polars": "polars",
    "pydantic": "pydantic",
    "pygame-ce": "goalposts.envs.window.canvas",
    "pillow": "PIL.Image",
}


@dataclass(frozen=True)
class Installation:
    """The facts about an installation. packages: versions by name, None if not installed. problems: messages."""

    packages: dict[str, str | None]
    writable: bool
    kernels: Path | None
    damaged: tuple[Path, ...]
    solvable: bool
    problems: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return all fields for JSON."""
        return {
            "goalposts": __version__,
            "python": platform.python_version(),
            "platform": platform.platform(),
            "cores": os.cpu_count(),
            "packages": self.packages,
            "writable": self.writable,
            "planner": self.solvable,
            "problems": list(self.problems),
            "kernel_cache": self.kernels and str(self.kernels),
            "damaged_kernels": list(map(str, self.damaged)),
        }


def check_installation(folder: Path = Path()) -> Installation:
    """Check the packages, the kernel cache, the planner, and whether `folder` can be written to."""
    packages = {name: _version(name) for name in (*REQUIRED, *OPTIONAL)}
    writable, kernels = _is_writable(folder), kernel_place().folder
    damaged = tuple(damaged_files(kernels)) if kernels else ()
    solvable = solve(generate("CoinRun", "off_path", 0, 1)[0]).solvable
    problems = [f"{name} is not installed: pip install goalposts" for name in REQUIRED if not packages[name]]
    problems += [
        f"{name} {packages[name]} cannot be imported ({reason}): reinstall it"
        for name, module in LIGHT.items()
        if packages[name] and (reason := _why_not(module))
    ]
    if twin := _version("pygame"):
        problems.append(
            f"pygame {twin} is installed in addition to pygame-ce: pip uninstall pygame, then reinstall pygame-ce"
        )
    if not writable:
        problems.append("this folder is not writable; give runs an --out in a folder that is")
    problems += [
        f"{path} is not a file, so no kernel can be stored there: remove it"
        for path in damaged
        if path.is_dir()
    ]
    if not solvable:
        problems.append(
            "the planner cannot solve a generated level: the installation is damaged; reinstall goalposts"
        )
    return Installation(packages, writable, kernels, damaged, solvable, tuple(problems))


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _why_not(module: str) -> str:
    """Why a module cannot be imported; "" if it can."""
    try:
        importlib.import_module(module)
    except Exception as error:  # a damaged library can raise anything
        return f"{type(error).__name__}: {error}"
    return ""


def _is_writable(folder: Path) -> bool:
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False
