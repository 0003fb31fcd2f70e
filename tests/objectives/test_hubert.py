"""HuBERT: the loss on masked and on other frames against loops, and which labels are refused."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch

from masr.errors import DataError
from masr.masking.spans import Config as SpansConfig
from masr.masking.spans import build as build_spans
from masr.maths.keyed_random import combine
from masr.models.transformer import Config as TransformerConfig
from masr.models.transformer import build as build_transformer
from masr.objectives.hubert import Config, Hubert, build
from masr.types import Batch
from reference import slow_clusters

LENGTHS = [30, 22, 9]


def objective(**settings: Any) -> Hubert:
    torch.manual_seed(0)
    sizes = TransformerConfig(num_bins=6, dim=16, num_layers=1, num_heads=2, feed_forward_dim=24, dropout=0.0)
    encoder = build_transformer(sizes)
    masker = build_spans(SpansConfig(share=0.5, span=3))
    return build(Config(num_clusters=5, width=4, **settings), encoder, masker)


def batch(**changes: Any) -> Batch:
    generator, lengths = torch.Generator().manual_seed(1), torch.tensor(LENGTHS)
    features, targets = torch.randn(3, 30, 6, generator=generator), torch.randint(5, (3, 30), generator=generator)
    beyond = torch.arange(30) >= lengths[:, None]
    features[beyond], targets[beyond] = 0, -1
    whole = Batch(("a", "b", "c"), features, lengths, combine(5, 6, torch.arange(3)), targets=targets)
    return replace(whole, **changes)


def cosine(a: list[float], b: list[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True)) / math.hypot(*a) / math.hypot(*b)


def test_loss_against_loops() -> None:
    model, whole = objective(temperature=0.25, unmasked_weight=0.5), batch()
    assert whole.targets is not None
    losses = model(whole)
    mask = model.masker.mask(whole.lengths, whole.keys)
    clusters = model.clusters.tolist()
    logits: dict[bool, list[list[float]]] = {True: [], False: []}
    targets: dict[bool, list[int]] = {True: [], False: []}
    for row, length in enumerate(LENGTHS):
        for place in range(length):
            hidden = bool(mask[row, place])
            guess = model.guess(losses.encoded.frames[row, place]).tolist()
            logits[hidden].append([cosine(guess, cluster) / 0.25 for cluster in clusters])
            targets[hidden].append(int(whole.targets[row, place]))
    for name, hidden, weight in (("masked_prediction", True, 1.0), ("unmasked_prediction", False, 0.5)):
        term = losses.terms[name]
        expected = slow_clusters.cross_entropy(logits[hidden], targets[hidden])
        assert float(term.sum.detach()) == pytest.approx(expected, rel=1e-4)
        assert (int(term.count), term.weight) == (len(targets[hidden]), weight)
    best = [row.index(max(row)) for row in logits[True]]
    right = sum(guess == target for guess, target in zip(best, targets[True], strict=True))
    assert [int(figure) for figure in losses.figures["masked_accuracy"]] == [right, len(best)]


def test_only_masked_frames_count_unless_asked() -> None:
    assert set(objective()(batch()).terms) == {"masked_prediction"}


def test_labels_that_are_not_of_these_frames_are_refused() -> None:
    targets = batch().targets
    assert targets is not None
    lost = targets.clone()
    lost[1, 21] = -1
    for given, words in (
        (None, "has none"),
        (targets[:, :29], "not one to each encoded frame"),
        (lost, "not one to each encoded frame"),
        (targets + (targets == 4), "cluster 5 is beyond"),
    ):
        with pytest.raises(DataError, match=words):
            objective()(batch(targets=given))
