"""Agents from stable-baselines3's zip files, which contain pickle: loaded only if the user says that the file is trusted.

Goalposts' own checkpoints need no trust: they are safetensors and JSON. Read next: `adopt.py`, which measures the agent.
"""

from __future__ import annotations

import json
import os
import stat
import zipfile
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from goalposts.errors import UserError
from goalposts.process.budget import reading_budget

from ...agents.algorithms.training import algorithm_class
from ...agents.frame_stacked import FrameStacked
from ...agents.normalized import Normalized

MAX_DATA = 64 << 20
KEYS = (  # of the file's `data`, the first that fits
    ("cg_max_steps", "TRPO"),
    ("n_epochs", "PPO"),
    ("exploration_fraction", "DQN"),
    ("gae_lambda", "A2C"),
)


def load_sb3(
    path: str | os.PathLike[str],
    *,
    trust: bool = False,
    frames: int = 1,
    order: str = "last",
    vec_normalize: str | os.PathLike[str] | None = None,
) -> Any:
    """Load an agent from a zip that stable-baselines3 or sb3-contrib saved. This unpickles, so `trust` must be True.

    frames, order: for a model of stacked observations, see `goalposts.agents.FrameStacked`. vec_normalize: the file in which
    `VecNormalize.save` put the statistics of the observations, for a model of normalized ones. Raises UserError.
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
    return as_wrapped(model, trust=trust, frames=frames, order=order, vec_normalize=vec_normalize)


def as_wrapped(
    model: Any,
    *,
    trust: bool = False,
    frames: int = 1,
    order: str = "last",
    vec_normalize: str | os.PathLike[str] | None = None,
) -> Any:
    """Wrap a model as its environment was in training: see `load_sb3`. Raises UserError."""
    if vec_normalize is None:
        return FrameStacked(model, frames, order) if frames > 1 else model
    if not trust:
        raise UserError(
            f"{vec_normalize} holds the statistics of a VecNormalize as pickle: loading it runs whatever code its author put in it. If "
            "you trust it, add --trust (in Python trust=True)"
        )
    shape = getattr(getattr(model, "observation_space", None), "shape", None)
    if not shape:
        raise UserError(
            f"{type(model).__name__} has no observation_space, so it is no model of stable-baselines3 to which statistics of VecNormalize "
            "belong; return goalposts.agents.Normalized(agent, statistics) from your own function"
        )
    statistics = _statistics(Path(vec_normalize), shape, frames, order)
    if frames == 1:
        return Normalized(model, statistics)
    if statistics.observation_space.shape == shape:  # the environment stacked first, then normalized
        return FrameStacked(Normalized(model, statistics), frames, order)
    return Normalized(FrameStacked(model, frames, order), statistics)


def _refuse_unless_ordinary(path: Path) -> None:
    """Refuse a pipe, for which libraries would wait, and a device. Raises UserError."""
    with suppress(OSError):  # a missing file is reported where it is opened
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise UserError(f"{path} is not an ordinary file; give a file that can be read as a whole")


def _statistics(path: Path, shape: tuple[int, ...], frames: int, order: str) -> Any:
    """Load what `VecNormalize.save` wrote, for a model that sees observations of `shape`. This unpickles."""
    from stable_baselines3.common.vec_env import VecNormalize

    _refuse_unless_ordinary(path)
    single = list(shape)
    single[0 if order == "first" else -1] //= frames
    shapes = dict.fromkeys((shape, tuple(single)))
    try:
        for one in shapes:
            space = SimpleNamespace(shape=one)
            stand_in: Any = SimpleNamespace(num_envs=1, render_mode=None, observation_space=space)
            try:
                return VecNormalize.load(str(path), stand_in)
            except AssertionError:  # statistics of another shape
                continue
    except FileNotFoundError:
        raise UserError(f"there is no file {path}; give the one that VecNormalize.save(path) wrote") from None
    except Exception as error:  # unpickling may raise anything
        raise UserError(
            f"{path} does not hold the statistics of a VecNormalize ({type(error).__name__}: {str(error)[:200]}); save them with "
            "VecNormalize.save(path)"
        ) from error
    raise UserError(
        f"{path} holds statistics of observations of another shape than the model's, {' or '.join(map(str, shapes))}; give the file "
        "that was saved with this model, and --frames as in its training"
    )


def algorithm_of(path: Path) -> str:
    """Name of the algorithm that saved a zip, from its JSON part; nothing is unpickled. Raises UserError."""
    _refuse_unless_ordinary(path)
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo("data").file_size > MAX_DATA:
                raise UserError(f"{path}: too large for a model (limit {MAX_DATA >> 20} MiB)")
            reading_budget().claim(sum(one.file_size for one in archive.infolist()), path)
            data = json.loads(archive.read("data"))
        policy = str(data.get("policy_class", {}).get("__module__", ""))
    except UserError:
        raise
    except FileNotFoundError:
        raise UserError(f"there is no file {path}; give a zip that stable-baselines3 saved") from None
    except Exception as error:  # damaged or encrypted content may raise anything
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
