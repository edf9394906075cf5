"""An LSTM over sequences whose state is reset within them, with hand-written gradients; and sb3-contrib's policy with it.

sb3-contrib calls torch's LSTM once per time step as soon as a sequence contains the start of an episode, and cuts sequences
there, which pads them to several times their length. Here the product with the inputs is one matrix product for all steps, and
only the recurrent part is a loop. Same outputs and gradients, except for the order of sums. Read next:
`agents/algorithms/recurrent_ppo.py`, which trains with it.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor, nn


class MaskedLSTM(torch.autograd.Function):
    """One layer: (x [L, N, I], h and c [N, H], keep [L, N, 1], weights) → (outputs [L, N, H], h, c).

    keep is 0 where an episode starts, so that it starts with an empty state, else 1. States get no gradients.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, h: Tensor, c: Tensor, keep: Tensor, *weights: Tensor) -> Any:
        w_ih, w_hh, b_ih, b_hh = weights
        length, n, _ = x.shape
        width = h.shape[1]
        gates = torch.addmm(b_ih + b_hh, x.reshape(length * n, -1), w_ih.t()).view(length, n, 4 * width)
        h_before, c_before = (torch.empty(length, n, width) for _ in range(2))
        squashed, outputs = (torch.empty(length, n, width) for _ in range(2))
        transposed = w_hh.t()
        for t in range(length):
            h_in, c_in = torch.mul(h, keep[t], out=h_before[t]), torch.mul(c, keep[t], out=c_before[t])
            now = gates[t].addmm_(h_in, transposed)
            now[:, : 2 * width].sigmoid_()
            now[:, 2 * width : 3 * width].tanh_()
            now[:, 3 * width :].sigmoid_()
            i, f, g, o = now.chunk(4, 1)
            c = torch.addcmul(f * c_in, i, g)
            h = torch.mul(o, torch.tanh(c, out=squashed[t]), out=outputs[t])
        ctx.save_for_backward(x, keep, gates, h_before, c_before, squashed, w_ih, w_hh)
        return outputs, h.clone(), c

    @staticmethod
    def backward(ctx: Any, *received: Tensor) -> Any:  # type: ignore[override]
        x, keep, gates, h_before, c_before, squashed, w_ih, w_hh = ctx.saved_tensors
        length, n, width = squashed.shape
        i, f, g, o = gates.chunk(4, 2)
        # d gate before its activation = (a factor per sample and unit) × (the gradient of c or h), for all steps at once
        of_c = torch.cat((g * i * (1 - i), c_before * f * (1 - f), i * (1 - g * g)), 2)
        of_h = squashed * o * (1 - o)
        h_to_c = o * (1 - squashed * squashed)
        passed = f * keep
        to_gates = torch.empty_like(gates)
        dh, dc = torch.zeros(n, width), torch.zeros(n, width)
        for t in range(length - 1, -1, -1):
            dh = dh + received[0][t]
            dc = torch.addcmul(dc, dh, h_to_c[t])
            torch.mul(of_c[t].view(n, 3, width), dc[:, None], out=to_gates[t].view(n, 4, width)[:, :3])
            torch.mul(of_h[t], dh, out=to_gates[t, :, 3 * width :])
            dc = dc * passed[t]
            dh = torch.mm(to_gates[t], w_hh).mul_(keep[t])
        flat = to_gates.view(length * n, -1)
        bias = flat.sum(0)
        return (
            (flat @ w_ih).view_as(x),
            *(None, None, None),
            flat.t() @ x.reshape(length * n, -1),
            flat.t() @ h_before.view(length * n, -1),
            *(bias, bias),
        )


def process_sequence(
    features: Tensor, states: tuple[Tensor, Tensor], starts: Tensor, lstm: nn.LSTM
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Run an LSTM over features [n_seq × length, I], ordered by sequence: outputs in that order, and (h, c) [layers, n_seq, H]."""
    n = states[0].shape[1]
    x = features.reshape(n, -1, lstm.input_size).swapaxes(0, 1)
    keep = 1.0 - starts.reshape(n, -1).swapaxes(0, 1)[:, :, None]
    ends = []
    for layer, weights in enumerate(lstm.all_weights):
        x, h, c = MaskedLSTM.apply(x, states[0][layer], states[1][layer], keep, *weights)  # type: ignore[misc]
        ends.append((h, c))
    h, c = (torch.stack([end[k] for end in ends]) for k in (0, 1))
    return x.transpose(0, 1).reshape(-1, lstm.hidden_size), (h, c)


@cache
def sequence_policy_class() -> type:
    """sb3-contrib's recurrent policy, with the LSTM of this module. Raises ImportError without sb3-contrib."""
    from sb3_contrib.common.recurrent.policies import RecurrentActorCriticPolicy

    class SequencePolicy(RecurrentActorCriticPolicy):
        """Recurrent policy of sb3-contrib with a faster LSTM."""

        _process_sequence = staticmethod(process_sequence)  # type: ignore[assignment]

    return SequencePolicy
