"""Span masks as properties: never padding, never empty, the share asked for."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from masr.masking.spans import Config, build, spans_from
from masr.maths.keyed_random import combine


@settings(max_examples=60, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 200), min_size=1, max_size=6),
    share=st.floats(0.01, 0.99),
    span=st.integers(1, 40),
    seed=st.integers(0, 2**31),
)
def test_masks_lie_inside_and_are_never_empty(lengths: list[int], share: float, span: int, seed: int) -> None:
    counts = torch.tensor(lengths)
    keys = combine(seed, 0, torch.arange(len(lengths)))
    masked = build(Config(share=share, span=span)).mask(counts, keys)
    assert masked.shape == (len(lengths), max(lengths))
    assert not masked[torch.arange(max(lengths)) >= counts[:, None]].any()
    assert masked.any(dim=1).all()
    for row, length in enumerate(lengths):
        alone = build(Config(share=share, span=span)).mask(counts[row : row + 1], keys[row : row + 1])
        assert torch.equal(alone[0], masked[row, :length])


@pytest.mark.parametrize(
    ("share", "span", "length"), [(0.49, 10, 1500), (0.331, 10, 317), (0.4, 5, 100), (0.2, 1, 317), (0.8, 20, 100)]
)
def test_the_share_is_the_one_asked_for(share: float, span: int, length: int) -> None:
    lengths = torch.full((6_000_000 // (length * span),), length)
    masked = build(Config(share=share, span=span)).mask(lengths, combine(1, 1, torch.arange(len(lengths))))
    assert abs(float(masked.float().mean()) - share) < 0.01
    at_the_edge = float(masked[:, 0].float().mean())
    assert abs(at_the_edge - share) < 0.04


def test_runs_are_whole_spans_except_at_the_edges() -> None:
    lengths = torch.full((200,), 300)
    masked = build(Config(share=0.3, span=7)).mask(lengths, combine(2, 2, torch.arange(200)))
    for row in masked.tolist():
        run = 0
        for place, hidden in enumerate(row):
            if not hidden and run and place - run > 0:
                assert run >= 7
            run = run + 1 if hidden else 0


@pytest.mark.parametrize("wrong", [{"share": 0.0}, {"share": 1.0}, {"span": 0}])
def test_settings_that_mean_nothing_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must"):
        Config(**wrong)  # type: ignore[arg-type]


def test_spread_against_a_loop() -> None:
    starts = torch.rand(5, 33) < 0.1
    expected = torch.zeros(5, 30, dtype=torch.bool)
    for row in range(5):
        for place in range(33):
            if starts[row, place]:
                expected[row, max(place - 3, 0) : place + 1] = True
    assert torch.equal(spans_from(starts, 4), expected)
