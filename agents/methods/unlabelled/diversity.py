"""DivDis's two losses on unlabelled inputs: mutual information between heads, and how far each head's actions are from a prior.

Lee, Yao and Finn 2023, "Diversify and disambiguate: out-of-distribution robustness via disagreement" (arXiv 2202.03418), section 3.2:

    L_MI(f_i, f_j) = KL( p(y_i, y_j) ‖ p(y_i) ⊗ p(y_j) ),  p(y_i, y_j) = 1/n Σ_x f_i(x) ⊗ f_j(x),  p(y_i) = 1/n Σ_x f_i(x)
    L_reg(f_i)     = KL( p(y_i) ‖ p(y) ),                  p(y): the frequencies of the labels in the training data

Read next: `diverse_heads.py`, which trains with them.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

TINY = 1e-12  # keeps the logarithm of a probability of 0 finite


def mutual_information(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """L_MI in nats of two heads' action probabilities float32[n, A] on the same n inputs."""
    joint = first.t() @ second / len(first)
    independent = first.mean(0)[:, None] * second.mean(0)[None]
    return divergence(joint, independent)


def mean_mutual_information(heads: torch.Tensor) -> torch.Tensor:
    """Mean of L_MI over all pairs of heads; probabilities float32[H, n, A], H ≥ 2."""
    pairs = list(combinations(range(len(heads)), 2))
    return sum(mutual_information(heads[i], heads[j]) for i, j in pairs) / len(pairs)  # type: ignore[return-value]


def mean_distance_to_prior(heads: torch.Tensor, prior: torch.Tensor) -> torch.Tensor:
    """Mean of L_reg over the heads; probabilities float32[H, n, A], prior float32[A]."""
    return sum(divergence(head.mean(0), prior) for head in heads) / len(heads)  # type: ignore[return-value]


def divergence(p: torch.Tensor, q: torch.Tensor) -> torch.Tensor:
    """KL(p ‖ q) in nats of two distributions of one shape."""
    return (p * ((p + TINY) / (q + TINY)).log()).sum()
