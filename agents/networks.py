"""The nets: for channel planes one hidden layer that policy and value share, for pixels convolutions before it.

On grids of this size a plain layer learns as much from planes as convolutions and costs a fifth to a twentieth of them on a
CPU. From pixels it learns next to nothing. Read next: `ppo.py`, which trains them.
"""

import torch
from gymnasium import spaces
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor, NatureCNN
from torch import nn

PIXELS = (3, 64, 64)
CONVOLUTIONS, CONVOLVED = 75_936, 1024  # how many weights they have, how many numbers they make of a picture


class Extractor(BaseFeaturesExtractor):
    """Observations uint8[n, C, H, W] → features float32[n, width]: a beginning, then one ReLU layer a width in `trunk`.

    `precision` bf16 multiplies in bfloat16 with float32 weights kept beside (0 and 1 are exact in it); fp32 does not.
    """

    def __init__(
        self,
        observation_space: spaces.Box,
        beginning: nn.Module,
        size: int,
        trunk: tuple[int, ...] = (128,),
        precision: str = "fp32",
    ) -> None:
        super().__init__(observation_space, trunk[-1] if trunk else size)
        layers: list[nn.Module] = [beginning]
        for width in trunk:
            layers += [nn.Linear(size, width), nn.ReLU()]
            size = width
        self.layers = nn.Sequential(*layers)
        self.in_bfloat16 = precision == "bf16"

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        """Observations, as float32 from SB3's preprocessing, to features."""
        if not self.in_bfloat16:
            return self.layers(observations)
        with torch.autocast("cpu", torch.bfloat16):
            return self.layers(observations).float()


class PlanesExtractor(Extractor):
    """Planes of 0 and 1, flattened."""

    def __init__(
        self, observation_space: spaces.Box, trunk: tuple[int, ...] = (128,), precision: str = "fp32"
    ) -> None:
        size = int(torch.tensor(observation_space.shape).prod())
        super().__init__(observation_space, nn.Flatten(), size, trunk, precision)
        self.binary = bool((observation_space.high == 1).all())


class PixelsExtractor(Extractor):
    """Pictures uint8[n, 3, 64, 64], by the convolutions of Mnih et al. 2015 as SB3's `NatureCNN` has them."""

    def __init__(
        self, observation_space: spaces.Box, trunk: tuple[int, ...] = (128,), precision: str = "fp32"
    ) -> None:
        nature = NatureCNN(observation_space, features_dim=1)
        behind = nature.linear[0]
        assert isinstance(behind, nn.Linear)
        super().__init__(observation_space, nature.cnn, behind.in_features, trunk, precision)
