"""Run-length first layer of a net on planes of 0 and 1: computes relu(x·Wᵀ + b) from the changes in x.

The sum of Wᵀ's rows over a run of ones is the difference of two rows of its cumulative sums. A CoinRun observation has
about 75 ones in 10 runs, so this takes a tenth of the work of a dense float32 product, forward and backward (for W; x needs no
gradient). Cumulative sums use float64 in a fixed order, so results are byte-identical on every call. Read next: `manual_backprop.py`,
the rest of the net; `agents/policy/networks.py`, the same layer as a dense product.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...envs.jit.kernels import kernel

if TYPE_CHECKING:  # processes without torch also compile these loops
    import torch

MAX_INPUTS = 1 << 16


@kernel
def _list_runs(x, edges, counts):
    """List the runs of ones: edges[i] holds start and end (exclusive) of each run in x[i]; counts[i] their number."""
    for i in range(x.shape[0]):
        edge, before = np.uintp(0), np.uint8(0)
        for j in range(x.shape[1]):
            edges[i, edge] = j
            edge += np.uintp(x[i, j] != before)
            before = x[i, j]
        edges[i, edge] = x.shape[1]
        counts[i] = (edge + np.uintp(before)) // 2


@kernel
def _cumulate(table, out, total):
    """Compute cumulative sums: out[f] = sum of table[:f]; total float64[width], initially 0."""
    width = table.shape[1]
    for k in range(width):
        out[0, k] = 0
    for f in range(len(table)):
        row, sums = table[f], out[f + 1]
        for k in range(width):
            total[k] += row[k]
            sums[k] = total[k]


@kernel
def _forward(rows, edges, counts, sums, bias, out):
    width, two, eight = np.uintp(out.shape[1]), np.uintp(2), np.uintp(8)
    for i in range(len(rows)):
        r, hidden = np.uintp(rows[i]), out[i]
        at, n, j = edges[r], np.uintp(counts[r]) * two, np.uintp(0)
        for k in range(width):  # not hidden[:] = bias, whose shape check takes numba seconds to compile
            hidden[k] = bias[k]
        while j + eight <= n:
            a, b = sums[np.uintp(at[j])], sums[np.uintp(at[j + np.uintp(1)])]
            c, d = sums[np.uintp(at[j + np.uintp(2)])], sums[np.uintp(at[j + np.uintp(3)])]
            e, f = sums[np.uintp(at[j + np.uintp(4)])], sums[np.uintp(at[j + np.uintp(5)])]
            g, h = sums[np.uintp(at[j + np.uintp(6)])], sums[np.uintp(at[j + np.uintp(7)])]
            for k in range(width):
                hidden[k] += ((b[k] - a[k]) + (d[k] - c[k])) + ((f[k] - e[k]) + (h[k] - g[k]))
            j += eight
        while j < n:
            a, b = sums[np.uintp(at[j])], sums[np.uintp(at[j + np.uintp(1)])]
            for k in range(width):
                hidden[k] += b[k] - a[k]
            j += two
        for k in range(width):
            hidden[k] = max(hidden[k], np.float32(0))


@kernel
def _backward(rows, edges, counts, gradient, out, changes, users, total):
    """Compute out[f] = sum of gradient[i] over the samples i with f = 1: added at the start of a run, subtracted at its end.

    changes float32[features + 1, width], users int64[features + 1], total float64[width]: all 0.
    """
    features, width = out.shape[0], np.uintp(out.shape[1])
    for i in range(len(rows)):
        r, own = np.uintp(rows[i]), gradient[i]
        at, n, j = edges[r], np.uintp(counts[r]) * np.uintp(2), np.uintp(0)
        while j < n:
            begin, end = np.uintp(at[j]), np.uintp(at[j + np.uintp(1)])
            users[begin] += 1
            users[end] -= 1
            first, behind = changes[begin], changes[end]
            for k in range(width):
                first[k] += own[k]
            for k in range(width):
                behind[k] -= own[k]
            j += np.uintp(2)
    using = 0
    for f in range(features):
        using += users[f]
        change, sums = changes[f], out[f]
        for k in range(width):
            total[k] += change[k]
            sums[k] = total[k]
        if using == 0:  # exactly 0: features in no sample have no gradient
            for k in range(width):
                sums[k] = 0


def by_input(linear: torch.nn.Linear) -> None:
    """Store the weights in memory input by input, as the layer reads them; values and shape are unchanged."""
    linear.weight.data = linear.weight.data.t().contiguous().t()


class BinaryRows:
    """Buffer of n binary rows, each stored as a list of runs of ones: uint16[n, inputs + 2], with counts int64[n]."""

    def __init__(self, n: int, inputs: int) -> None:
        if inputs >= MAX_INPUTS:
            raise ValueError(f"{inputs:,} inputs (limit {MAX_INPUTS - 1:,})")
        self.inputs = inputs
        self.edges = np.empty((n, inputs + 2), np.uint16)
        self.counts = np.zeros(n, np.int64)

    def put(self, start: int, x: np.ndarray) -> None:
        """Store x uint8[m, …], of 0 and 1, as rows start … start + m − 1."""
        stop = start + len(x)
        _list_runs(x.reshape(len(x), -1), self.edges[start:stop], self.counts[start:stop])

    def forward(self, sums: np.ndarray, bias: np.ndarray, picks: np.ndarray) -> np.ndarray:
        """Compute relu(x·Wᵀ + b) float32[m, width] of the rows picks int64[m]; sums: see `cumulated`."""
        out = np.empty((len(picks), len(bias)), np.float32)
        _forward(picks, self.edges, self.counts, sums, bias, out)
        return out

    def backward(self, picks: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        """Compute the gradient of Wᵀ, float32[inputs, width], from that of x·Wᵀ + b, float32[m, width], on the same rows."""
        out = np.empty((self.inputs, gradient.shape[1]), np.float32)
        changes, users = (
            np.zeros((self.inputs + 1, out.shape[1]), np.float32),
            np.zeros(self.inputs + 1, np.int64),
        )
        _backward(picks, self.edges, self.counts, gradient, out, changes, users, np.zeros(out.shape[1]))
        return out


def cumulated(weight: torch.Tensor) -> np.ndarray:
    """Cumulative sums of W float32[width, inputs]: the sums of the first 0, 1, 2, … rows of Wᵀ, float32[inputs + 1, width]."""
    return cumulated_rows(np.ascontiguousarray(weight.detach().numpy().T))  # no copy after `by_input`


def cumulated_rows(table: np.ndarray) -> np.ndarray:
    """Cumulative sums of float32[n, width]: the sums of its first 0, 1, 2, … rows, float32[n + 1, width]."""
    out = np.empty((len(table) + 1, table.shape[1]), np.float32)
    _cumulate(table, out, np.zeros(table.shape[1]))
    return out
