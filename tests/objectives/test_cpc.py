"""CPC: the future is unseen, negatives come from where the setting says, and wrong encoders are refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from masr.errors import DataError
from masr.masking.spans import Config as SpansConfig
from masr.masking.spans import build as build_spans
from masr.maths.keyed_random import combine
from masr.models import convolutional, recurrent, transformer
from masr.models.conformer import Config as ConformerConfig
from masr.models.conformer import build as build_conformer
from masr.objectives.cpc import Config, Cpc, build
from masr.types import Batch

MASKER = build_spans(SpansConfig())
ROOMS: dict[str, Any] = {
    "recurrent": recurrent,
    "convolutional": convolutional,
    "transformer": transformer,
}


def encoder(room: str, context: str = "past") -> Any:
    torch.manual_seed(0)
    sizes: dict[str, Any] = {"num_bins": 6, "dim": 16, "num_layers": 2, "context": context}
    if room == "transformer":
        sizes |= {"num_heads": 2, "feed_forward_dim": 24}
    return ROOMS[room].build(ROOMS[room].Config(**sizes))


def objective(room: str = "recurrent", **settings: Any) -> Cpc:
    return build(Config(steps=4, num_negatives=12, **settings), encoder(room), MASKER)


def batch(**changes: Any) -> Batch:
    lengths = torch.tensor([30, 22, 9])
    features = torch.randn(3, 30, 6, generator=torch.Generator().manual_seed(1))
    features[torch.arange(30) >= lengths[:, None]] = 0
    labels = {"spk": torch.tensor([1, 1, 0])}
    whole = Batch(("a", "b", "c"), features, lengths, combine(5, 6, torch.arange(3)), labels=labels)
    return replace(whole, **changes)


@pytest.mark.parametrize("room", list(ROOMS))
def test_no_frame_sees_what_it_has_to_tell(room: str) -> None:
    model, whole = objective(room).eval(), batch()
    changed = whole.features.clone()
    changed[0, 20:] += 3
    one, other = (model(replace(whole, features=features)).encoded.frames for features in (whole.features, changed))
    torch.testing.assert_close(one[0, :20], other[0, :20])
    assert not torch.allclose(one[0, 20], other[0, 20], atol=1e-3)


@pytest.mark.parametrize("context", ["both", "future", "apart"])
def test_an_encoder_that_sees_the_future_is_refused(context: str) -> None:
    with pytest.raises(ValueError, match="context: past"):
        build(Config(), encoder("recurrent", context), MASKER)
    small = ConformerConfig(num_bins=20, dim=16, num_layers=1, num_heads=2, feed_forward_dim=24)
    with pytest.raises(ValueError, match="context: past"):
        build(Config(), build_conformer(small), MASKER)


@pytest.mark.parametrize(
    ("negatives", "rows"),
    [("utterance", [{0}, {1}, {2}]), ("speaker", [{0, 1}, {0, 1}, {2}]), ("mixed", [{0, 1, 2}] * 3)],
)
def test_negatives_come_from_where_it_says(negatives: Any, rows: list[set[int]]) -> None:
    model, whole = build(Config(num_negatives=80, negatives=negatives), encoder("recurrent"), MASKER), batch()
    marked = torch.zeros(3, 30, 2)
    marked[:, :, 0] = torch.arange(3)[:, None]
    marked[:, :, 1] = torch.arange(30)
    found, apart = model.negatives(marked, whole.lengths, replace(whole, keys=combine(5, 7, torch.arange(3))))
    assert [set(drawn[:, 0].int().tolist()) for drawn in found] == rows
    own = found[:, :, 0] == torch.arange(3)[:, None]
    assert bool(own.any()) and torch.equal(found[:, :, 1][own].long(), apart[own])
    assert bool((found[:, :, 1] < whole.lengths[found[:, :, 0].long()]).all())


@pytest.mark.parametrize("negatives", ["utterance", "speaker", "mixed"])
def test_an_utterance_too_short_for_a_frame_changes_nothing(negatives: Any) -> None:
    sizes = recurrent.Config(num_bins=18, dim=16, num_layers=1, context="past", front_end="conv", subsampling=4)
    model = build(Config(steps=2, num_negatives=12, negatives=negatives), recurrent.build(sizes), MASKER).eval()
    whole, spk = batch(lengths=torch.tensor([30, 22, 2])), torch.tensor([1, 0, 2])
    whole = replace(whole, features=whole.features.repeat(1, 1, 3))
    lengths, features, keys = whole.lengths[:2], whole.features[:2], whole.keys[:2]
    two = Batch(whole.utts[:2], features, lengths, keys, labels={"spk": spk[:2]})
    found, expected = (model(each).terms["contrastive"] for each in (replace(whole, labels={"spk": spk}), two))
    assert float(found.count) == float(expected.count) > 0
    torch.testing.assert_close(found.sum, expected.sum)


def test_who_is_unknown_draws_from_itself() -> None:
    model = objective(negatives="speaker")
    unknown = batch(labels={"spk": torch.tensor([-1, 0, -1])})
    marked = torch.arange(3.0)[:, None, None].expand(3, 30, 1)
    found, _ = model.negatives(marked, unknown.lengths, unknown)
    assert [set(drawn[:, 0].int().tolist()) for drawn in found] == [{0}, {1}, {2}]


def test_speakers_that_nobody_names_are_an_error() -> None:
    with pytest.raises(DataError, match="no stream spk"):
        objective(negatives="speaker")(batch(labels={}))


def test_a_stand_in_lends_no_frame() -> None:
    model, whole = objective(negatives="mixed"), batch(stand_in=True)
    found, _ = model.negatives(torch.ones(3, 30, 2), whole.lengths, whole)
    assert found.shape == (3, 12, 2)
    assert torch.isfinite(model(whole).terms["contrastive"].sum)


def test_the_frames_of_a_rising_tone_are_learnt() -> None:
    """What comes next is a function of what was: after some steps the truth is told far more often than by chance."""
    model = objective()
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    place = torch.arange(60)
    tones = torch.stack([torch.sin(place / period) for period in (2.0, 3.1, 4.7, 6.3, 8.9, 11.0)], dim=1)
    whole = batch(features=torch.stack([tones[i : i + 30] for i in (0, 7, 15)]), lengths=torch.tensor([30, 30, 30]))
    for _ in range(30):
        losses = model(whole)
        optimizer.zero_grad()
        (losses.terms["contrastive"].sum / losses.terms["contrastive"].count).backward()
        optimizer.step()
    figures = {name: float(a / b) for name, (a, b) in losses.figures.items()}
    assert figures["contrastive_accuracy"] > 4 * figures["contrastive_chance"]
