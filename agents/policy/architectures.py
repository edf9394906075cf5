"""Allow-list of policy classes that a checkpoint may name, and of their arguments.

Everything comes from stable-baselines3 or sb3-contrib, or from a class that the user named (`agents/named_code.py`); a checkpoint is
JSON and safetensors, so nothing in it is executed. Read next: `checkpoint.py`, which reads and writes; `networks.py`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from stable_baselines3.common.policies import ActorCriticPolicy, BasePolicy
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.dqn.policies import DQNPolicy

from goalposts.errors import UserError

from ..named_code import CodeError, named_code
from .algorithm_names import ACTOR_CRITIC, Q_LEARNING
from .eager_adam import EagerAdam
from .networks import (
    ACTIVATIONS,
    CONVOLUTIONS,
    CONVOLVED,
    TILE_FEATURES,
    PixelsExtractor,
    PlanesExtractor,
    RawPixelsPolicy,
    TilesExtractor,
)
from .sequence_lstm import sequence_policy_class

MAX_WIDTH, MAX_LAYERS = 65_536, 8
MAX_ARGUMENTS = 100


def is_plain(value: object) -> bool:
    """Whether a value is a number, text, true, false or null."""
    return value is None or isinstance(value, bool | int | float | str)


def _whole(low: int, high: int) -> Any:
    return lambda value: type(value) is int and low <= value <= high


def _arguments(value: object) -> bool:
    return (
        isinstance(value, dict)
        and len(value) <= MAX_ARGUMENTS
        and all(isinstance(name, str) and is_plain(argument) for name, argument in value.items())
    )


_COMMON = {
    "activation": lambda value: value in ACTIVATIONS,
    "policy": lambda value: isinstance(value, str),
    "features_extractor": lambda value: isinstance(value, str),
    "features_extractor_kwargs": _arguments,
    "members": _whole(2, 32),
    "votes": lambda value: value is True,
    "tiles": lambda value: (
        isinstance(value, list) and len(value) == 2 and all(type(n) is int and 1 <= n <= 64 for n in value)
    ),
}
_LSTM = {
    "lstm_hidden_size": _whole(1, MAX_WIDTH),
    "n_lstm_layers": _whole(1, MAX_LAYERS),
    "shared_lstm": lambda value: isinstance(value, bool),
    "enable_critic_lstm": lambda value: isinstance(value, bool),
}
_EPSILON = {"epsilon": lambda value: isinstance(value, int | float) and 0 <= value <= 1}

OPTIONS: dict[str, dict[str, Any]] = {
    **dict.fromkeys(ACTOR_CRITIC, _COMMON),
    "DQN": _COMMON | _EPSILON,
    "QR-DQN": _COMMON | _EPSILON | {"n_quantiles": _whole(1, MAX_WIDTH)},
    "RecurrentPPO": _COMMON | _LSTM,
}
"""Allowed names in a card's `options`, by algorithm, each with a check of its value."""

REQUIRED = {"QR-DQN": {"n_quantiles"}, "RecurrentPPO": set(_LSTM)}


def options_fit(algorithm: object, options: object) -> bool:
    """Whether a card's algorithm and options are on the allow-list."""
    if algorithm not in OPTIONS or not isinstance(options, dict):
        return False
    allowed = OPTIONS[str(algorithm)]
    return (
        all(name in allowed and allowed[name](value) for name, value in options.items())
        and REQUIRED.get(str(algorithm), set()) <= set(options)
        and not (options.get("shared_lstm") and options.get("enable_critic_lstm"))
        and not ("votes" in options and "members" not in options)
    )


def resolved_options(options: Mapping[str, Any], view: tuple[int, int]) -> dict[str, Any]:
    """Options of a policy as its card records them: `convolutions: tiles` becomes `tiles`, the rows and columns of the camera."""
    resolved = dict(options)
    if resolved.pop("convolutions", None) == "tiles":
        resolved["tiles"] = list(view)
    return resolved


def policy_class(algorithm: str, options: Mapping[str, Any]) -> type[BasePolicy]:
    """Class of a policy. Raises CodeError for a custom class that was not named or is of the wrong kind."""
    base = _shipped_class(algorithm)
    if "policy" not in options:
        if algorithm == "RecurrentPPO":
            return sequence_policy_class()
        return RawPixelsPolicy if "tiles" in options and base is ActorCriticPolicy else base
    return _class_of(options["policy"], base)


def _shipped_class(algorithm: str) -> type[BasePolicy]:
    if algorithm in ACTOR_CRITIC:
        return ActorCriticPolicy
    if algorithm == "DQN":
        return DQNPolicy
    contrib = contrib_module()
    if algorithm == "QR-DQN":
        return contrib.qrdqn.policies.QRDQNPolicy
    return contrib.common.recurrent.policies.RecurrentActorCriticPolicy


def contrib_module() -> Any:
    """Import sb3-contrib with its submodules. Raises UserError if it is not installed."""
    try:
        import sb3_contrib
        import sb3_contrib.common.recurrent.policies
        import sb3_contrib.qrdqn.policies
    except ImportError:
        raise UserError(
            "QR-DQN, RecurrentPPO and TRPO come from sb3-contrib, which is not installed. Install it with: "
            "pip install 'goalposts[contrib]'"
        ) from None
    return sb3_contrib


def _class_of(place: str, base: type) -> Any:
    subclass = named_code(place).value
    if not (isinstance(subclass, type) and issubclass(subclass, base)):
        raise CodeError(f"{place} must be a subclass of {base.__module__}.{base.__name__}")
    return subclass


def policy_kwargs(
    algorithm: str,
    widths: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]],
    precision: str,
    rgb: bool,
    options: Mapping[str, Any],
    optimizer: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """SB3's `policy_kwargs`. widths: trunk, pi, vf. optimizer: the section of a config; None: PPO's Adam."""
    trunk, pi, vf = widths
    extra: dict[str, Any] = {}
    if "features_extractor" in options:
        extractor = _class_of(options["features_extractor"], BaseFeaturesExtractor)
        arguments = dict(options.get("features_extractor_kwargs", {}))
    else:
        extractor, arguments = (
            PixelsExtractor if rgb else PlanesExtractor,
            {"trunk": trunk, "precision": precision},
        )
        if "tiles" in options:
            extractor, arguments["grid"] = TilesExtractor, tuple(options["tiles"])
        if "activation" in options:
            arguments["activation"] = options["activation"]
    if algorithm == "QR-DQN":
        extra["n_quantiles"] = options["n_quantiles"]
    elif algorithm == "RecurrentPPO":
        extra = {name: options[name] for name in _LSTM}
    name, settings = optimizer_of(optimizer)
    return {
        "features_extractor_class": extractor,
        "features_extractor_kwargs": arguments,
        "net_arch": list(pi) if algorithm in Q_LEARNING else {"pi": list(pi), "vf": list(vf)},
        "activation_fn": ACTIVATIONS[options.get("activation", "ReLU")],
        "normalize_images": rgb,
        "optimizer_class": name,
        "optimizer_kwargs": settings,
        **extra,
    }


def optimizer_of(section: Mapping[str, Any] | None) -> tuple[type[torch.optim.Optimizer], dict[str, Any]]:
    """Convert a config's `optimizer` to torch's class and arguments."""
    if section is None:
        return EagerAdam, {"eps": 1e-5, "fused": True}
    name, eps, decay = section["name"], section["eps"], section["weight_decay"]
    more = {"weight_decay": decay} if decay else {}
    if name == "Adam":
        return EagerAdam, {"eps": eps, "fused": True, **more}
    if name == "AdamW":
        return torch.optim.AdamW, {"eps": eps, "weight_decay": decay}
    if name == "SGD":
        return torch.optim.SGD, more
    if name == "RMSprop":
        return torch.optim.RMSprop, {"eps": eps, **more}
    from stable_baselines3.common.sb2_compat.rmsprop_tf_like import RMSpropTFLike

    return RMSpropTFLike, {"alpha": 0.99, "eps": eps, **more}


def count_parameters(
    algorithm: str,
    widths: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]],
    inputs: int | None,
    n_actions: int,
    options: Mapping[str, Any],
) -> int:
    """Number of weights of a net of shipped classes. inputs: those of the first layer; None: after convolutions."""
    trunk, pi, vf = widths
    total, width = _convolutions(options) if inputs is None else (0, inputs)
    added, width = _layers(width, trunk)
    total += added
    if algorithm in Q_LEARNING:
        outputs = n_actions * (options["n_quantiles"] if algorithm == "QR-DQN" else 1)
        return 2 * (total + _layers(width, (*pi, outputs))[0])  # the net and its target
    if algorithm == "RecurrentPPO":
        hidden, critic = options["lstm_hidden_size"], options["enable_critic_lstm"]
        rest = (options["n_lstm_layers"] - 1) * 4 * hidden * (2 * hidden + 2)
        lstm = 4 * hidden * (width + hidden + 2) + rest
        total += lstm * (2 if critic else 1)
        total += 0 if critic or options["shared_lstm"] else (width + 1) * hidden
        width = hidden
    return total + _layers(width, (*pi, n_actions))[0] + _layers(width, (*vf, 1))[0]


def _convolutions(options: Mapping[str, Any]) -> tuple[int, int]:
    """Number of weights and of outputs of the convolutions."""
    if "tiles" not in options:
        return CONVOLUTIONS, CONVOLVED
    rows, cols = options["tiles"]
    return TILE_FEATURES * (3 * (64 // rows) * (64 // cols) + 1), TILE_FEATURES * rows * cols


def _layers(width: int, widths: tuple[int, ...]) -> tuple[int, int]:
    total = 0
    for after in widths:
        total, width = total + (width + 1) * after, after
    return total, width


def flat_inputs(shape: tuple[int, ...], rgb: bool) -> int | None:
    """Number of inputs of the first layer for an observation of this shape; None if convolutions come first."""
    return None if rgb else math.prod(shape)
