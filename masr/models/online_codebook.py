"""Codebooks that follow the frames given to them: DinoSR's online clustering (2305.10005, section 2.2).

Each code is a running mean of the frames it is nearest to. Frames are counted when they are seen, on all ranks, and
codes move when a step begins, so that a step's labels do not change while it lasts.

Shapes: N frames, G codebooks, V codes in each, D width.
"""

from __future__ import annotations

import torch
from torch import Tensor, distributed, nn
from torch.nn import functional

from masr.maths.products import product

_FEWEST = 1e-3
"""A code's running count never falls below this: where no frame comes, it stays where it is."""


class OnlineCodebook(nn.Module):
    """Sums and counts of the frames of each code; a code is their quotient.

    Nothing here is trained. What was counted in a step is kept in buffers too: a checkpoint holds all of it, and a step
    that is not used takes its frames away with it.
    """

    sums: Tensor
    counts: Tensor
    seen_sums: Tensor
    seen_counts: Tensor

    def __init__(self, num_codebooks: int, num_codes: int, width: int, decay: float, seed: int) -> None:
        super().__init__()
        self.decay = decay
        # All of one length, and short: at first frames then choose by direction, and a code that none has chosen stays
        # near the middle, where frames go that are far from every other.
        codes = torch.randn(num_codebooks, num_codes, width, generator=torch.Generator().manual_seed(seed))
        self.register_buffer("sums", functional.normalize(codes, dim=2))
        self.register_buffer("counts", torch.ones(num_codebooks, num_codes))
        self.register_buffer("seen_sums", torch.zeros(num_codebooks, num_codes, width))
        self.register_buffer("seen_counts", torch.zeros(num_codebooks, num_codes))

    @property
    def codes(self) -> Tensor:
        """(G, V, D) the codes."""
        return self.sums / self.counts[:, :, None]

    @torch.no_grad()
    def forward(self, frames: Tensor) -> Tensor:
        """(G, N, D) -> (N, G) the nearest code, in float32 whatever the model computes in."""
        with torch.autocast(frames.device.type, enabled=False):
            found = [_nearest(rows, codes) for rows, codes in zip(frames.float(), self.codes, strict=True)]
        return torch.stack(found, dim=1)

    @torch.no_grad()
    def observe(self, frames: Tensor, ids: Tensor) -> None:
        """Counts (G, N, D) frames and their (N, G) codes with those of all ranks, which have to call together."""
        with torch.autocast(frames.device.type, enabled=False):
            chosen = functional.one_hot(ids.t(), self.counts.shape[1]).float()
            counts, sums = chosen.sum(dim=1), torch.bmm(chosen.transpose(1, 2), frames.float())
        if distributed.is_available() and distributed.is_initialized() and distributed.get_world_size() > 1:
            distributed.all_reduce(counts)
            distributed.all_reduce(sums)
        self.seen_counts += counts
        self.seen_sums += sums

    @torch.no_grad()
    def advance(self) -> None:
        """Codes move towards what was seen since; a codebook that saw nothing stays as it is."""
        counts = self.counts * self.decay + self.seen_counts * (1 - self.decay)
        sums = self.sums * self.decay + self.seen_sums * (1 - self.decay)
        moves = (self.seen_counts.sum(dim=1, keepdim=True) > 0) & (counts >= _FEWEST)
        self.counts.copy_(torch.where(moves, counts, self.counts))
        self.sums.copy_(torch.where(moves[:, :, None], sums, self.sums))
        self.seen_counts.zero_()
        self.seen_sums.zero_()


def _nearest(frames: Tensor, codes: Tensor) -> Tensor:
    """(N, D) frames, (V, D) codes -> (N,) the nearest code of each frame."""
    return (product(frames, codes) - codes.square().sum(dim=1) / 2).argmax(dim=1)
