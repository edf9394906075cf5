"""An optimizer's state as tensors by name, `adam.<parameter>.<name>`, and back: checked against the net it belongs to.

The names say adam for every optimizer, as Adam's were there first. Read next: `agents/ppo/training.py`, which saves them.
"""

from __future__ import annotations

import torch
from torch.optim import Adam, AdamW

SHAPED = ("exp_avg", "exp_avg_sq", "square_avg")  # as large as their weights


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """All that the optimizer keeps per parameter."""
    return {
        f"adam.{index}.{key}": torch.as_tensor(value).contiguous().clone()
        for index, values in optimizer.state_dict()["state"].items()
        for key, value in values.items()
    }


def restore_optimizer(
    optimizer: torch.optim.Optimizer, tensors: dict[str, torch.Tensor], partial: bool = False
) -> None:
    """Take back what `optimizer_tensors` gave; none at all is the state before the first update. Raises ValueError.

    partial: only some weights have a state, because the optimizer is used for a part of the net (TRPO's value function).
    """
    parameters = [weights for group in optimizer.param_groups for weights in group["params"]]
    found: dict[int, dict[str, torch.Tensor]] = {}
    for name, tensor in tensors.items():
        _, index, key = name.split(".")
        if not 0 <= int(index) < len(parameters):
            raise ValueError("an optimizer of another net")
        weights = parameters[int(index)]
        if key not in ("step", *SHAPED) or tensor.shape != (torch.Size() if key == "step" else weights.shape):
            raise ValueError("an optimizer of another net")
        # In the memory layout of their weights, as the optimizer made them.
        kept = tensor if key == "step" else torch.empty_like(weights).copy_(tensor)
        found.setdefault(int(index), {})[key] = kept
    if found and isinstance(optimizer, Adam | AdamW):
        complete = {"step", "exp_avg", "exp_avg_sq"}
        if (not partial and set(found) != set(range(len(parameters)))) or any(
            set(one) != complete for one in found.values()
        ):
            raise ValueError("an optimizer of another net")
    if len({frozenset(one) for one in found.values()}) > 1:
        raise ValueError("an optimizer of another net")
    optimizer.load_state_dict({**optimizer.state_dict(), "state": found})
