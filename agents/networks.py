"""The small net: channel planes, flattened, one hidden layer that policy and value share.

On grids of this size a plain layer learns as much as convolutions and costs a fifth to a twentieth of them on a CPU.
Read next: `ppo.py`, which trains it.
"""

import torch
from gymnasium import spaces
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import nn


class PlanesExtractor(BaseFeaturesExtractor):
    """uint8 planes [n, C, H, W] of 0/1 → features float32[n, width]: flatten, then one ReLU layer a width in `trunk`.

    `precision` bf16 multiplies in bfloat16 with float32 weights kept beside (0 and 1 are exact in it); fp32 does not.
    """

    def __init__(
        self, observation_space: spaces.Box, trunk: tuple[int, ...] = (128,), precision: str = "fp32"
    ) -> None:
        size = int(torch.tensor(observation_space.shape).prod())
        super().__init__(observation_space, trunk[-1] if trunk else size)
        layers: list[nn.Module] = [nn.Flatten()]
        for width in trunk:
            layers += [nn.Linear(size, width), nn.ReLU()]
            size = width
        self.layers = nn.Sequential(*layers)
        self.in_bfloat16 = precision == "bf16"
        self.binary = bool((observation_space.high == 1).all())

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        """Planes, as float32 from SB3's preprocessing, to features."""
        if not self.in_bfloat16:
            return self.layers(observations)
        with torch.autocast("cpu", torch.bfloat16):
            return self.layers(observations).float()
