"""DinoSR: what the teacher is, what its codes are made of, and the loss against loops."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from masr.masking.spans import Config as SpansConfig
from masr.masking.spans import build as build_spans
from masr.maths.keyed_random import combine
from masr.models.transformer import Config as TransformerConfig
from masr.models.transformer import build as build_transformer
from masr.objectives.dinosr import Config, Dinosr, build, standardised
from masr.types import Batch
from reference import slow_clusters


def objective(dropout: float = 0.0, **settings: Any) -> Dinosr:
    torch.manual_seed(0)
    sizes = {"num_bins": 6, "dim": 16, "num_layers": 3, "num_heads": 2, "feed_forward_dim": 24}
    encoder = build_transformer(TransformerConfig(**sizes, dropout=dropout))  # type: ignore[arg-type]
    return build(Config(num_codes=5, **settings), encoder, build_spans(SpansConfig(share=0.5, span=3)))


def batch(**changes: Any) -> Batch:
    lengths = torch.tensor([30, 22, 9])
    features = torch.randn(3, 30, 6, generator=torch.Generator().manual_seed(1))
    features[torch.arange(30) >= lengths[:, None]] = 0
    return replace(Batch(("a", "b", "c"), features, lengths, combine(5, 6, torch.arange(3))), **changes)


def test_loss_against_loops() -> None:
    model, whole = objective(), batch()
    losses = model(whole)
    mask = model.masker.mask(whole.lengths, whole.keys)
    layers = model.teacher.contextualise(*model.teacher.embed(whole.features, whole.lengths), with_layers=True).layers
    logits = model.head(losses.encoded.frames[mask]).view(-1, 2, 5)
    total = 0.0
    for book, layer in enumerate(layers[-2:]):
        targets = []
        for row, length in enumerate(whole.lengths.tolist()):
            frames = slow_clusters.standardise(layer[row, :length].tolist(), 1e-5)
            chosen = [frame for frame, hidden in zip(frames, mask[row].tolist(), strict=False) if hidden]
            targets += [slow_clusters.nearest(frame, model.codebook.codes[book].tolist()) for frame in chosen]
        total += slow_clusters.cross_entropy(logits[:, book].tolist(), targets) / 2
    term = losses.terms["masked_prediction"]
    assert float(term.sum.detach()) == pytest.approx(total, rel=1e-4)
    assert int(term.count) == int(mask.sum())


def test_frames_of_an_utterance_have_mean_0_and_variance_1_whatever_the_padding() -> None:
    frames, real = torch.randn(2, 8, 3) * 4 + 7, torch.arange(8) < torch.tensor([[8], [5]])
    found = standardised(frames, real)
    torch.testing.assert_close(found[1, :5].mean(dim=0), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(found[1, :5].var(dim=0, correction=0), torch.ones(3), atol=1e-4, rtol=0)
    torch.testing.assert_close(found[1, :5], standardised(frames[1:, :5], real[1:, :5])[0])
    assert bool(torch.isfinite(standardised(frames, torch.zeros_like(real))).all())


def test_the_teacher_hears_what_is_hidden_and_never_drops_out() -> None:
    model, whole = objective(dropout=0.5).train(), batch()
    mask = model.masker.mask(whole.lengths, whole.keys)
    given = (whole, whole.lengths, mask)
    assert torch.equal(model.taught(*given), model.taught(*given))
    assert not model.teacher.training and model.encoder.training
    # The student's frames under the mask do not depend on what was there; the teacher's do.
    changed = whole.features.clone()
    changed[mask] += 5
    other = replace(whole, features=changed)
    model.eval()
    torch.testing.assert_close(model(whole).encoded.frames, model(other).encoded.frames)
    assert not torch.allclose(model.taught(*given), model.taught(other, *given[1:]), atol=0.1)


def test_the_teacher_follows_by_its_schedule() -> None:
    model = objective(first_decay=0.5, last_decay=0.9, decay_steps=4, teacher_steps=6)
    assert [model.decay(step) for step in (0, 2, 4, 100)] == pytest.approx([0.5, 0.7, 0.9, 0.9])
    slow, fast = model.teacher.norm.weight, model.encoder.norm.weight
    assert torch.equal(slow, fast) and not slow.requires_grad
    with torch.no_grad():
        fast += 1
    model.advance(0)
    torch.testing.assert_close(fast - slow, torch.full_like(fast, 0.5))
    model.advance(2)
    torch.testing.assert_close(fast - slow, torch.full_like(fast, 0.35))
    model.advance(6)
    torch.testing.assert_close(fast - slow, torch.full_like(fast, 0.35))


def test_over_no_steps_the_decay_is_the_last_at_once() -> None:
    model = objective(first_decay=0.5, last_decay=0.9, decay_steps=0)
    assert [model.decay(step) for step in (0, 1)] == [0.9, 0.9]


@pytest.mark.parametrize(
    ("name", "value"),
    [("num_codes", 1), ("num_targets", -1), ("decay_steps", -1), ("teacher_steps", -1), ("code_decay", 1.0)],
)
def test_numbers_without_a_meaning_are_refused(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match="must be at least"):
        Config(**{name: value})


def test_codes_move_between_steps_and_only_by_training() -> None:
    model, whole = objective().eval(), batch()
    before = model.codebook.codes.clone()
    model(whole)
    model.advance(0)
    assert torch.equal(model.codebook.codes, before)
    model.train()
    losses = [model(whole).terms["masked_prediction"].sum for _ in range(2)]
    assert torch.equal(losses[0], losses[1]) and torch.equal(model.codebook.codes, before)
    assert int(model.codebook.seen_counts.sum()) == 2 * 2 * int(model.masker.mask(whole.lengths, whole.keys).sum())
    model.advance(1)
    assert not torch.equal(model.codebook.codes, before)
    assert not model.codebook.seen_counts.any()


def test_a_stand_in_is_not_counted() -> None:
    model = objective().train()
    model(batch(stand_in=True))
    assert not model.codebook.seen_counts.any()


def test_more_targets_than_blocks_are_refused() -> None:
    with pytest.raises(ValueError, match="has 3 blocks"):
        objective(num_targets=4)
    assert objective(num_targets=3).num_targets == 3
