"""Co-training APC: both terms against loops, one code drawn or all summed over, and that the views come to agree."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from masr.masking.spans import Config as SpansConfig
from masr.masking.spans import build as build_spans
from masr.maths.keyed_random import combine, gumbel
from masr.models.recurrent import Config as RecurrentConfig
from masr.models.recurrent import build as build_recurrent
from masr.objectives.cotraining_apc import Config, CotrainingApc, build
from masr.types import Batch
from reference import slow_reconstruction

CODES = 6


def made(context: str = "past", **given: object) -> CotrainingApc:
    torch.manual_seed(0)
    encoder = build_recurrent(RecurrentConfig(num_bins=5, dim=16, num_layers=2, cell="lstm", context=context))  # type: ignore[arg-type]
    return build(Config(shift=2, num_codes=CODES, **given), encoder, build_spans(SpansConfig()))  # type: ignore[arg-type]


def batch(lengths: list[int]) -> Batch:
    features = torch.randn(len(lengths), max(lengths), 5, generator=torch.Generator().manual_seed(1))
    keys = combine(5, 6, torch.arange(len(lengths)))
    return Batch(tuple(f"u{i}" for i in range(len(lengths))), features, torch.tensor(lengths), keys)


@torch.no_grad()
@pytest.mark.parametrize(("optimise", "training"), [("marginal", True), ("gumbel", True), ("gumbel", False)])
def test_both_terms_are_those_of_a_loop(optimise: str, training: bool) -> None:
    model, whole = made(optimise=optimise).train(training), batch([9])
    losses = model(whole)
    head = model.heads["past"]
    noise = gumbel(whole.keys, 9 * CODES, 24).view(9, CODES).tolist()
    codes = head.codes.tolist()
    sums, agreed = [0.0, 0.0, 0.0], 0
    for t in range(7):
        logits, frame = head.guess(losses.encoded.frames[0, t]).tolist(), whole.features[0, t + 2].tolist()
        parts = list(slow_reconstruction.co_training(logits, frame, codes))
        if optimise == "gumbel" and training:
            parts[0] = slow_reconstruction.drawn_distance(frame, codes, noise[t])
        sums = [a + b for a, b in zip(sums, parts, strict=True)]
        nearest = min(range(CODES), key=lambda v: slow_reconstruction.squared(frame, codes[v]))
        agreed += nearest == logits.index(max(logits))
    assert float(losses.terms["reconstruction"].sum) == pytest.approx(sums[0], rel=1e-4)
    assert float(losses.terms["divergence"].sum) == pytest.approx(sums[1], rel=1e-4)
    assert float(losses.figures["confirmed_entropy"][0]) == pytest.approx(sums[2], rel=1e-4)
    assert int(losses.figures["code_accuracy"][0]) == agreed
    assert {int(term.count) for term in losses.terms.values()} == {7}
    assert int(losses.histograms["code"].sum()) == int(losses.histograms["predicted_code"].sum()) == 7


def test_guesses_without_learning_are_measured_as_the_loss_is() -> None:
    losses = made()(whole := batch([20]))
    steps = whole.features[0]
    for name, distances in (("copy_error", steps[2:] - steps[:-2]), ("zero_error", steps[2:])):
        value, count = losses.figures[name]
        assert float(value / count) == pytest.approx(float(distances.square().sum(dim=1).mean() / 2), rel=1e-5)


def test_the_choice_hardens_step_by_step_down_to_a_floor() -> None:
    model = made(optimise="gumbel", first_softness=2.0, last_softness=0.5, softness_decay=0.5)
    found = []
    for step in (0, 1, 2, 9):
        model.advance(step)
        found.append(model.heads["past"].softness)
    assert found == [2.0, 1.0, 0.5, 0.5]


def test_directions_have_histograms_of_their_own() -> None:
    losses = made("apart")(batch([20, 14]))
    assert set(losses.histograms) == {
        "forward_code",
        "backward_code",
        "predicted_forward_code",
        "predicted_backward_code",
    }
    assert set(losses.terms) == {f"{d}_{t}" for d in ("forward", "backward") for t in ("reconstruction", "divergence")}


@pytest.mark.parametrize("optimise", ["marginal", "gumbel"])
def test_the_past_comes_to_predict_what_frames_confirm(optimise: str) -> None:
    model = made(optimise=optimise).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-2)
    kinds = 3 * torch.eye(5) - 0.6
    order = torch.arange(40)[None] + torch.arange(8)[:, None]
    whole = dataclasses.replace(batch([40] * 8), features=kinds[order % 5])
    for step in range(80):
        model.advance(step)
        losses = model(whole)
        loss = sum(term.sum / term.count for term in losses.terms.values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    right, count = losses.figures["code_accuracy"]
    assert float(right / count) > 0.8
    assert int((losses.histograms["code"] > 0).sum()) >= 3
    silent, count = losses.figures["zero_error"]
    assert float(losses.terms["reconstruction"].sum.detach()) < 0.7 * float(silent)


def test_a_temperature_that_rises_is_refused() -> None:
    with pytest.raises(ValueError, match="softness"):
        Config(first_softness=0.1)
