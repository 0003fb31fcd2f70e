"""VQ-APC: what is predicted is a function of one code, chosen with noise while training and without in validation."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from masr.masking.spans import Config as SpansConfig
from masr.masking.spans import build as build_spans
from masr.maths.keyed_random import combine, gumbel
from masr.models.recurrent import Config as RecurrentConfig
from masr.models.recurrent import build as build_recurrent
from masr.objectives.apc import Apc
from masr.objectives.vq_apc import Config, build
from masr.types import Batch

CODES = 7


def made(context: str = "past", **given: object) -> Apc:
    torch.manual_seed(0)
    encoder = build_recurrent(RecurrentConfig(num_bins=5, dim=16, num_layers=2, context=context))  # type: ignore[arg-type]
    config = Config(shift=2, num_codes=CODES, code_dim=6, **given)  # type: ignore[arg-type]
    return build(config, encoder, build_spans(SpansConfig()))


def batch(lengths: list[int]) -> Batch:
    features = torch.randn(len(lengths), max(lengths), 5, generator=torch.Generator().manual_seed(1))
    keys = combine(5, 6, torch.arange(len(lengths)))
    return Batch(tuple(f"u{i}" for i in range(len(lengths))), features, torch.tensor(lengths), keys)


@torch.no_grad()
@pytest.mark.parametrize("training", [True, False])
def test_the_loss_is_that_of_one_code_a_frame(training: bool) -> None:
    model, whole = made().train(training), batch([9])
    losses = model(whole)
    head = model.heads["past"]
    noise = gumbel(whole.keys, 9 * CODES, 22).view(9, CODES)
    total, counts = 0.0, [0] * CODES
    for t in range(7):
        scores = head.quantizer.scores(losses.encoded.frames[0, t])
        if training:
            scores = scores + noise[t]
        code = max(range(CODES), key=lambda v: float(scores[v]))
        guess = head.guess(head.quantizer.codes[0, code])
        total += sum(abs(float(g) - float(x)) for g, x in zip(guess, whole.features[0, t + 2], strict=True)) / 5
        counts[code] += 1
    assert float(losses.terms["prediction"].sum) == pytest.approx(total, rel=1e-4)
    assert losses.histograms["code"].tolist() == [[float(c) for c in counts]]


def test_the_gradient_passes_the_choice() -> None:
    model = made().train()
    model(batch([30])).terms["prediction"].sum.backward()
    assert model.encoder.layers[0].forwards.weight_ih_l0.grad.abs().sum() > 0


def test_all_codes_are_in_play_at_the_start() -> None:
    used = made().train()(batch([200])).histograms["code"]
    assert (used > 0).all()


def test_each_direction_has_its_own_codebook() -> None:
    losses = made("apart").train()(batch([20, 14]))
    assert set(losses.histograms) == {"forward_code", "backward_code"}
    assert all(int(counts.sum()) == 18 + 12 for counts in losses.histograms.values())
    assert not torch.equal(losses.histograms["forward_code"], losses.histograms["backward_code"])


def test_codes_come_to_tell_frames_apart() -> None:
    model = made(softness=1.0).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-2)
    kinds = 2 * torch.eye(5) - 0.4
    order = torch.arange(40)[None] + torch.arange(8)[:, None]
    whole = dataclasses.replace(batch([40] * 8), features=kinds[order % 5])
    for _ in range(80):
        losses = model(whole)
        loss = losses.terms["prediction"].sum / losses.terms["prediction"].count
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    settled = model(whole)
    silent, count = settled.figures["zero_error"]
    assert float(settled.terms["prediction"].sum.detach() / count) < 0.5 * float(silent / count)
    assert int((settled.histograms["code"] > 0).sum()) >= 3


def test_a_temperature_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="softness"):
        Config(softness=0.0)
