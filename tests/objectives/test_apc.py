"""APC: what is predicted against loops, nothing of it is ever seen, both directions, and that it learns."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch

from masr.masking.spans import Config as SpansConfig
from masr.masking.spans import build as build_spans
from masr.maths.keyed_random import combine
from masr.objectives.apc import Apc, Config, Noise, build
from masr.plugins import open_plugin
from masr.types import Batch
from reference import slow_reconstruction

BINS = 12
SMALL = {"num_bins": BINS, "dim": 16, "num_layers": 2, "num_heads": 2, "feed_forward_dim": 16, "dropout": 0.0}
ENCODERS: list[dict[str, Any]] = [
    {"name": "recurrent"},
    {"name": "recurrent", "cell": "lstm", "subsampling": 2},
    {"name": "transformer", "subsampling": 4},
    {"name": "transformer", "front_end": "conv", "subsampling": 4},
    {"name": "convolutional", "front_end": "conv", "subsampling": 2},
    {"name": "convolutional"},
]
LENGTHS = [53, 31, 40]


def encoder(name: str = "recurrent", **given: Any) -> Any:
    torch.manual_seed(0)
    module = open_plugin("models", name)
    known = {f.name for f in dataclasses.fields(module.Config)}
    return module.build(module.Config(**{k: v for k, v in SMALL.items() if k in known}, **given))


def made(context: str, shift: int = 2, **given: Any) -> Apc:
    return build(Config(shift=shift), encoder(context=context, **given), build_spans(SpansConfig()))


def batch(lengths: list[int], seed: int = 1) -> Batch:
    features = torch.randn(len(lengths), max(lengths), BINS, generator=torch.Generator().manual_seed(seed))
    features[torch.arange(max(lengths)) >= torch.tensor(lengths)[:, None]] = 0
    keys = combine(5, 6, torch.arange(len(lengths)))
    return Batch(tuple(f"u{i}" for i in range(len(lengths))), features, torch.tensor(lengths), keys)


@pytest.mark.parametrize("given", ENCODERS)
@pytest.mark.parametrize("shift", [1, 3])
def test_the_loss_is_that_of_a_loop(given: dict[str, Any], shift: int) -> None:
    model, whole = made("apart", shift, **given), batch(LENGTHS)
    sight = 7 if given.get("front_end") == "conv" else model.factor
    with torch.no_grad():
        found = model(whole)
        frames = found.encoded.frames.chunk(2, dim=2)
        for name, side, own in zip(("forward", "backward"), ("past", "future"), frames, strict=True):
            total, count = 0.0, 0
            for row, length in enumerate(LENGTHS):
                valid = own[row, : int(found.encoded.lengths[row])]
                guesses = model.heads[side].guess(valid).tolist()
                features = whole.features[row, :length].tolist()
                part = slow_reconstruction.prediction(features, guesses, model.factor, sight, shift, side == "future")
                total, count = total + part[0], count + part[1]
            term = found.terms[f"{name}_prediction"]
            assert count > 0
            assert (float(term.sum), int(term.count)) == (pytest.approx(total, rel=1e-5), count)
            assert term.weight == 0.5


@pytest.mark.parametrize("given", ENCODERS)
@pytest.mark.parametrize("shift", [1, 2])
def test_what_is_predicted_was_never_seen_and_its_neighbour_was(given: dict[str, Any], shift: int) -> None:
    model = made("apart", shift, **given)
    sight = 7 if given.get("front_end") == "conv" else model.factor
    t = 8
    for side, half, begin, last in (
        ("past", 0, t * model.factor + sight + (shift - 1) * model.factor, t * model.factor + sight - 1),
        ("future", 1, (t - shift) * model.factor, t * model.factor),
    ):
        features = torch.randn(1, 60, BINS, requires_grad=True)
        frames = model.encoder(features, torch.tensor([60])).frames.chunk(2, dim=2)[half]
        (model.heads[side].guess(frames[0, t]) * torch.randn(BINS * model.factor)).sum().backward()
        assert features.grad is not None
        touched = features.grad[0].abs().sum(dim=1) > 0
        assert not touched[begin : begin + model.factor].any()
        assert touched[last]
        assert not (touched[last + 1 :] if side == "past" else touched[:last]).any()


@pytest.mark.parametrize("context", ["past", "future"])
def test_a_frame_on_the_other_side_never_changes_an_earlier_output(context: str) -> None:
    model = made(context).eval()
    first, second = batch([40]), batch([40])
    changed = slice(25, 40) if context == "past" else slice(0, 15)
    second.features[:, changed] += 1
    with torch.no_grad():
        one, other = (model(b).encoded.frames[0] for b in (first, second))
    same = (one == other).all(dim=1)
    assert same.tolist() == [not changed.start <= t < changed.stop for t in range(40)]


def test_backwards_is_forwards_over_speech_turned_round() -> None:
    forward, backward = made("past"), made("future")
    backward.encoder.load_state_dict(
        {name.replace("forwards", "backwards"): value for name, value in forward.encoder.state_dict().items()}
    )
    backward.heads["future"].load_state_dict(forward.heads["past"].state_dict())
    whole = batch([30])
    turned = dataclasses.replace(whole, features=whole.features.flip(1))
    with torch.no_grad():
        torch.testing.assert_close(backward(turned).terms["prediction"].sum, forward(whole).terms["prediction"].sum)


def test_figures_are_what_guesses_without_learning_cost() -> None:
    model, whole = made("past", 3), batch([20])
    losses = model(whole)
    steps = whole.features[0]
    copied, count = losses.figures["copy_error"]
    assert float(copied / count) == pytest.approx(float((steps[3:] - steps[:-3]).abs().mean()), rel=1e-5)
    silent, count = losses.figures["zero_error"]
    assert float(silent / count) == pytest.approx(float(steps[3:].abs().mean()), rel=1e-5)
    assert int(count) == 17


def test_an_utterance_that_is_too_short_predicts_nothing() -> None:
    model = made("apart", 5)
    losses = model(batch([5, 6]))
    assert {name: int(term.count) for name, term in losses.terms.items()} == {
        "forward_prediction": 1,
        "backward_prediction": 1,
    }


def test_it_learns_a_motion_that_repeating_the_last_frame_does_not_follow() -> None:
    model = made("past", 3).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    steps, generator = torch.arange(40.0), torch.Generator().manual_seed(0)
    whole = batch([40] * 8)
    for _ in range(80):
        phases = torch.rand(8, 1, BINS, generator=generator) * 6.3
        waves = torch.sin(0.5 * steps[None, :, None] + phases)
        losses = model(dataclasses.replace(whole, features=waves))
        loss = losses.terms["prediction"].sum / losses.terms["prediction"].count
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    copied, count = losses.figures["copy_error"]
    assert float(loss.detach()) < 0.6 * float(copied / count)


def test_directions_draw_their_own_noise_and_padding_draws_for_nobody() -> None:
    keys = combine(5, 6, torch.arange(2))
    short, long = torch.ones(2, 4, dtype=torch.bool), torch.zeros(2, 9, dtype=torch.bool)
    long[:, :4] = True
    drawn = Noise(keys, short, 0).gumbel(3, 22)
    assert drawn.shape == (8, 3)
    assert torch.equal(drawn, Noise(keys, long, 0).gumbel(3, 22))
    assert not torch.equal(drawn, Noise(keys, short, 1).gumbel(3, 22))


@pytest.mark.parametrize("given", [{"name": "recurrent", "context": "both"}, {"name": "conformer"}])
def test_an_encoder_that_sees_everything_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="would predict what the encoder sees"):
        build(Config(), encoder(**given), build_spans(SpansConfig()))


def test_waveforms_have_no_frames_to_predict() -> None:
    with pytest.raises(ValueError, match="waveforms has none"):
        made("past", front_end="waveform", subsampling=160)


def test_a_shift_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Config(shift=0)
