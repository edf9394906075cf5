"""Hand-written forward and backward pass of the small net with PPO's loss: autograd's results without its overhead.

Between matrix products, autograd creates about sixty small tensors per minibatch; here they are one loop over the samples.
A test compares losses and gradients with SB3's on the same batch. Read next: `planes_ppo.py`, which trains with it;
`run_length_layer.py`, the layer that reads planes; `loss.py`, the loop.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from stable_baselines3.common.policies import ActorCriticPolicy
from torch import Tensor, nn

from ..policy.networks import PlanesExtractor
from .consistent_dropout import ConsistentDropout
from .loss import STATISTICS, LossCoefficients, LossGradients, Minibatch, loss_of
from .run_length_layer import BinaryRows, cumulated

_cut = torch.ops.aten.threshold_backward  # passes a gradient where a layer's output is above 0, else 0


def loss_by_hand(
    outputs: tuple[Tensor, Tensor], batch: Minibatch, coefficients: LossCoefficients
) -> tuple[Tensor, Tensor, np.ndarray]:
    """Gradients of PPO's loss for logits float32[n, A] and values float32[n], and float64[6] in the order of STATISTICS."""
    logits, values = (output.numpy() for output in outputs)
    out = LossGradients(np.empty_like(logits), np.empty_like(values), np.empty(len(STATISTICS)))
    loss_of(logits, values, batch, coefficients, out, np.empty((2, logits.shape[1]), np.float32))
    return torch.from_numpy(out.to_logits), torch.from_numpy(out.to_values), out.statistics


@dataclass
class _Joint:
    """Layers with the same input, joined into one by stacking their weights."""

    layers: list[nn.Linear]

    @property
    def weight(self) -> Tensor:
        weights = [layer.weight.detach() for layer in self.layers]
        return weights[0] if len(weights) == 1 else torch.cat(weights)

    @property
    def bias(self) -> Tensor:
        biases = [layer.bias.detach() for layer in self.layers]
        return biases[0] if len(biases) == 1 else torch.cat(biases)

    def give(self, weight: Tensor, bias: Tensor) -> None:
        """Assign each layer its gradients, in the memory layout of its weights for the optimizer."""
        start = 0
        for layer in self.layers:
            own = slice(start, start + layer.out_features)
            _give(layer.weight, weight[own])
            _give(layer.bias, bias[own])
            start = own.stop


def _give(parameter: Tensor, gradient: Tensor) -> None:
    if gradient.stride() != parameter.stride() or gradient.dtype != parameter.dtype:
        gradient = torch.empty_like(parameter).copy_(gradient)
    parameter.grad = gradient


class HandNet:
    """A net for planes with hand-written gradients: a trunk and two heads of ReLU layers, structured as in
    `agents/policy/networks.py` and SB3; the first layer reads runs of ones.

    Call `refresh` after each optimizer step, before `forward`. Raises ValueError if a net without a trunk lacks a hidden layer.
    dropout: masks of the layers up to where the heads part; None: none.
    """

    dropout: ConsistentDropout | None = None

    def __init__(self, policy: ActorCriticPolicy) -> None:
        body, nets = policy.features_extractor, policy.mlp_extractor
        assert isinstance(body, PlanesExtractor)
        trunk, pi, vf = (
            [layer for layer in net if isinstance(layer, nn.Linear)]
            for net in (body.layers, nets.policy_net, nets.value_net)
        )
        self.shared = bool(pi and vf)  # the heads' first layers are computed as one product
        if not (trunk or self.shared):
            raise ValueError("a net without a trunk needs a hidden layer in both heads")
        self.joint = [_Joint([layer]) for layer in trunk]
        if self.shared:
            self.joint.append(_Joint([pi[0], vf[0]]))
        self.heads = (pi[1:], vf[1:]) if self.shared else (pi, vf)
        assert isinstance(policy.action_net, nn.Linear)
        assert isinstance(policy.value_net, nn.Linear)
        self.ends = policy.action_net, policy.value_net
        self.dtype = torch.bfloat16 if body.in_bfloat16 else torch.float32
        self.refresh()

    @property
    def reading(self) -> list[nn.Linear]:
        """Layers that read the planes."""
        return self.joint[0].layers

    @property
    def widths(self) -> list[int]:
        """Number of units of each layer up to where the heads part."""
        return [sum(layer.out_features for layer in joint.layers) for joint in self.joint]

    def refresh(self) -> None:
        """Update to the current weights."""
        self.weights = [(joint.weight, joint.bias) for joint in self.joint]
        self.weights[1:] = [(weight.to(self.dtype), bias.to(self.dtype)) for weight, bias in self.weights[1:]]
        self.sums = cumulated(self.weights[0][0])

    @torch.no_grad()
    def forward(self, rows: BinaryRows, picks: np.ndarray) -> tuple[Tensor, Tensor]:
        """Compute logits float32[n, A] and values float32[n] of the rows picks int64[n]."""
        self.rows, self.picks = rows, picks
        x = torch.from_numpy(rows.forward(self.sums, self.weights[0][1].numpy(), picks))
        self.seen = [x]
        if self.dropout is not None:
            self.dropout.apply(0, x, rows, picks)
        for weight, bias in self.weights[1:]:
            x = torch.addmm(bias, x.to(self.dtype), weight.t()).relu_()
            if self.dropout is not None:
                self.dropout.apply(len(self.seen), x, rows, picks)
            self.seen.append(x)
        width = self.joint[-1].layers[0].out_features
        parts = (x[:, :width], x[:, width:]) if self.shared else (x, x)
        self.inside = [self._through(part, layers) for part, layers in zip(parts, self.heads, strict=True)]
        pi, vf = (inside[-1].float() for inside in self.inside)
        action, value = self.ends
        return torch.addmm(action.bias, pi, action.weight.t()), torch.addmv(value.bias, vf, value.weight[0])

    def _through(self, x: Tensor, layers: list[nn.Linear]) -> list[Tensor]:
        activations = [x]
        for layer in layers:
            weight, bias = layer.weight.to(self.dtype), layer.bias.to(self.dtype)
            activations.append(torch.addmm(bias, activations[-1].to(self.dtype), weight.t()).relu_())
        return activations

    @torch.no_grad()
    def backward(self, to_logits: Tensor, to_values: Tensor) -> None:
        """Compute the gradients of all parameters from those of the last `forward`'s logits and values."""
        pi, vf = (inside[-1].float() for inside in self.inside)
        action, value = self.ends
        _give(action.weight, to_logits.t() @ pi)
        _give(action.bias, to_logits.sum(0))
        _give(value.weight, (to_values @ vf)[None])
        _give(value.bias, to_values.sum()[None])
        last = self.seen[-1]
        if self.shared:
            gradient = torch.empty_like(last)
            width = self.joint[-1].layers[0].out_features
            of_pi, of_vf = gradient[:, :width], gradient[:, width:]
        else:
            of_pi, of_vf = torch.empty_like(last), torch.empty_like(last)
            gradient = of_pi
        self._back(to_logits, action.weight, 0, of_pi)
        self._back(to_values[:, None], value.weight, 1, of_vf)
        if not self.shared:
            gradient += of_vf
        for k in range(len(self.joint) - 1, -1, -1):
            gradient = _cut(gradient, self.seen[k], 0)  # 0 as well for units that dropout has set to 0
            if self.dropout is not None:
                gradient *= self.dropout.scale
            if k:
                before = self.seen[k - 1].to(self.dtype)
                self.joint[k].give(gradient.t() @ before, gradient.sum(0))
                gradient = (gradient @ self.weights[k][0]).to(self.seen[k - 1].dtype)
            else:
                table = self.rows.backward(self.picks, gradient.numpy())
                self.joint[0].give(torch.from_numpy(table).t(), gradient.sum(0))

    def _back(self, gradient: Tensor, weight: Tensor, head: int, out: Tensor) -> None:
        """Propagate gradients from a head's output to its input."""
        layers, inside = self.heads[head], self.inside[head]
        if not layers and out.dtype == torch.float32:
            torch.mm(gradient, weight, out=out)
            return
        gradient = (gradient @ weight).to(inside[-1].dtype)
        for k in range(len(layers), 0, -1):
            gradient = _cut(gradient, inside[k], 0)
            before = inside[k - 1].to(self.dtype)
            _Joint([layers[k - 1]]).give(gradient.t() @ before, gradient.sum(0))
            gradient = gradient @ layers[k - 1].weight.to(self.dtype)
        out.copy_(gradient)
