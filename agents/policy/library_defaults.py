"""Restore torch's and numpy's default settings during a call, so that other code's settings do not affect the nets.

A process may have changed the default dtype or device, gradients, inference mode, autocast, matmul precision or the number of
threads. Weights are loaded, trained and evaluated as in a fresh process; the previous settings are restored afterwards.
Read next: `checkpoint.py` and `agents/ppo/training.py`, which use it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import numpy as np
import torch

P = ParamSpec("P")
R = TypeVar("R")

_TINY = 2.0**-1022  # the smallest normal float64: half of it is 0 if denormals are flushed
NUMPY: dict[str, Any] = {"divide": "warn", "over": "warn", "under": "ignore", "invalid": "warn"}


def with_defaults(function: Callable[P, R]) -> Callable[P, R]:
    """Decorate a function so that it runs with the default settings."""

    @wraps(function)
    def inner(*given: P.args, **options: P.kwargs) -> R:
        if _are_in_force():  # the usual case; the block below takes 30 µs
            return function(*given, **options)
        with defaults():
            return function(*given, **options)

    return inner


@contextmanager
def defaults() -> Iterator[None]:
    """Run a block with the default settings, changing only those that differ."""
    with ExitStack() as stack:
        stack.enter_context(np.errstate(**NUMPY))
        if torch.is_inference_mode_enabled():
            stack.enter_context(torch.inference_mode(False))
        if not torch.is_grad_enabled():
            stack.enter_context(torch.enable_grad())
        if torch.is_autocast_enabled("cpu"):
            stack.enter_context(torch.autocast("cpu", enabled=False))
        if torch.get_default_device().type != "cpu":
            stack.enter_context(torch.device("cpu"))
        if not torch.backends.mkldnn.enabled:
            setattr(torch.backends.mkldnn, "enabled", True)  # noqa: B010
            stack.callback(setattr, torch.backends.mkldnn, "enabled", False)
        _restore_later(stack, torch.get_default_dtype(), torch.float32, torch.set_default_dtype)
        _restore_later(stack, torch.get_num_threads(), 1, torch.set_num_threads)
        _restore_later(
            stack, torch.get_float32_matmul_precision(), "highest", torch.set_float32_matmul_precision
        )
        if torch.are_deterministic_algorithms_enabled():
            warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
            torch.use_deterministic_algorithms(False)
            stack.callback(torch.use_deterministic_algorithms, True, warn_only=warn_only)
        if _TINY * 0.5 == 0.0:
            torch.set_flush_denormal(False)
            stack.callback(torch.set_flush_denormal, True)
        yield


def _are_in_force() -> bool:
    return (
        torch.get_default_dtype() is torch.float32
        and torch.get_num_threads() == 1
        and torch.is_grad_enabled()
        and not torch.is_inference_mode_enabled()
        and not torch.is_autocast_enabled("cpu")
        and torch.get_default_device().type == "cpu"
        and torch.backends.mkldnn.enabled
        and torch.get_float32_matmul_precision() == "highest"
        and not torch.are_deterministic_algorithms_enabled()
        and _TINY * 0.5 > 0.0
        and np.geterr() == NUMPY
    )


def _restore_later(stack: ExitStack, now: Any, default: Any, setter: Callable[[Any], Any]) -> None:
    if now != default:
        setter(default)
        stack.callback(setter, now)
