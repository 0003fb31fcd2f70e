"""What the host knows of a device's tensors: the same numbers, and no question that was answered before."""

from __future__ import annotations

import torch

from masr.maths.on_host import from_host, is_known, longest, number, on_host, places, rows_at, sent
from small.accelerator import DEVICE, OnDevice, Pretend, counted


def test_on_the_cpu_it_is_plain_indexing() -> None:
    values, mask = torch.randn(3, 5, 2), torch.rand(3, 5) < 0.5
    assert torch.equal(rows_at(values, mask), values[mask])
    assert torch.equal(places(mask, of=False), (~mask).flatten().nonzero()[:, 0])
    assert sent(values, values.device) is values and on_host(values) is values
    assert from_host(torch.neg, values).equal(-values)
    assert longest(torch.tensor([0, 0])) == 1 and longest(torch.tensor([3, 7])) == 7
    assert number(values.double(), 2.5).equal(torch.tensor(2.5, dtype=torch.float64))


def test_gradients_go_to_the_rows_that_were_taken() -> None:
    mask = torch.tensor([[True, False], [True, True]])
    values = torch.zeros(2, 2, requires_grad=True)
    (rows_at(values, mask) * torch.tensor([1.0, 2.0, 3.0])).sum().backward()
    assert values.grad is not None and values.grad.tolist() == [[1, 0], [2, 3]]


def test_what_follows_from_known_values_is_known_and_waits_for_nothing() -> None:
    lengths = torch.tensor([3, 1])
    with Pretend(), counted() as waits:
        there = sent(lengths, DEVICE)
        mask = from_host(lambda known: torch.arange(3, device=known.device) < known[:, None], there)
        assert isinstance(mask, OnDevice) and is_known(mask) and longest(there) == 3
        assert places(mask).held.tolist() == [0, 1, 2, 3] and places(mask) is places(mask)
        assert rows_at(sent(torch.arange(6).view(2, 3), DEVICE), mask).held.tolist() == [0, 1, 2, 3]
        assert waits.total == 0


def test_what_nobody_knows_is_asked_for_once() -> None:
    with Pretend(), counted() as waits:
        mask = torch.arange(4.0, device=DEVICE) > 1
        assert not is_known(mask)
        assert isinstance(from_host(torch.logical_not, mask), OnDevice) and waits.total == 0
        for _ in range(2):
            assert on_host(mask).tolist() == [False, False, True, True]
            assert places(mask).held.tolist() == [2, 3]
        assert waits.total == 1
