"""Two networks side by side: each half sees its own side alone, in every layer, and is what it would be by itself."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from masr.plugins import open_plugin

LENGTHS = torch.tensor([11, 4, 7])
CASES: list[tuple[str, dict[str, Any]]] = [
    ("recurrent", {}),
    ("recurrent", {"cell": "lstm"}),
    ("transformer", {"num_heads": 2, "feed_forward_dim": 8, "dropout": 0.0}),
    ("transformer", {"num_heads": 2, "feed_forward_dim": 8, "dropout": 0.0, "positions": "rotary", "norm": "post"}),
    ("convolutional", {}),
]


def made(name: str, given: dict[str, Any]) -> Any:
    torch.manual_seed(1)
    module = open_plugin("models", name)
    return module.build(module.Config(num_bins=6, dim=16, num_layers=2, context="apart", **given)).eval()


@pytest.mark.parametrize(("name", "given"), CASES)
def test_each_half_sees_its_side_alone_in_every_layer(name: str, given: dict[str, Any]) -> None:
    model = made(name, given)
    for layer in range(4):
        for half, wanted in ((slice(0, 8), range(4)), (slice(8, 16), range(3, 7))):
            features = torch.randn(3, 11, 6, requires_grad=True)
            encoded = model(features, LENGTHS, with_layers=True)
            frames = (*encoded.layers, encoded.frames)[layer]
            # A norm makes the sum of a frame's values a constant.
            (frames[2, 3, half] * torch.arange(8.0)).sum().backward()
            assert features.grad is not None
            seen = (features.grad[2].abs().sum(dim=1) > 0).nonzero()[:, 0].tolist()
            assert set(seen) <= set(wanted)
            assert seen == [3] if layer == 0 else len(seen) > 1
            assert not features.grad[:2].any()


@pytest.mark.parametrize(("name", "given"), CASES)
def test_a_half_is_the_network_of_its_side(name: str, given: dict[str, Any]) -> None:
    model = made(name, given)
    features = torch.randn(3, 11, 6)
    with torch.no_grad():
        both = model(features, LENGTHS).frames
        assert torch.equal(both[..., :8], model.past(features, LENGTHS).frames)
        assert torch.equal(both[..., 8:], model.future(features, LENGTHS).frames)
    assert (model.past.config.context, model.future.config.context) == ("past", "future")


@pytest.mark.parametrize("name", ["recurrent", "transformer", "convolutional"])
def test_an_odd_width_has_no_halves(name: str) -> None:
    with pytest.raises(ValueError, match="even"):
        open_plugin("models", name).Config(dim=9, context="apart")


def test_heads_and_groups_divide_the_half() -> None:
    schema = open_plugin("models", "transformer").Config
    with pytest.raises(ValueError, match="num_heads"):
        schema(dim=24, num_heads=4, context="apart")
    with pytest.raises(ValueError, match="position_groups"):
        schema(dim=16, num_heads=2, context="apart", positions="convolutional", position_groups=16)
