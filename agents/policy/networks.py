"""The networks: one hidden layer shared by policy and value for channel planes, preceded by convolutions for pixels.

On grids of this size a dense layer learns as much from planes as convolutions, at a fifth to a twentieth of the cost on a
CPU. From pixels it learns almost nothing. Read next: `agents/ppo/training.py`, which trains them.
"""

import math
from typing import Any

import torch
from gymnasium import spaces
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor, NatureCNN
from torch import nn

PIXELS = (3, 64, 64)
CONVOLUTIONS, CONVOLVED = 75_936, 1024  # number of their weights, and of their outputs per image
TILE_FEATURES = 16  # outputs of the layer that reads one tile


ACTIVATIONS: dict[str, type[nn.Module]] = {
    name: getattr(nn, name) for name in ("ReLU", "Tanh", "ELU", "GELU", "LeakyReLU", "SiLU")
}
"""Activation functions that a config may name."""


class Extractor(BaseFeaturesExtractor):
    """Feature extractor uint8[n, C, H, W] → float32[n, width]: a first part, then one layer per width in `trunk`.

    `precision` bf16 multiplies in bfloat16 and keeps the weights in float32 (0 and 1 are exact in both); fp32 uses float32 only.
    """

    def __init__(
        self,
        observation_space: spaces.Box,
        trunk: tuple[int, ...] = (128,),
        precision: str = "fp32",
        activation: str = "ReLU",
    ) -> None:
        beginning, size = self.beginning(observation_space)
        super().__init__(observation_space, trunk[-1] if trunk else size)
        layers = [beginning]
        for width in trunk:
            layers += [nn.Linear(size, width), ACTIVATIONS[activation]()]
            size = width
        self.layers = nn.Sequential(*layers)
        self.activation = activation
        self.in_bfloat16 = precision == "bf16"
        self.binary = bool((observation_space.high == 1).all())

    def beginning(self, observation_space: spaces.Box) -> tuple[nn.Module, int]:
        """Build the part before the trunk; returns it with its number of outputs."""
        raise NotImplementedError

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        """Map observations, as float32 from SB3's preprocessing, to features."""
        if not self.in_bfloat16:
            return self.layers(observations)
        with torch.autocast("cpu", torch.bfloat16):
            return self.layers(observations).float()


class PlanesExtractor(Extractor):
    """Extractor for planes of 0 and 1, which it flattens."""

    def beginning(self, observation_space: spaces.Box) -> tuple[nn.Module, int]:
        """Build a flattening layer."""
        return nn.Flatten(), math.prod(observation_space.shape)


class PixelsExtractor(Extractor):
    """Extractor for images uint8[n, 3, 64, 64], with the convolutions of Mnih et al. 2015 as in SB3's `NatureCNN`."""

    def beginning(self, observation_space: spaces.Box) -> tuple[nn.Module, int]:
        """Build SB3's net without its last layer, which corresponds to the trunk's first."""
        nature = NatureCNN(observation_space, features_dim=1)
        last = nature.linear[0]
        assert isinstance(last, nn.Linear)
        return nature.cnn, last.in_features


class Centre(nn.Module):
    """Subtract each feature's mean over the tiles, and scale by the number of tiles, so that the commonest tile is nearly 0.

    Without it, all inputs of the next layer have one sign, and the first updates of Adam end in an agent that does not move.
    """

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Map float[n, C, rows, columns] to the same shape."""
        return (features - features.mean((2, 3), keepdim=True)) * (
            features.shape[2] * features.shape[3]
        ) ** -0.5


class TilesExtractor(Extractor):
    """Extractor for images uint8[n, 3, 64, 64] of a grid of tiles: one convolution reads each tile by itself.

    grid: rows and columns of the camera. Takes raw bytes (from `RawPixelsPolicy`) or floats that are divided by 255 already.
    """

    def __init__(self, observation_space: spaces.Box, grid: tuple[int, int], **options: Any) -> None:
        self.grid = grid
        super().__init__(observation_space, **options)
        rows, cols = grid
        height, width = 64 // rows * rows, 64 // cols * cols
        top, left = (64 - height) // 2, (64 - width) // 2
        self.inside = (slice(None), slice(None), slice(top, top + height), slice(left, left + width))

    def beginning(self, observation_space: spaces.Box) -> tuple[nn.Module, int]:
        """Build a convolution whose kernel and stride are one tile."""
        rows, cols = self.grid
        size = 64 // rows, 64 // cols
        conv = nn.Conv2d(3, TILE_FEATURES, size, stride=size)
        return nn.Sequential(conv, nn.ReLU(), Centre(), nn.Flatten()), TILE_FEATURES * rows * cols

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        """Map observations to features."""
        pixels = observations[self.inside]
        if pixels.dtype == torch.uint8:
            pixels = pixels.to(torch.bfloat16 if self.in_bfloat16 else torch.float32).mul_(1 / 255)
        return super().forward(pixels)


class RawPixelsPolicy(ActorCriticPolicy):
    """SB3's policy without its conversion of images to float32, which costs more than a small net; the extractor converts."""

    def extract_features(self, obs: Any, features_extractor: Any = None) -> torch.Tensor:
        """Give the extractor the bytes."""
        return (self.features_extractor if features_extractor is None else features_extractor)(obs)
