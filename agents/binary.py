"""The first layer of a net on planes of 0 and 1: relu(x·Wᵀ + b) by adding up the rows of Wᵀ where x is 1.

About an eighth of what an agent sees is 1, so this is a quarter of the work of a dense product, in float32 and with
gradients for W and b (none for x). The order of the sums is fixed: the same bytes on every call. Read next:
`planes_ppo.py`, which trains with it; `networks.py`, the same layer as a dense product.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numba import njit

MAX_INPUTS = 1 << 16
_BLOCK = 256  # samples whose gradients stay in the cache together


@njit(cache=True, nogil=True)
def _list_ones(x, ones, counts):
    for i in range(x.shape[0]):
        found = np.uintp(0)
        for j in range(x.shape[1]):
            ones[i, found] = j
            found += np.uintp(x[i, j] != 0)
        counts[i] = found


@njit(cache=True, nogil=True)
def _add_rows(table, picks, n, out):
    """out += the sum of table[picks[:n]], eight at a time."""
    width = len(out)
    j = 0
    while j + 8 <= n:
        a, b = table[np.uintp(picks[j])], table[np.uintp(picks[j + 1])]
        c, d = table[np.uintp(picks[j + 2])], table[np.uintp(picks[j + 3])]
        e, f = table[np.uintp(picks[j + 4])], table[np.uintp(picks[j + 5])]
        g, h = table[np.uintp(picks[j + 6])], table[np.uintp(picks[j + 7])]
        for k in range(width):
            out[k] += ((a[k] + b[k]) + (c[k] + d[k])) + ((e[k] + f[k]) + (g[k] + h[k]))
        j += 8
    while j < n:
        a = table[np.uintp(picks[j])]
        for k in range(width):
            out[k] += a[k]
        j += 1


@njit(cache=True, nogil=True)
def _forward(rows, ones, counts, table, bias, out):
    for i in range(len(rows)):
        r, hidden = rows[i], out[i]
        hidden[:] = bias
        _add_rows(table, ones[r], counts[r], hidden)
        for k in range(len(hidden)):
            hidden[k] = max(hidden[k], np.float32(0))


@njit(cache=True, nogil=True)
def _backward(rows, ones, counts, gradient, out):
    """out[f] = the sum of gradient[i] over the samples i in which f is 1, block by block."""
    features = out.shape[0]
    out[:] = 0
    ends = np.zeros(features + 1, np.int64)
    users = np.empty(_BLOCK * features, np.int32)
    for start in range(0, len(rows), _BLOCK):
        stop = min(start + _BLOCK, len(rows))
        ends[:] = 0
        for i in range(start, stop):
            r = rows[i]
            for j in range(counts[r]):
                ends[np.uintp(ones[r, j]) + np.uintp(1)] += 1
        for f in range(features):
            ends[f + 1] += ends[f]
        for i in range(start, stop):
            r = rows[i]
            for j in range(counts[r]):
                f = np.uintp(ones[r, j])
                users[ends[f]] = i
                ends[f] += 1
        begin = 0
        for f in range(features):
            _add_rows(gradient, users[begin:], ends[f] - begin, out[f])
            begin = ends[f]


class BinaryLayer(torch.autograd.Function):
    """relu(x·Wᵀ + b), float32[n, width]; see `BinaryRows.layer`."""

    @staticmethod
    def forward(
        ctx: Any, weight: torch.Tensor, bias: torch.Tensor, rows: BinaryRows, picks: np.ndarray
    ) -> torch.Tensor:
        """picks int64[n]: which of the rows."""
        out = np.empty((len(picks), len(weight)), np.float32)
        table = np.ascontiguousarray(weight.detach().numpy().T)  # no copy after `by_input`
        _forward(picks, rows.ones, rows.counts, table, bias.detach().numpy(), out)
        ctx.rows, ctx.picks, result = rows, picks, torch.from_numpy(out)
        ctx.save_for_backward(result)  # as an attribute it would make a cycle: work for the garbage collector
        return result

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, None, None]:
        """Those of weight and bias."""
        (out,) = ctx.saved_tensors
        gradient = gradients[0] * (out > 0)
        table = np.empty((ctx.rows.inputs, gradient.shape[1]), np.float32)
        _backward(ctx.picks, ctx.rows.ones, ctx.rows.counts, gradient.numpy(), table)
        return torch.from_numpy(table).t(), gradient.sum(0), None, None


def by_input(linear: torch.nn.Linear) -> None:
    """Lay the weights out in memory input by input, as the layer reads them; their values and shape stay."""
    linear.weight.data = linear.weight.data.t().contiguous().t()


class BinaryRows:
    """Room for n rows of 0 and 1, each kept as the list of its ones: uint16[n, inputs + 1] and their counts int64[n]."""

    def __init__(self, n: int, inputs: int) -> None:
        if inputs >= MAX_INPUTS:
            raise ValueError(f"{inputs:,} inputs; at most {MAX_INPUTS - 1:,}")
        self.inputs = inputs
        self.ones = np.empty((n, inputs + 1), np.uint16)
        self.counts = np.zeros(n, np.int64)

    def put(self, start: int, x: np.ndarray) -> None:
        """Keep x uint8[m, …] as rows start … start + m − 1."""
        stop = start + len(x)
        _list_ones(x.reshape(len(x), -1), self.ones[start:stop], self.counts[start:stop])

    def layer(self, weight: torch.Tensor, bias: torch.Tensor, picks: np.ndarray) -> torch.Tensor:
        """relu(x·Wᵀ + b) float32[m, width] of the rows picks int64[m], with gradients for W [width, inputs] and b [width]."""
        out = BinaryLayer.apply(weight, bias, self, picks)
        assert isinstance(out, torch.Tensor)
        return out
