"""The nets: for channel planes one hidden layer that policy and value share, for pixels convolutions before it.

On grids of this size a plain layer learns as much from planes as convolutions and costs a fifth to a twentieth of them on a
CPU. From pixels it learns next to nothing. Read next: `agents/ppo/training.py`, which trains them.
"""

import math

import torch
from gymnasium import spaces
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor, NatureCNN
from torch import nn

PIXELS = (3, 64, 64)
CONVOLUTIONS, CONVOLVED = 75_936, 1024  # how many weights they have, how many numbers they make of a picture


ACTIVATIONS: dict[str, type[nn.Module]] = {
    name: getattr(nn, name) for name in ("ReLU", "Tanh", "ELU", "GELU", "LeakyReLU", "SiLU")
}
"""The activation functions that a config may name."""


class Extractor(BaseFeaturesExtractor):
    """Observations uint8[n, C, H, W] → features float32[n, width]: a beginning, then one layer per width in `trunk`.

    `precision` bf16 multiplies in bfloat16 with float32 weights kept beside (0 and 1 are exact in it); fp32 does not.
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

    @staticmethod
    def beginning(observation_space: spaces.Box) -> tuple[nn.Module, int]:
        """What comes before the trunk, and how many numbers it makes of an observation."""
        raise NotImplementedError

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        """Observations, as float32 from SB3's preprocessing, to features."""
        if not self.in_bfloat16:
            return self.layers(observations)
        with torch.autocast("cpu", torch.bfloat16):
            return self.layers(observations).float()


class PlanesExtractor(Extractor):
    """Of planes of 0 and 1: they are flattened."""

    @staticmethod
    def beginning(observation_space: spaces.Box) -> tuple[nn.Module, int]:
        """Nothing but one number after the other."""
        return nn.Flatten(), math.prod(observation_space.shape)


class PixelsExtractor(Extractor):
    """Of pictures uint8[n, 3, 64, 64]: by the convolutions of Mnih et al. 2015, as SB3's `NatureCNN` has them."""

    @staticmethod
    def beginning(observation_space: spaces.Box) -> tuple[nn.Module, int]:
        """SB3's net but for its last layer, which would be the trunk's first."""
        nature = NatureCNN(observation_space, features_dim=1)
        last = nature.linear[0]
        assert isinstance(last, nn.Linear)
        return nature.cnn, last.in_features
