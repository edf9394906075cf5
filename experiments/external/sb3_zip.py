"""Agents from stable-baselines3's zip files, which contain pickle: loaded only if the user says that the file is trusted.

Goalposts' own checkpoints need no trust: they are safetensors and JSON. Read next: `adopt.py`, which measures the agent.
"""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path
from typing import Any

from goalposts.errors import UserError

from ...agents.algorithms.training import algorithm_class
from ...agents.frame_stacked import FrameStacked

MAX_DATA = 64 << 20
KEYS = (  # of the file's `data`, the first that fits
    ("cg_max_steps", "TRPO"),
    ("n_epochs", "PPO"),
    ("exploration_fraction", "DQN"),
    ("gae_lambda", "A2C"),
)


def load_sb3(
    path: str | os.PathLike[str], *, trust: bool = False, frames: int = 1, order: str = "last"
) -> Any:
    """Load an agent from a zip that stable-baselines3 or sb3-contrib saved. This unpickles, so `trust` must be True.

    frames, order: for a model of stacked observations, see `goalposts.agents.FrameStacked`. For one of normalized observations, wrap
    the result in `goalposts.agents.Normalized`. Raises UserError.
    """
    path = Path(path)
    if not trust:
        raise UserError(
            f"{path} is a file of stable-baselines3, which contains pickle: loading it runs whatever code its author put in it. If you "
            "trust it, add --trust (in Python trust=True)"
        )
    name = algorithm_of(path)
    try:
        model = algorithm_class(name).load(path, device="cpu")
    except Exception as error:  # unpickling may raise anything
        raise UserError(
            f"{path} cannot be loaded as a model of {name} ({type(error).__name__}: {str(error)[:200]}); save it again with the "
            "installed version of stable-baselines3"
        ) from error
    return FrameStacked(model, frames, order) if frames > 1 else model


def algorithm_of(path: Path) -> str:
    """Name of the algorithm that saved a zip, from its JSON part; nothing is unpickled. Raises UserError."""
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo("data").file_size > MAX_DATA:
                raise UserError(f"{path}: too large for a model (limit {MAX_DATA >> 20} MiB)")
            data = json.loads(archive.read("data"))
        policy = str(data.get("policy_class", {}).get("__module__", ""))
    except FileNotFoundError:
        raise UserError(f"there is no file {path}; give a zip that stable-baselines3 saved") from None
    except (OSError, KeyError, ValueError, AttributeError, RecursionError, zipfile.BadZipFile) as error:
        raise UserError(
            f"{path} is not a zip that stable-baselines3 saved ({type(error).__name__}); save it with model.save(path)"
        ) from error
    if "recurrent" in policy:
        return "RecurrentPPO"
    if "qrdqn" in policy:
        return "QR-DQN"
    for key, name in KEYS:
        if key in data:
            return name
    raise UserError(
        f"{path} is a model of an algorithm that has no discrete actions; give PPO, A2C, DQN, QR-DQN, TRPO or RecurrentPPO"
    )
