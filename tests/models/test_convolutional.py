"""Dilated convolutions: how far a frame sees, and on which side."""

from __future__ import annotations

import pytest
import torch

from masr.models.convolutional import Config, build


@pytest.mark.parametrize(
    ("context", "kernel", "growth", "back", "ahead"),
    [("past", 3, 2, 14, 0), ("past", 2, 1, 3, 0), ("future", 3, 2, 0, 14), ("both", 3, 2, 7, 7), ("both", 5, 1, 6, 6)],
)
def test_a_frame_sees_just_so_far(context: str, kernel: int, growth: int, back: int, ahead: int) -> None:
    torch.manual_seed(0)
    config = Config(num_bins=6, dim=8, num_layers=3, kernel=kernel, dilation_growth=growth, context=context)  # type: ignore[arg-type]
    features = torch.randn(1, 60, 6, requires_grad=True)
    build(config)(features, torch.tensor([60])).frames[0, 30, ::2].sum().backward()
    assert features.grad is not None
    seen = features.grad[0].abs().sum(dim=1).nonzero()[:, 0]
    assert (int(seen[0]), int(seen[-1])) == (30 - back, 30 + ahead)


def test_the_default_sees_62_frames_back() -> None:
    config = Config()
    assert sum((config.kernel - 1) * config.dilation_growth**i for i in range(config.num_layers)) == 62


@pytest.mark.parametrize("wrong", [{"context": "both", "kernel": 4}, {"kernel": 0}, {"dilation_growth": 0}])
def test_impossible_kernels_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"kernel|dilation_growth"):
        Config(**wrong)  # type: ignore[arg-type]
