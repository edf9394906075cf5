"""torch's Adam without torch's compiler: the same numbers, a hundred megabytes and a second less in every process.

torch wraps the methods of its optimizers so that `torch.compile` can step round them, and the wrappers import the whole
compiler when they are first called, compiled or not. Nothing is compiled here, so these are the methods without their
wrappers. Read next: `checkpoint.py`, which builds policies with it.
"""

from __future__ import annotations

import inspect

import torch
from torch.optim import Adam


class EagerAdam(Adam):
    """`torch.optim.Adam`, never compiled and not differentiable itself."""

    add_param_group = inspect.unwrap(Adam.add_param_group)
    load_state_dict = inspect.unwrap(Adam.load_state_dict)
    state_dict = inspect.unwrap(Adam.state_dict)
    step = torch.no_grad()(inspect.unwrap(Adam.step))
    zero_grad = inspect.unwrap(Adam.zero_grad)
