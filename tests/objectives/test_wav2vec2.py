"""wav2vec 2.0: what the gradient of the targets reaches."""

from __future__ import annotations

import torch

from masr.masking.spans import Config as SpansConfig
from masr.masking.spans import build as build_spans
from masr.models.recurrent import Config as RecurrentConfig
from masr.models.recurrent import build as build_recurrent
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
