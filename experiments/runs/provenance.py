"""Provenance of a result: code, versions, command, machine, seed.

Collected once, when a run starts, and never used in a computation. Read next: `run.py`, which stores it.
"""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from pathlib import Path

from llvmlite.binding import get_host_cpu_features
from pydantic import BaseModel, ConfigDict, Field

from ...agents.named_code import all_code

ROOT = Path(__file__).resolve().parents[2]  # of a checkout; of an installed package, its own folder
PACKAGES = (
    "goalposts",
    "gymnasium",
    "llvmlite",
    "numba",
    "numpy",
    "polars",
    "pydantic",
    "safetensors",
    "scipy",
    "stable-baselines3",
    "torch",
)
"""The packages whose version may change a result."""


ARITHMETIC = (
    "ATEN_CPU_CAPABILITY",
    "MKL_CBWR",
    "MKL_ENABLE_INSTRUCTIONS",
    "DNNL_MAX_CPU_ISA",
    "ONEDNN_MAX_CPU_ISA",
    "DNNL_DEFAULT_FPMATH_MODE",
    "ONEDNN_DEFAULT_FPMATH_MODE",
    "OPENBLAS_CORETYPE",
    "NPY_DISABLE_CPU_FEATURES",
    "NUMBA_CPU_NAME",
    "NUMBA_CPU_FEATURES",
    "GLIBC_TUNABLES",
)
"""Environment variables by which torch, MKL, oneDNN, NumPy, numba and libm choose instructions, and so the order of sums."""
VECTORS = ("avx", "avx2", "fma", "avx512f", "avx512vnni", "avx512bf16", "amx-bf16", "neon", "sve", "bf16")
"""Features of processors that these libraries, and our `precision: auto`, choose by."""


class Provenance(BaseModel):
    """The facts of `provenance.json`. Unknown keys of a newer version are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    commit: str | None = Field(None, max_length=64)  # of a checkout; None for an installed package
    dirty: bool | None = None  # True: the code differed from that commit
    code: str | None = Field(None, max_length=64)  # digest of the source, including uncommitted changes
    python: str = Field(max_length=200)
    packages: dict[str, str] = Field(max_length=200)
    platform: str = Field(max_length=500)
    host: str = Field(max_length=300)
    cores: int | None = None
    processor: dict[str, str] = Field(
        {}, max_length=20
    )  # what arithmetic may depend on; {}: of an older version
    argv: tuple[str, ...] = Field(max_length=10_000)
    seed: int
    config_hash: str = Field(max_length=64)  # ExperimentConfig.hash()
    config_sha256: str = Field(max_length=64)  # of the bytes of config.yaml
    started: str = Field(max_length=40)
    modules: dict[str, str] = Field(
        default={}, max_length=1000
    )  # of custom code that was named: SHA-256 by module
    callbacks: tuple[str, ...] = Field(default=(), max_length=100)  # that `train` was given, by class
    spent: dict[str, float] = Field(
        default={}, max_length=20
    )  # what a run by a method took: steps, labels, effective α, CPU seconds
    plan: dict[str, str] = Field(
        default={}, max_length=10
    )  # SHA-256 of the study's preregistered plan, by file


def collect(seed: int, config_hash: str, config_sha256: str) -> Provenance:
    """The facts of this process, now."""
    commit, dirty = _commit(ROOT)
    return Provenance(
        commit=commit,
        dirty=dirty,
        code=code_digest(),
        python=f"{platform.python_implementation()} {platform.python_version()}",
        packages={name: version for name in PACKAGES if (version := version_of(name))},
        platform=f"{platform.platform()} {platform.machine()}",
        host=platform.node(),
        cores=os.cpu_count(),
        processor=processor_facts(),
        argv=tuple(word.encode("utf-8", "surrogateescape").decode("utf-8", "replace") for word in sys.argv),
        seed=seed,
        config_hash=config_hash,
        config_sha256=config_sha256,
        started=now(),
        modules=custom_modules(),
    )


def custom_modules() -> dict[str, str]:
    """The modules of all custom code that the user named, each with the SHA-256 of its source."""
    return {name: digest for code in all_code() for name, digest in code.modules.items()}


def processor_facts() -> dict[str, str]:
    """Facts that torch, MKL and oneDNN may choose their arithmetic by, as far as they are known without loading torch."""
    facts = {name: value for name in ARITHMETIC if (value := os.environ.get(name))}
    torch = sys.modules.get("torch")
    if torch is not None:
        with suppress(Exception):  # another version of torch may not know it
            facts["torch"] = str(torch.backends.cpu.get_cpu_capability())
    features = get_host_cpu_features()
    facts["vectors"] = " ".join(name for name in VECTORS if features.get(name)) or "none"
    return {name: value[:200] for name, value in facts.items()}


def now() -> str:
    """The time as `2026-11-22T22:38:05Z`, for people; nothing is computed from it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@cache
def code_digest(folders: tuple[str, ...] = ("agents", "envs", "experiments")) -> str:
    """SHA-256 of the source that computes results: every Python file of envs, agents and experiments, or of some of these."""
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            content = path.read_bytes()
            digest.update(f"{path.relative_to(ROOT).as_posix()}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def version_of(name: str) -> str | None:
    """The version of an installed package; None if it is not there."""
    if name == "goalposts":
        from goalposts import __version__

        return __version__
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _commit(root: Path) -> tuple[str | None, bool | None]:
    """Commit and dirty flag of a checkout. An installed package inside another repository does not count.

    Changes below docs/ do not make it dirty: nothing that trains or evaluates reads them, and studies write their rows there.
    """
    if not (root / ".git").exists():
        return None, None
    commit = _git(root, "rev-parse", "HEAD")
    changes = _git(root, "status", "--porcelain", "--untracked-files=normal", "--", ".", ":(exclude)docs")
    return commit or None, None if changes is None else bool(changes)


def _git(root: Path, *arguments: str) -> str | None:
    command = ["git", "-C", str(root), "--no-optional-locks", *arguments]
    # without GIT_DIR and the like, which a hook of another repository sets
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=10, env=environment
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
