"""Gradients that meet at the frames: against what separate backward passes give, capped and not."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from masr.losses.balance import taps


def losses(frames: Tensor, tapped: list[Tensor]) -> Tensor:
    """An objective and two streams, the second much stronger."""
    return frames.square().sum() + tapped[0].sum() + 100 * (tapped[1] ** 3).sum()


def alone(inputs: Tensor, which: int) -> Tensor:
    """The gradient of one of the three losses at the frames, by itself."""
    frames = inputs.clone().requires_grad_()
    (frames.square().sum(), frames.sum(), 100 * (frames**3).sum())[which].backward()
    assert frames.grad is not None
    return frames.grad


@pytest.mark.parametrize("shares", [(0.0, 0.0), (0.5, 0.0), (2.0, 0.25), (1e9, 1e9)])
def test_each_stream_is_capped_at_its_share_and_the_objective_never(shares: tuple[float, float]) -> None:
    torch.manual_seed(0)
    weights, inputs = torch.randn(4, 3, requires_grad=True), torch.randn(2, 5, 4)
    norms = torch.full((3,), -1.0)
    frames = inputs @ weights
    losses(frames, taps(frames, shares, norms)).backward()
    parts = [alone(frames.detach(), which) for which in range(3)]
    expected = parts[0].clone()
    for part, share in zip(parts[1:], shares, strict=True):
        expected += part * (min(1.0, share * float(parts[0].norm() / part.norm())) if share else 1.0)
    torch.testing.assert_close(weights.grad, torch.einsum("bti,btj->ij", inputs, expected))
    torch.testing.assert_close(norms, torch.stack([part.norm() for part in parts]))


def test_without_caps_the_gradient_is_that_of_the_plain_sum() -> None:
    torch.manual_seed(1)
    inputs, norms = torch.randn(2, 5, 4), torch.zeros(3)
    grads = []
    for tapped in (False, True):
        leaf = inputs.clone().requires_grad_()
        frames = leaf.tanh()
        losses(frames, taps(frames, (0.0, 0.0), norms) if tapped else [frames, frames]).backward()
        grads.append(leaf.grad)
    torch.testing.assert_close(*grads)


def test_a_stream_of_weight_zero_or_that_is_not_used_adds_nothing() -> None:
    leaf = torch.randn(2, 5, 4, requires_grad=True)
    frames, norms = leaf * 1.0, torch.full((3,), -1.0)
    first, _ = taps(frames, (1.0, 1.0), norms)
    (frames.square().sum() + 0 * first.sum()).backward()
    torch.testing.assert_close(leaf.grad, 2 * leaf.detach())
    assert norms[1:].tolist() == [0.0, 0.0]


def test_a_second_pass_over_the_same_graph_begins_anew() -> None:
    leaf = torch.randn(2, 5, 4, requires_grad=True)
    frames, norms = leaf * 1.0, torch.zeros(2)
    total = frames.square().sum() + taps(frames, (1.0,), norms)[0].sum()
    total.backward(retain_graph=True)
    once, leaf.grad = leaf.grad, None
    total.backward()
    torch.testing.assert_close(leaf.grad, once)


def test_frames_without_gradient_are_handed_through() -> None:
    frames = torch.randn(2, 5, 4)
    assert [tap is frames for tap in taps(frames, (1.0, 0.0), torch.zeros(3))] == [True, True]
