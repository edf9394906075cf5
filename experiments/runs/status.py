"""`status.json`, the state of a run; and reading and writing the small JSON files of a run folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..system.atomic_files import RunError, read_limited

MAX_BYTES = 1_000_000  # of each of the small files

State = Literal["created", "running", "finished", "failed"]
ModelT = TypeVar("ModelT", bound=BaseModel)


class Status(BaseModel):
    """State of a run. `running` may also mean killed: check `Run.in_use`. Times are informative only."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    state: State = "created"
    step: int = Field(default=0, ge=0)
    total: int = Field(ge=0)
    message: str = Field(default="", max_length=10_000)
    created: str = Field(max_length=40)
    started: str | None = Field(default=None, max_length=40)
    updated: str = Field(max_length=40)
    finished: str | None = Field(default=None, max_length=40)
    pid: int | None = None
    host: str = Field(default="", max_length=300)


def write_json(model: BaseModel) -> bytes:
    """The bytes of a small file."""
    return model.model_dump_json(indent=2).encode() + b"\n"


def read_json(model: type[ModelT], path: Path, remedy: str) -> ModelT:
    """A small file, checked. Raises RunError with that remedy."""
    try:
        return model.model_validate_json(read_limited(path, MAX_BYTES), strict=True)
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"]))
        raise RunError(f"{path} is damaged{f' at {where}' if where else ''}. {remedy}") from error


def host_name() -> str:
    """The name of this machine."""
    return os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME", "")
