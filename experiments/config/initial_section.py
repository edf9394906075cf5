"""The sections `init_from`, where a training starts, and `record`, what it keeps for looking inside the agent.

    init_from: runs/edge-s0        the last weights of that run; a resolved config has their SHA-256, which enters the hash
    record: {initial: true, support: true}

Trains nothing. Read next: `schema.py`; `experiments/training/initial_weights.py`, which loads the weights.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from goalposts.safe_read import read_ordinary
from goalposts.whole_numbers import is_step

from .fields import Section

MAX_WEIGHTS = 1 << 30
_known: ContextVar[Mapping[str, str] | None] = ContextVar("known weights", default=None)


@contextmanager
def weights_known(known: Mapping[str, str] | None) -> Iterator[None]:
    """Within: take the SHA-256 of `init_from` from here, by its `run`, and read no folder that a config names. None: read it.

    The config of a run or study folder may come from anywhere, and must not decide what is read.
    """
    token = _known.set(known)
    try:
        yield
    finally:
        _known.reset(token)


class InitialWeights(Section):
    """The weights that a training starts from: those of another run's last checkpoint."""

    run: str = Field(
        max_length=1000, description="the folder of a run or of a checkpoint; not part of the hash"
    )
    weights: str | None = Field(
        default=None,
        max_length=64,
        description="SHA-256 of its model.safetensors; filled in, part of the hash",
    )

    @model_validator(mode="before")
    @classmethod
    def _resolved(cls, value: Any) -> Any:
        if isinstance(value, str):
            value = {"run": value}
        if not isinstance(value, Mapping) or not isinstance(value.get("run"), str) or value.get("weights"):
            return value
        known = _known.get()
        if known is None:
            return {**value, "weights": digest_of(Path(value["run"]))}
        if value["run"] not in known:
            raise ValueError(
                "a run or study folder must state the weights' SHA-256; another folder is not read."
            )
        return {**value, "weights": known[value["run"]]}


class RecordConfig(Section):
    """Additional records of a training, for analysing the agent."""

    initial: bool = Field(default=False, description="keep the checkpoint of step 0, before the first update")
    support: bool = Field(
        default=False,
        description="count how often each input bit was 1, and keep the counts with each checkpoint",
    )


def weights_in(folder: Path) -> Path | None:
    """The model.safetensors of a checkpoint folder, or of the last checkpoint of a run folder."""
    if (folder / "model.safetensors").is_file():
        return folder / "model.safetensors"
    steps = [
        step for step in (folder / "checkpoints").glob("*") if is_step(step.name) and not step.is_symlink()
    ]
    files = [step / "model.safetensors" for step in steps if (step / "model.safetensors").is_file()]
    return max(files, key=lambda file: int(file.parent.name), default=None)


def digest_of(folder: Path) -> str:
    """SHA-256 of the last weights in a folder. Raises ValueError."""
    path = weights_in(folder)
    if path is None:
        raise ValueError(f"{str(folder)!r} holds no weights; give the folder of a run that has a checkpoint.")
    try:
        return hashlib.sha256(read_ordinary(path, MAX_WEIGHTS, follow=False)).hexdigest()
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror or error}.") from error
