"""wav2vec 2.0: what the gradient of the targets reaches."""

from __future__ import annotations

from typing import Any

import torch

from masr.masking.spans import Config as SpansConfig
from masr.masking.spans import build as build_spans
from masr.models.recurrent import Config as RecurrentConfig
from masr.models.recurrent import build as build_recurrent
from masr.objectives.masr import wrap
from masr.objectives.wav2vec2 import Config, build, scaled


def test_scaled_changes_the_gradient_and_not_the_values() -> None:
    for factor in (1.0, 0.25, 0.0):
        frames = torch.randn(4, 3, generator=torch.Generator().manual_seed(0)).requires_grad_()
        out = scaled(frames, factor)
        assert torch.equal(out, frames)
        (out * 2).sum().backward()
        assert torch.equal(frames.grad, torch.full((4, 3), 2 * factor))


def test_the_choice_hardens_step_by_step_down_to_a_floor() -> None:
    config = Config(num_codes=4, code_dim=4, width=8, first_softness=2.0, last_softness=0.5, softness_decay=0.5)
    encoder = build_recurrent(RecurrentConfig(5, 16, 1, context="both"))
    model = build(config, encoder, build_spans(SpansConfig()))
    found = []
    for step in (0, 1, 2, 3, 100):
        model.advance(step)
        found.append(model.softness)
    assert found == [2.0, 1.0, 0.5, 0.5, 0.5]


def test_a_codebook_that_fell_to_one_code_is_named_with_its_cure() -> None:
    def objective(**settings: float) -> Any:
        encoder = build_recurrent(RecurrentConfig(num_bins=20, dim=16, num_layers=2))
        return build(Config(num_codes=8, code_dim=8, width=8, **settings), encoder, build_spans(SpansConfig()))  # type: ignore[arg-type]

    (sentence,) = objective().concerns({"codes_used": 1.0})
    assert "one code" in sentence and "objective.target_gradient: 0 or" in sentence
    (sentence,) = objective(target_gradient=0.0).concerns({"codes_used": 1.0})
    assert "target_gradient" not in sentence and "optim.peak_lr" in sentence
    assert objective().concerns({"codes_used": 1.5}) == [] == objective().concerns({})
    beside = wrap(objective(), {})
    assert beside.concerns({"codes_used": 1.0, "raw_cosine": 0.0})
