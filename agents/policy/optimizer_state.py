"""Save and restore an optimizer's state as tensors named `adam.<parameter>.<name>`, checked against its net.

The names start with adam for every optimizer, for compatibility. Read next: `agents/ppo/training.py`, which saves them.
"""

from __future__ import annotations

import torch
from torch.optim import Adam, AdamW

SHAPED = ("exp_avg", "exp_avg_sq", "square_avg")  # of the same shape as their weights


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """Collect the optimizer's state of each parameter."""
    return {
        f"adam.{index}.{key}": torch.as_tensor(value).contiguous().clone()
        for index, values in optimizer.state_dict()["state"].items()
        for key, value in values.items()
    }


def restore_optimizer(
    optimizer: torch.optim.Optimizer, tensors: dict[str, torch.Tensor], partial: bool = False
) -> None:
    """Restore the tensors of `optimizer_tensors`; none at all mean the state before the first update. Raises ValueError.

    partial: only some weights have a state, because the optimizer covers a part of the net (TRPO's value function).
    """
    parameters = [weights for group in optimizer.param_groups for weights in group["params"]]
    states: dict[int, dict[str, torch.Tensor]] = {}
    for name, tensor in tensors.items():
        _, index, key = name.split(".")
        if not 0 <= int(index) < len(parameters):
            raise ValueError("the optimizer state belongs to another net")
        weights = parameters[int(index)]
        if key not in ("step", *SHAPED) or tensor.shape != (torch.Size() if key == "step" else weights.shape):
            raise ValueError("the optimizer state belongs to another net")
        # In the memory layout of the weights, as created by the optimizer.
        kept = tensor if key == "step" else torch.empty_like(weights).copy_(tensor)
        states.setdefault(int(index), {})[key] = kept
    if states and isinstance(optimizer, Adam | AdamW):
        complete = {"step", "exp_avg", "exp_avg_sq"}
        if (not partial and set(states) != set(range(len(parameters)))) or any(
            set(state) != complete for state in states.values()
        ):
            raise ValueError("the optimizer state belongs to another net")
    if len({frozenset(state) for state in states.values()}) > 1:
        raise ValueError("the optimizer state belongs to another net")
    optimizer.load_state_dict({**optimizer.state_dict(), "state": states})
