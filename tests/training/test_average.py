"""The running average against its formula."""

from __future__ import annotations

import torch
from torch import nn

from masr.training.average import Average


def test_it_follows_the_weights_with_a_decay_that_rises() -> None:
    net = nn.Linear(1, 1, bias=False)
    average = Average(net, 0.5)
    expected = float(net.weight.detach())
    for n in range(1, 30):
        with torch.no_grad():
            net.weight.fill_(float(n))
        average.follow()
        decay = min(0.5, (1 + n) / (10 + n))
        expected = decay * expected + (1 - decay) * n
        assert abs(float(average.values["weight"]) - expected) < 1e-4


def test_the_model_has_it_inside_the_block_only() -> None:
    net = nn.Linear(2, 2)
    average = Average(net, 0.9)
    started = average.values["weight"].clone()
    with torch.no_grad():
        net.weight += 1
    moved = net.weight.detach().clone()
    with average.in_place():
        assert torch.equal(net.weight, started)
    assert torch.equal(net.weight, moved) and torch.equal(average.values["weight"], started)


def test_frozen_weights_have_none() -> None:
    net = nn.Linear(2, 2)
    net.bias.requires_grad_(False)
    assert list(Average(net, 0.9).values) == ["weight"]


def test_what_rests_for_a_while_keeps_its_own_average() -> None:
    """As where a schedule of freezing lets layers thaw later: those that move are not taken for their neighbours."""
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    average = Average(net, 0.0)
    net[0].requires_grad_(False)
    with torch.no_grad():
        net[1].weight.fill_(3.0)
    average.follow()
    for name, parameter in net.named_parameters():
        assert torch.allclose(average.values[name], parameter), name
    with torch.no_grad():
        net[0].weight.fill_(5.0)
    with average.in_place():
        assert not torch.equal(net[0].weight, torch.full((2, 2), 5.0))
    assert torch.equal(net[0].weight, torch.full((2, 2), 5.0))
