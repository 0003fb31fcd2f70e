"""One factor per utterance or frame, which every masked objective applies; and what the log tells of a mask."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from masr.losses.masked_frames import frame_factors, masking_figures
from masr.masking.ask2mask import Config, build
from masr.masking.spans import Config as SpansConfig
from masr.masking.spans import build as build_spans
from masr.types import Batch
from small import objectives

OBJECTIVES = ("best_rq", "wav2vec2", "w2v_bert", "hubert")
SCALED = ("masked_prediction", "contrastive", "unmasked_prediction")


def scored(batch: Batch, lengths: Tensor) -> Batch:
    confidence = torch.rand(len(lengths), int(lengths.max()), generator=torch.Generator().manual_seed(3))
    return replace(batch, confidence=confidence * (torch.arange(confidence.shape[1]) < lengths[:, None]))


def sums(name: str, batch: Batch, **masking: str) -> dict[str, float]:
    objective = objectives.make(name).train()
    objective.masker = build(Config(share=0.4, span=3, **masking))  # type: ignore[arg-type]
    return {term: float(value.sum.detach()) for term, value in objective(batch).terms.items() if term in SCALED}


def lengths_of(name: str, batch: Batch) -> Tensor:
    found: Tensor = objectives.make(name).encoder.num_encoded(batch.lengths)
    return found


@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_loss_of_each_utterance_is_times_its_mean_confidence(name: str) -> None:
    """ATM+S by its formula: one utterance at a time, so that no other can hide a mistake."""
    whole = objectives.batch()
    batch = scored(whole, lengths_of(name, whole))
    assert batch.confidence is not None
    for row, length in enumerate(lengths_of(name, whole).tolist()):
        one = objectives.batch(slice(row, row + 1))
        one = replace(one, confidence=batch.confidence[row : row + 1, :length])
        plain, scaled = sums(name, one), sums(name, one, scale="utterance")
        assert plain
        for term, value in plain.items():
            assert scaled[term] == pytest.approx(value * float(one.confidence.mean()), rel=1e-4)
        weighted = sums(name, replace(one, weights=torch.tensor([2.0])), scale="utterance")
        assert weighted == pytest.approx({term: 2 * value for term, value in scaled.items()}, rel=1e-4)
    together = sums(name, batch, scale="utterance")
    means = batch.confidence.sum(dim=1) / lengths_of(name, whole)
    by_weights = sums(name, replace(batch, weights=means))
    assert together == pytest.approx(by_weights, rel=1e-4)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_frames_are_scaled_one_by_one(name: str) -> None:
    """Confidences of 0 and 1: what is left is the loss of the surest frames, whichever they are."""
    whole = objectives.batch()
    lengths = lengths_of(name, whole)
    ones = (torch.arange(int(lengths.max())) < lengths[:, None]).float()
    loud = replace(whole, confidence=ones)
    assert sums(name, loud, scale="frame", strategy="random") == pytest.approx(sums(name, loud, strategy="random"))
    half = replace(whole, confidence=ones * 0.5)
    halved = {term: value / 2 for term, value in sums(name, loud, strategy="random").items()}
    assert sums(name, half, scale="frame", strategy="random") == pytest.approx(halved, rel=1e-5)
    first = replace(whole, confidence=ones * (torch.arange(ones.shape[1]) < 10))
    last = replace(whole, confidence=ones * (torch.arange(ones.shape[1]) >= 10))
    parts = [sums(name, part, scale="frame", strategy="random") for part in (first, last)]
    for term, value in sums(name, loud, strategy="random").items():
        assert parts[0][term] > 0
        assert parts[0][term] + parts[1][term] == pytest.approx(value, rel=1e-4)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_log_tells_what_was_masked(name: str) -> None:
    whole = objectives.batch()
    lengths = lengths_of(name, whole)
    batch = scored(whole, lengths)
    objective = objectives.make(name).train()
    objective.masker = build(Config(share=0.4, span=3))
    assert batch.confidence is not None
    mask = objective.masker.mask(lengths, batch.keys, batch.confidence)
    figures = {name: float((a / b).detach()) for name, (a, b) in objective(batch).figures.items()}
    total = int(lengths.sum())
    assert figures["masked_share"] == pytest.approx(int(mask.sum()) / total)
    assert figures["masked_confidence"] == pytest.approx(float(batch.confidence[mask].mean()), rel=1e-5)
    assert figures["confidence"] == pytest.approx(float(batch.confidence.sum()) / total, rel=1e-5)
    assert "confidence" not in objectives.make(name).train()(whole).figures


def test_weights_alone_and_nothing_at_all() -> None:
    lengths, mask = torch.tensor([3, 2]), torch.tensor([[True, False, False], [False, True, False]])
    batch = Batch(("a", "b"), torch.zeros(2, 3), lengths, torch.zeros(2, dtype=torch.int64))
    spans = build_spans(SpansConfig())
    assert frame_factors(spans, batch, lengths, mask) is None
    weighted = replace(batch, weights=torch.tensor([2.0, 0.5]))
    assert frame_factors(spans, weighted, lengths, mask).tolist() == [[2.0] * 3, [0.5] * 3]  # type: ignore[union-attr]
    assert set(masking_figures(batch, lengths, mask)) == {"masked_share"}
