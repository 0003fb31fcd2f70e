"""BEST-RQ: targets against a loop, padding and batch order that change nothing, gradient to the encoder."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from masr.masking.spans import Config as SpansConfig
from masr.masking.spans import build as build_spans
from masr.maths.keyed_random import combine
from masr.models.conformer import Config as ConformerConfig
from masr.models.conformer import build as build_conformer
from masr.models.quantizer import RandomProjection
from masr.objectives.best_rq import BestRq, Config, build
from masr.types import Batch


def objective(**overrides: int) -> BestRq:
    torch.manual_seed(0)
    small = ConformerConfig(num_bins=20, dim=32, num_layers=2, num_heads=4, feed_forward_dim=48, dropout=0.0)
    masker = build_spans(SpansConfig(share=0.4, span=3))
    return build(Config(num_codes=64, code_dim=8, **overrides), build_conformer(small), masker)


def batch(lengths: list[int], extra: int = 0) -> Batch:
    generator = torch.Generator().manual_seed(1)
    features = torch.randn(len(lengths), 120, 20, generator=generator)[:, : max(lengths) + extra]
    features[torch.arange(features.shape[1]) >= torch.tensor(lengths)[:, None]] = 0
    utts = tuple(f"u{i}" for i in range(len(lengths)))
    return Batch(utts, features, torch.tensor(lengths), combine(5, 6, torch.arange(len(lengths))))


def test_labels_are_the_nearest_codes_by_cosine() -> None:
    quantizer = RandomProjection(24, 8, 50, 2, seed=3)
    frames = torch.randn(7, 24)
    found = quantizer(frames)
    for row in range(7):
        for book in range(2):
            projected = [
                sum(float(frames[row, i] * quantizer.projection[book, i, j]) for i in range(24)) for j in range(8)
            ]
            length = sum(x * x for x in projected) ** 0.5
            cosines = [
                sum(x / length * float(c) for x, c in zip(projected, code, strict=True))
                for code in quantizer.codes[book]
            ]
            assert int(found[row, book]) == cosines.index(max(cosines))


def test_targets_are_stacks_of_unmasked_frames() -> None:
    model = objective()
    features = torch.arange(2 * 19 * 20, dtype=torch.float32).view(2, 19, 20)
    mask = torch.tensor([[True, False, True, False], [False, True, False, False]])
    stacks = model.stacked(features, mask)
    assert torch.equal(stacks[0], features[0, 0:4].flatten())
    assert torch.equal(stacks[1], features[0, 8:12].flatten())
    assert torch.equal(stacks[2], features[1, 4:8].flatten())


def test_padding_and_company_never_change_the_loss() -> None:
    model = objective().eval()
    together = model(batch([118, 75, 40])).terms["masked_prediction"]
    padded = model(batch([118, 75, 40], extra=2)).terms["masked_prediction"]
    torch.testing.assert_close(padded.sum, together.sum)
    whole = batch([118, 75, 40])
    parts = []
    for row, length in enumerate([118, 75, 40]):
        alone = dataclasses.replace(
            whole,
            utts=whole.utts[row : row + 1],
            features=whole.features[row : row + 1, :length],
            lengths=whole.lengths[row : row + 1],
            keys=whole.keys[row : row + 1],
        )
        parts.append(model(alone).terms["masked_prediction"])
    torch.testing.assert_close(sum(p.sum for p in parts), together.sum)
    assert sum(int(p.count) for p in parts) == int(together.count)


def test_masked_frames_are_hidden_and_others_are_not() -> None:
    model = objective()
    whole = batch([60, 60])
    mask = torch.zeros(2, 14, dtype=torch.bool)
    mask[0, 3] = True
    hidden = model.hide(whole, mask)
    assert torch.equal(hidden[1], whole.features[1])
    assert torch.equal(hidden[0, :12], whole.features[0, :12])
    assert torch.equal(hidden[0, 16:], whole.features[0, 16:])
    assert not torch.equal(hidden[0, 12:16], whole.features[0, 12:16])
    assert hidden[0, 12:16].std() < 0.3


@pytest.mark.parametrize("codebooks", [1, 3])
def test_loss_is_finite_repeatable_and_reaches_the_encoder(codebooks: int) -> None:
    losses = [objective(num_codebooks=codebooks)(batch([100, 50])) for _ in range(2)]
    first, second = (loss.terms["masked_prediction"] for loss in losses)
    assert torch.equal(first.sum, second.sum)
    assert abs(float(first.sum.detach() / first.count) - torch.log(torch.tensor(64.0))) < 0.7
    model = objective(num_codebooks=codebooks)
    model(batch([100, 50])).terms["masked_prediction"].sum.backward()
    assert model.encoder.blocks[0].first.widen.weight.grad.abs().sum() > 0
    assert not any(b.requires_grad for b in model.quantizer.buffers())


def test_an_utterance_weight_scales_its_loss() -> None:
    model = objective().eval()
    whole = batch([80, 80])
    weighted = dataclasses.replace(whole, weights=torch.tensor([1.0, 0.0]))
    first = dataclasses.replace(
        whole, utts=whole.utts[:1], features=whole.features[:1], lengths=whole.lengths[:1], keys=whole.keys[:1]
    )
    torch.testing.assert_close(
        model(weighted).terms["masked_prediction"].sum, model(first).terms["masked_prediction"].sum
    )
