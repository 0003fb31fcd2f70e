"""k-means++ with the distances of all frames to a centre worked out at once."""

from __future__ import annotations

import torch
from torch import Tensor


def first_centres(frames: Tensor, count: int, seed: int) -> Tensor:
    """(N, D) -> (count, D): each next centre is drawn in proportion to its squared distance from those before."""
    generator = torch.Generator().manual_seed(seed + 1)
    chosen = [frames[int(torch.randint(len(frames), (1,), generator=generator))]]
    for _ in range(count - 1):
        each = [(frames - centre).square().sum(dim=1).double() for centre in chosen]
        total = torch.stack(each).amin(dim=0).cumsum(dim=0)
        draw = torch.rand((), generator=generator, dtype=torch.float64) * total[-1]
        chosen.append(frames[min(int(torch.searchsorted(total, draw, right=True)), len(frames) - 1)])
    return torch.stack(chosen)
