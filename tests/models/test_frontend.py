"""Front ends: what is stacked and dropped; and by blocks on a CPU, what Conv2d gives with its gradients."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from masr.models import stacked_conv
from masr.models.frontend import ConvSubsampling, Stacking, build_front_end, check_front_end, embedded


def slow(module: ConvSubsampling, features: Tensor) -> Tensor:
    maps = functional.relu(module.second(functional.relu(module.first(features[:, None]))))
    return functional.linear(maps.transpose(1, 2).flatten(2), module.out.weight, module.out.bias)


@pytest.mark.parametrize("factor", [2, 4])
@pytest.mark.parametrize("channels", [None, 3])
@pytest.mark.parametrize(("frames", "bins"), [(7, 7), (8, 20), (40, 23), (61, 80)])
@pytest.mark.parametrize("block", [1, 2000, 1 << 21])
def test_blocks_equal_whole_convolutions(
    factor: int, channels: int | None, frames: int, bins: int, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stacked_conv, "_BLOCK_ELEMENTS", block)
    torch.manual_seed(0)
    module = ConvSubsampling(bins, 6, factor, channels).double()
    assert module.second.weight.shape[:2] == (channels or 6, channels or 6)
    features = torch.randn(2, frames, bins, dtype=torch.float64).requires_grad_()
    found, expected = module(features), slow(module, features)
    torch.testing.assert_close(found, expected)
    grad = torch.randn_like(expected)
    inputs = (features, *module.parameters())
    torch.testing.assert_close(torch.autograd.grad(found, inputs, grad), torch.autograd.grad(expected, inputs, grad))


def test_single_precision_and_bf16_agree_with_double() -> None:
    torch.manual_seed(1)
    module = ConvSubsampling(40, 16, 4)
    features = torch.randn(3, 90, 40)
    expected = slow(module.double(), features.double())
    module.float()
    torch.testing.assert_close(module(features).double(), expected, atol=1e-5, rtol=1e-4)
    with torch.autocast("cpu", torch.bfloat16):
        narrow = module(features)
    assert narrow.dtype == torch.bfloat16
    assert ((narrow.double() - expected).norm() / expected.norm()).item() < 0.02
    narrow.float().square().sum().backward()
    assert all(p.grad is not None and p.grad.dtype == torch.float32 for p in module.parameters())
    assert isinstance(module.first, nn.Conv2d)


def test_too_few_frames_are_filled_up() -> None:
    module = ConvSubsampling(20, 4, 4)
    assert module(torch.randn(2, 1, 20)).shape == (2, 1, 4)


def test_frames_are_stacked_in_order() -> None:
    stacking = Stacking(3, 6, 2)
    torch.nn.init.eye_(stacking.out.weight)
    torch.nn.init.zeros_(stacking.out.bias)
    features = torch.arange(15.0).view(1, 5, 3)
    assert torch.equal(stacking(features), torch.arange(12.0).view(1, 2, 6))
    assert stacking.num_encoded(torch.tensor([0, 1, 2, 5])).tolist() == [0, 0, 1, 2]
    assert stacking(features[:, :1]).shape == (1, 1, 6)


def test_the_sequence_is_as_long_as_its_longest_utterance() -> None:
    front_end = build_front_end("linear", 3, 4, 1, "layer")
    frames, lengths = embedded(front_end, torch.randn(2, 9, 3), torch.tensor([5, 4]))
    assert frames.shape == (2, 5, 4)
    assert lengths.tolist() == [5, 4]
    assert embedded(front_end, torch.randn(1, 9, 3), torch.tensor([0]))[0].shape == (1, 1, 4)


@pytest.mark.parametrize(("kind", "factor"), [("conv", 1), ("linear", 320), ("waveform", 4)])
def test_what_does_not_go_together_is_refused(kind: str, factor: int) -> None:
    with pytest.raises(ValueError, match=f"a {kind} front end has subsampling .*, not {factor}"):
        check_front_end(kind, factor)  # type: ignore[arg-type]
