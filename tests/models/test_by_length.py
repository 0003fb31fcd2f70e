"""Groups of like length: a partition that costs least, and frames that are those of the whole batch."""

from __future__ import annotations

import itertools
from types import ModuleType
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from masr.models import by_length, conformer, transformer
from masr.models.by_length import groups_of, in_groups
from masr.models.frontend import ConvSubsampling
from masr.types import Encoded

LENGTHS = torch.tensor([90, 12, 60, 88, 0, 25, 24, 61, 3, 90])


def cost(groups: list[list[int]], lengths: list[int]) -> int:
    return sum(40 + max(lengths[row] for row in group) * len(group) for group in groups)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 200), min_size=1, max_size=8))
def test_no_cut_of_the_sorted_rows_costs_less(lengths: list[int]) -> None:
    groups = groups_of(lengths)
    assert sorted(itertools.chain(*groups)) == list(range(len(lengths)))
    rows = sorted(range(len(lengths)), key=lambda row: -lengths[row])
    cuts = itertools.chain.from_iterable(
        itertools.combinations(range(1, len(rows)), count) for count in range(min(6, len(rows)))
    )
    every = ([rows[a:b] for a, b in itertools.pairwise([0, *cut, len(rows)])] for cut in cuts)
    assert cost(groups, lengths) == min(cost(some, lengths) for some in every)


def test_rows_of_one_length_stay_together() -> None:
    assert len(groups_of([50] * 30)) == 1


SMALL: dict[str, Any] = {"num_bins": 20, "dim": 16, "num_layers": 2, "num_heads": 2, "feed_forward_dim": 24}


def encoder_of(model: ModuleType, positions: str) -> Any:
    more = {"channels": 4} if model is conformer else {"norm": "post"}
    return model.build(model.Config(**SMALL, **more, positions=positions, dropout=0.0))


@pytest.mark.parametrize(
    ("model", "positions"),
    [(conformer, "relative"), (conformer, "rotary"), (transformer, "rotary"), (transformer, "convolutional")],
)
def test_an_encoder_says_the_same_in_groups_and_its_gradient_is_the_same(model: ModuleType, positions: str) -> None:
    torch.manual_seed(0)
    encoder = encoder_of(model, positions)
    assert len(groups_of(LENGTHS.tolist())) > 1
    given_frames = torch.randn(len(LENGTHS), 90, 16)
    found = []
    for encode in (encoder.contextualise, encoder.over_blocks):
        encoder.zero_grad()
        frames = given_frames.clone().requires_grad_()
        encoded = encode(frames, LENGTHS, True)
        valid = torch.arange(90) < LENGTHS[:, None]
        layers = [layer[valid] for layer in encoded.layers]
        torch.stack([layer.square().sum() for layer in [encoded.frames, *layers]]).sum().backward()
        found.append((encoded.frames, layers, frames.grad[valid], [p.grad for p in encoder.blocks.parameters()]))
    torch.testing.assert_close(*found, atol=1e-4, rtol=1e-4)


def test_norms_and_blocks_that_are_of_the_whole_batch_keep_it_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> Encoded:
        raise AssertionError("was cut")

    for model, setting in (
        (conformer, {"conv_norm": "batch"}),
        (conformer, {"layer_drop": 0.5}),
        (transformer, {"layer_drop": 0.5}),
    ):
        monkeypatch.setattr(model, "in_groups", refuse)
        model.build(model.Config(**SMALL, **setting)).contextualise(torch.randn(10, 90, 16), LENGTHS)


def test_as_many_groups_as_are_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(by_length, "_MOST_GROUPS", 2)
    seen: list[tuple[int, ...]] = []

    def same(frames: Tensor, lengths: Tensor, with_layers: bool) -> Encoded:
        seen.append(tuple(frames.shape[:2]))
        return Encoded(frames, lengths)

    frames = torch.randn(10, 90, 3) * (torch.arange(90) < LENGTHS[:, None])[:, :, None]
    assert torch.equal(in_groups(same, frames, LENGTHS, False).frames, frames)
    assert len(seen) == 2 and sum(rows * time for rows, time in seen) < 10 * 90


def test_the_front_end_leaves_out_what_lies_past_an_utterance() -> None:
    torch.manual_seed(1)
    module = ConvSubsampling(20, 6, 4, 3)
    num_frames = torch.tensor([61, 40, 5, 30])
    lengths = module.num_encoded(num_frames)
    valid = torch.arange(int(lengths.max())) < lengths[:, None]
    features = torch.randn(4, 61, 20)
    grads = []
    for some in (None, lengths):
        module.zero_grad()
        given_features = features.clone().requires_grad_()
        out = module(given_features, some)
        out[valid].square().sum().backward()
        grads.append([out[valid], given_features.grad, *(p.grad for p in module.parameters())])
    torch.testing.assert_close(*grads)
