"""Linear concept erasure with least change: LEACE (Belrose et al. 2023, "LEACE: Perfect linear concept erasure in closed form").

    r(x) = x − W⁺ P W (x − E[x]),  W = (Σ_xx)^(−1/2) (pseudo-inverse),  P = orthogonal projection onto the columns of W Σ_xz

Afterwards x and z are uncorrelated over the data that r was fitted to, so that no linear predictor has a lower loss there than a
constant. Of all affine maps with that property, r changes x the least in mean square. Read next: `use.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SMALL = 1e-8  # of the largest eigenvalue or singular value: what counts as zero


@dataclass(frozen=True, eq=False)
class Eraser:
    """An affine map r(x) = x − (x − mean) @ (left @ right).T of low rank; mean float64[D], left float64[D, K], right float64[K, D]."""

    mean: np.ndarray
    left: np.ndarray
    right: np.ndarray
    rank: int

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Erase the concept from x float[n, D]."""
        return x - self.part(x - self.mean)

    def part(self, x: np.ndarray) -> np.ndarray:
        """The part of differences x float[n, D] that lies in the concept's subspace."""
        return (x @ self.right.T) @ self.left.T


def fit_eraser(x: np.ndarray, z: np.ndarray) -> Eraser:
    """Fit to x float[n, D] and the concept z float[n] or float[n, K] (labels as 0 and 1)."""
    x, z = np.asarray(x, np.float64), np.asarray(z, np.float64).reshape(len(x), -1)
    centred, deviations = x - x.mean(axis=0), z - z.mean(axis=0)
    whiten, colour = _roots(centred)
    cross = whiten @ (centred.T @ deviations / len(x))
    left, singular, _ = np.linalg.svd(cross, full_matrices=False)
    kept = left[:, singular > max(SMALL, SMALL * singular.max(initial=0.0))]
    return Eraser(x.mean(axis=0), colour @ kept, kept.T @ whiten, kept.shape[1])


def random_erasers(x: np.ndarray, rank: int, rng: np.random.Generator, count: int) -> list[Eraser]:
    """Erasers of as many random directions of the whitened activations: the controls for `fit_eraser`."""
    x = np.asarray(x, np.float64)
    whiten, colour = _roots(x - x.mean(axis=0))
    within = whiten @ colour  # projection onto the directions in which x varies at all
    erasers = []
    for _ in range(count):
        basis, _ = np.linalg.qr(within @ rng.normal(size=(x.shape[1], rank)))
        erasers.append(Eraser(x.mean(axis=0), colour @ basis, basis.T @ whiten, rank))
    return erasers


def _roots(centred: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(Σ^(−1/2), Σ^(1/2)) of the covariance Σ, restricted to the directions in which it is not zero."""
    values, vectors = np.linalg.eigh(centred.T @ centred / len(centred))
    kept = values > SMALL * max(values[-1], 1e-300)
    root = np.sqrt(values[kept])
    vectors = vectors[:, kept]
    return (vectors / root) @ vectors.T, (vectors * root) @ vectors.T
