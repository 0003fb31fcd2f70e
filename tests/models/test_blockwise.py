"""Blockwise attention against the formula on whole matrices: values, gradients, padding, dropout, block boundaries."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from masr.models import blockwise
from masr.models.attention import fused
from masr.models.blockwise import attention, shift

BLOCKS = {
    "whole": {},
    "rows": {"_BLOCK_ELEMENTS": 1, "_LONG": 1},
    "one by one": {"_LONG": 1},
    "pairs": {"_BLOCK_ELEMENTS": 1000},
}


def case(time: int, dtype: torch.dtype = torch.float64, batch: int = 3, heads: int = 2, width: int = 4) -> list[Tensor]:
    torch.manual_seed(time)
    tensors = [torch.randn(batch, heads, time, width, dtype=dtype) for _ in range(4)]
    tensors.append(torch.randn(heads, 2 * time - 1, width, dtype=dtype))
    return [tensor.requires_grad_() for tensor in tensors]


def slow(tensors: list[Tensor], padding: Tensor | None, with_positions: bool) -> Tensor:
    query, key, value, asked, relative = tensors
    batch, heads, time, width = query.shape
    rows = []
    for i in range(time):
        scores = (query[:, :, i, None] * key).sum(dim=-1)
        if with_positions:
            apart = [relative[:, time - 1 - (i - j)] for j in range(time)]
            scores = scores + (asked[:, :, i, None] * torch.stack(apart, dim=1)).sum(dim=-1)
        if padding is not None:
            scores = scores.masked_fill(padding[:, None], -1e300)
        rows.append((scores.softmax(dim=-1)[..., None] * value).sum(dim=2))
    return torch.stack(rows, dim=1).reshape(batch, time, heads * width)


@pytest.mark.parametrize("sizes", BLOCKS.values(), ids=BLOCKS)
@pytest.mark.parametrize("with_positions", [True, False])
@pytest.mark.parametrize("time", [1, 2, 21])
def test_blocks_make_the_whole(
    sizes: dict[str, int], with_positions: bool, time: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in sizes.items():
        monkeypatch.setattr(blockwise, name, value)
    tensors = case(time)
    padding = torch.arange(time) >= torch.tensor([time, max(1, time // 2), 1])[:, None]
    extra = tensors[3:] if with_positions else [None, None]
    for mask in (None, padding):
        found = attention(*tensors[:3], mask, 0.0, *extra)
        expected = slow(tensors, mask, with_positions)
        torch.testing.assert_close(found, expected)
        grad = torch.randn_like(expected)
        given = tensors if with_positions else tensors[:3]
        torch.testing.assert_close(
            torch.autograd.grad(found, given, grad), torch.autograd.grad(expected, given, grad), atol=1e-9, rtol=1e-7
        )


@pytest.mark.parametrize("dropout", [0.0, 0.4])
def test_gradients_are_those_of_finite_differences(dropout: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blockwise, "_BLOCK_ELEMENTS", 64)
    monkeypatch.setattr(blockwise, "_LONG", 4)
    tensors = case(18, batch=2, heads=1, width=2)
    padding = torch.arange(18) >= torch.tensor([18, 7])[:, None]

    def run(*given: Tensor) -> Tensor:
        torch.manual_seed(5)
        return attention(*given[:3], padding, dropout, *given[3:])

    assert torch.autograd.gradcheck(run, tensors, fast_mode=True)


def test_dropout_keeps_the_mean_and_follows_the_seed() -> None:
    query, key, value, _, _ = (tensor.detach() for tensor in case(20, torch.float32))
    torch.manual_seed(0)
    first = attention(query, key, value, None, 0.3)
    torch.manual_seed(0)
    assert torch.equal(first, attention(query.requires_grad_(), key, value, None, 0.3))
    many = torch.stack([attention(query, key, value, None, 0.3) for _ in range(2000)]).mean(dim=0)
    torch.testing.assert_close(many, attention(query, key, value), atol=0.06, rtol=0)
    assert not torch.equal(first, attention(query, key, value, None, 0.3))


def test_an_utterance_without_frames_gives_no_nan() -> None:
    tensors = case(6)
    padding = torch.arange(6) >= torch.tensor([6, 0, 3])[:, None]
    attention(*tensors[:3], padding, 0.0, *tensors[3:]).sum().backward()
    assert all(tensor.grad.isfinite().all() for tensor in tensors)


@pytest.mark.parametrize("with_positions", [True, False])
def test_the_fused_way_of_accelerators_gives_the_same(with_positions: bool) -> None:
    tensors = case(140, torch.float32)
    padding = torch.arange(140) >= torch.tensor([140, 90, 0])[:, None]
    extra = tensors[3:] if with_positions else [None, None]
    for mask in (None, padding):
        torch.testing.assert_close(fused(*tensors[:3], mask, 0.0, *extra), attention(*tensors[:3], mask, 0.0, *extra))


def test_shift_of_a_block_is_the_table_of_relative_positions() -> None:
    time, rows = 9, slice(3, 7)
    positions = torch.arange(time - 1, -time, -1.0)[time - rows.stop : 2 * time - 1 - rows.start]
    table = shift(positions.repeat(2, 4, 1))
    expected = torch.arange(3, 7)[:, None] - torch.arange(time)
    assert torch.equal(table[1], expected.float())
    assert math.prod(table.shape) == 2 * 4 * time
