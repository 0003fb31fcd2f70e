"""Heads: padding and company change nothing, ECAPA's pooling against loops and ESPnet's, running figures."""

from __future__ import annotations

import importlib.util

import pytest
import torch

from masr.models.heads import ChannelAttentionPooling, Head, LayerMean, RunningNorm
from reference import slow_classification

LENGTHS = torch.tensor([9, 5, 1])


def frames() -> torch.Tensor:
    values = torch.randn(3, 9, 6, generator=torch.Generator().manual_seed(0))
    return values.masked_fill((torch.arange(9) >= LENGTHS[:, None])[:, :, None], 0.0)


@pytest.mark.parametrize(("kind", "pooling"), [("ecapa", "mean"), *(("linear", p) for p in ("mean", "statistics"))])
@pytest.mark.parametrize("training", [True, False])
def test_padding_and_company_change_nothing(kind: str, pooling: str, training: bool) -> None:
    torch.manual_seed(1)
    head = Head(kind, 6, 4, pooling, 8, 0.0).train(training)
    heard = torch.ones(3, dtype=torch.bool)
    together = head(frames(), LENGTHS, heard)
    noisy = torch.cat([frames(), torch.full((3, 4, 6), 7.0)], dim=1)
    torch.testing.assert_close(head(noisy, LENGTHS, heard), together)
    for row, length in enumerate(LENGTHS.tolist()):
        alone = head(frames()[row : row + 1, :length], LENGTHS[row : row + 1], heard[:1])
        torch.testing.assert_close(alone[0], together[row], atol=1e-5, rtol=1e-5)


def test_nothing_to_pool_is_finite() -> None:
    pooled = ChannelAttentionPooling(6)(frames(), torch.tensor([9, 0, 0]))
    assert torch.isfinite(pooled).all()


def test_channel_attention_is_a_weighted_mean_and_deviation() -> None:
    pooling = ChannelAttentionPooling(6)
    valid = frames()[:1]
    mean, deviation = valid.mean(1), (valid.var(1, unbiased=False) + 1e-5).sqrt()
    context = torch.cat([mean, deviation], 1)[:, None].expand(-1, 9, -1)
    scores = pooling.score(pooling.norm(torch.relu(pooling.squeeze(torch.cat([valid, context], 2)))))
    expected = slow_classification.weighted_moments(valid[0].tolist(), scores.softmax(1)[0].tolist())
    assert pooling(valid, LENGTHS[:1])[0].tolist() == pytest.approx(expected, abs=1e-5)


@pytest.mark.skipif(importlib.util.find_spec("espnet2") is None, reason="ESPnet is not installed")
def test_channel_attention_is_espnets_where_no_norm_stands_between() -> None:
    from espnet2.spk.pooling.chn_attn_stat_pooling import ChnAttnStatPooling

    ours, theirs = ChannelAttentionPooling(6), ChnAttnStatPooling(6).eval()
    ours.norm = torch.nn.Identity()
    theirs.attention[2] = torch.nn.Identity()
    with torch.no_grad():
        for linear, place in ((ours.squeeze, 0), (ours.score, 3)):
            theirs.attention[place].weight.copy_(linear.weight[:, :, None])
            theirs.attention[place].bias.copy_(linear.bias)
    expected = theirs(frames()[:1].transpose(1, 2), LENGTHS[:1])
    torch.testing.assert_close(ours(frames()[:1], LENGTHS[:1]), expected, atol=1e-3, rtol=1e-3)


def test_running_figures_are_those_of_what_was_learnt_from() -> None:
    norm = RunningNorm(2).train()
    rows = torch.tensor([[1.0, 10.0], [3.0, 30.0], [100.0, 100.0]])
    heard = torch.tensor([True, True, False])
    assert torch.allclose(norm(rows, heard), rows, rtol=1e-4)  # nothing is known yet
    norm.follow()
    assert norm.mean.tolist() == [2.0, 20.0]
    assert norm.variance.tolist() == [1.0, 100.0]
    norm.eval()(rows * 7, heard)
    norm.follow()
    assert norm.mean.tolist() == [2.0, 20.0]
    assert norm(rows, heard)[:2].tolist() == [pytest.approx([-1, -1], abs=1e-4), pytest.approx([1, 1], abs=1e-4)]


def test_two_micro_batches_move_figures_as_one() -> None:
    one, two = RunningNorm(3).train(), RunningNorm(3).train()
    rows, heard = torch.randn(8, 3), torch.ones(8, dtype=torch.bool)
    one(rows, heard)
    two(rows[:3], heard[:3])
    two(rows[3:], heard[3:])
    one.follow()
    two.follow()
    torch.testing.assert_close(one.mean, two.mean)
    torch.testing.assert_close(one.variance, two.variance)


def test_layers_begin_with_equal_weights_and_learn_others() -> None:
    mean = LayerMean(3)
    layers = tuple(torch.full((1, 2, 4), float(n)) for n in (1, 2, 6))
    found = mean(layers)
    assert torch.allclose(found, torch.full((1, 2, 4), 3.0))
    found.sum().backward()
    assert mean.scores.grad is not None and mean.scores.grad.abs().sum() > 0
