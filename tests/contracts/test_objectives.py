"""Every file of masr/objectives keeps the same promises: a new one is tested the moment it exists."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor

from masr.maths.keyed_random import combine
from masr.plugins import names
from masr.types import Losses
from small.objectives import batch, make

UNMASKED = {"ctc", "lid", "frames", "apc", "cotraining_apc"}
"""Objectives that draw nothing at random."""


def loss(losses: Losses) -> Tensor:
    return sum((t.weight * t.sum / t.count.clamp(min=1) for t in losses.terms.values()), torch.zeros(()))


objectives = pytest.mark.parametrize("name", names("objectives"))


def test_there_are_objectives() -> None:
    assert {"best_rq", "wav2vec2", "w2v_bert", "hubert", "lid", "ctc"} <= set(names("objectives"))


@objectives
def test_loss_is_finite_and_every_weight_gets_a_gradient(name: str) -> None:
    objective = make(name).train()
    losses = objective(batch())
    value = loss(losses)
    assert torch.isfinite(value)
    assert all(torch.isfinite(a) and torch.isfinite(b) for a, b in losses.figures.values())
    assert losses.encoded is not None
    value.backward()
    idle = [n for n, p in objective.named_parameters() if p.requires_grad and (p.grad is None or not p.grad.any())]
    assert not [n for n in idle if n.startswith("encoder.")], idle
    assert not idle


@objectives
def test_same_seed_same_loss(name: str) -> None:
    values = [loss(make(name).train()(batch())) for _ in range(2)]
    assert torch.equal(values[0], values[1])


@objectives
def test_another_key_is_another_loss(name: str) -> None:
    objective = make(name).train()
    other = dataclasses.replace(batch(), keys=combine(5, 7, torch.arange(3)))
    same = torch.equal(loss(objective(batch())), loss(objective(other)))
    assert same == (name in UNMASKED)


@objectives
def test_padding_and_company_change_nothing(name: str) -> None:
    objective = make(name).train()
    together = objective(batch()).terms
    padded = objective(batch(extra=2)).terms
    alone = [objective(batch(slice(row, row + 1))).terms for row in range(3)]
    for term in together:
        torch.testing.assert_close(padded[term].sum, together[term].sum, atol=1e-4, rtol=1e-5)
        if term == "diversity":  # by definition a figure of the whole batch
            continue
        torch.testing.assert_close(sum(a[term].sum for a in alone), together[term].sum, atol=1e-3, rtol=1e-5)
        assert sum(int(a[term].count) for a in alone) == int(together[term].count)


@objectives
def test_state_survives_save_and_load(name: str) -> None:
    first, second = make(name).eval(), make(name).eval()
    with torch.no_grad():
        for parameter in second.parameters():
            parameter.add_(1.0)
    second.load_state_dict(first.state_dict())
    assert torch.equal(loss(first(batch())), loss(second(batch())))


@objectives
def test_an_utterance_of_weight_zero_is_not_heard(name: str) -> None:
    objective = make(name).train()
    weighted = dataclasses.replace(batch(), weights=torch.tensor([1.0, 0.0, 1.0]))
    first, last = objective(batch(slice(0, 1))).terms, objective(batch(slice(2, 3))).terms
    for term, value in objective(weighted).terms.items():
        if term not in ("diversity", "feature_penalty"):
            torch.testing.assert_close(value.sum, first[term].sum + last[term].sum, atol=1e-3, rtol=1e-5)


@objectives
@pytest.mark.parametrize("length", [1, 6, 7, 8, 11, 12])
def test_the_shortest_utterances_do_not_crash(name: str, length: int) -> None:
    whole = batch(slice(0, 1))
    encoded = ((torch.tensor([length]) - 3) // 2 + 1 - 3) // 2 + 1
    targets = torch.full((1, 29), -1)
    targets[0, : max(0, int(encoded))] = 1
    short = dataclasses.replace(
        whole, features=whole.features[:, :length], lengths=torch.tensor([length]), targets=targets
    )
    objective = make(name).train()
    found = loss(objective(short))
    assert torch.isfinite(found)
    found.backward()
    # Ranks that average gradients wait for every weight of every rank.
    assert not [n for n, p in objective.named_parameters() if p.requires_grad and p.grad is None]
