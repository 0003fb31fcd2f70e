"""wav2vec 2.0: what the gradient of the targets reaches."""

from __future__ import annotations

import torch

from masr.objectives.wav2vec2 import scaled


def test_scaled_changes_the_gradient_and_not_the_values() -> None:
    for factor in (1.0, 0.25, 0.0):
        frames = torch.randn(4, 3, generator=torch.Generator().manual_seed(0)).requires_grad_()
        out = scaled(frames, factor)
        assert torch.equal(out, frames)
        (out * 2).sum().backward()
        assert torch.equal(frames.grad, torch.full((4, 3), 2 * factor))
