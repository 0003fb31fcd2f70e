"""What stands between the input and the encoder's blocks: the sequence that masking acts on.

Shapes: B utterances, S feature frames, F features, T encoded frames, D model width.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

SHORTEST = 7
"""Feature frames that give one encoded frame, at either factor."""


class ConvSubsampling(nn.Module):
    """Two 3 x 3 convolutions over time and frequency, strides 2 and 2 (or 2 and 1), then a projection.

    No padding: an encoded frame exists only where all its input does, so padded input never reaches a valid frame.
    Weights are those of ESPnet's Conv2dSubsampling.
    """

    def __init__(self, num_bins: int, dim: int, factor: int) -> None:
        super().__init__()
        self.factor = factor
        self.strides = (2, 2) if factor == 4 else (2, 1)
        self.first = nn.Conv2d(1, dim, 3, self.strides[0])
        self.second = nn.Conv2d(dim, dim, 3, (self.strides[1], 2))
        self.out = nn.Linear(dim * (((num_bins - 1) // 2 - 1) // 2), dim)

    def num_encoded(self, num_frames: Tensor) -> Tensor:
        """Encoded frames that come out of so many feature frames; 0 for too few."""
        for stride in self.strides:
            num_frames = ((num_frames - 3).div(stride, rounding_mode="floor") + 1).clamp(min=0)
        return num_frames

    def forward(self, features: Tensor) -> Tensor:
        """(B, S, F) -> (B, T, D)."""
        if features.shape[1] < SHORTEST:
            features = functional.pad(features, (0, 0, 0, SHORTEST - features.shape[1]))
        maps = functional.relu(self.second(functional.relu(self.first(features[:, None]))))
        batch, channels, time, bins = maps.shape
        out: Tensor = self.out(maps.transpose(1, 2).reshape(batch, time, channels * bins))
        return out
