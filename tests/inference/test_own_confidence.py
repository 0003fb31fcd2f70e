"""Confidence of a model that saw no transcripts: the same in any company, and of what it says it is."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from masr.errors import ConfigError
from masr.features.log_mel import Config as LogMelConfig
from masr.features.log_mel import build as build_log_mel
from masr.inference.frame_scorer import FrameScorer
from masr.inference.load import Model
from masr.inference.own_confidence import CodeReader, FrameReader, Loudness, TwoPasses, dropping, own_dropout
from masr.masking.confidence import frame_confidence
from masr.types import Batch
from reference import slow_loudness
from small import objectives

PREDICT = ["best_rq", "hubert", "w2v_bert", "dinosr"]


def model(name: str = "best_rq") -> tuple[Model, nn.Module]:
    objective = objectives.make(name)
    features = build_log_mel(LogMelConfig(num_bins=20))
    return Model(objective.encoder, features, "utterance", None, torch.device("cpu")), objective


def reader(name: str = "best_rq") -> CodeReader:
    return CodeReader(*model(name), 0.01)


def rows(batch: Batch, *which: int) -> Batch:
    keep = list(which)
    length = int(batch.lengths[keep].max())
    return Batch(
        tuple(batch.utts[n] for n in keep), batch.features[keep, :length], batch.lengths[keep], batch.keys[keep]
    )


def scorers() -> dict[str, FrameScorer]:
    frames = FrameReader(model()[0], 0.01)
    return {
        **{name: FrameScorer(reader(name), "margin") for name in PREDICT},
        "cosine": TwoPasses(frames, "dropout_cosine", dropout=0.2),
        "agreement": TwoPasses(reader(), "dropout_agreement", dropout=0.2, temperature=0.2),
        "energy": Loudness(frames, "energy"),
        "activity": Loudness(frames, "voice_activity"),
    }


@pytest.mark.parametrize("name", list(scorers()))
def test_an_utterance_has_the_same_in_any_company(name: str) -> None:
    scorer, batch = scorers()[name], objectives.batch()
    found, lengths = scorer(batch, are_frames=True)
    assert torch.equal(lengths, scorer.emitter.num_encoded(batch.lengths))
    assert found.shape == (3, int(lengths.max()))
    assert 0 <= float(found.min()) <= float(found.max()) <= 1
    for which in ((0,), (2,), (2, 1)):
        again, sizes = scorer(rows(batch, *which), are_frames=True)
        for place, row in enumerate(which):
            size = int(sizes[place])
            torch.testing.assert_close(again[place, :size], found[row, :size], atol=2e-5, rtol=0)
    torch.manual_seed(1)
    torch.testing.assert_close(scorer(batch, are_frames=True)[0], found)


@pytest.mark.parametrize("name", PREDICT)
def test_codes_are_those_that_the_loss_is_of(name: str) -> None:
    """With a mask that hides nothing the objective's own prediction is what is read."""
    given, batch = reader(name), objectives.batch()
    found, lengths = given(batch)
    assert found.shape[:2] == (3, int(lengths.max()))
    torch.testing.assert_close(found.exp().sum(dim=-1), torch.ones(found.shape[:3]), atol=1e-5, rtol=0)
    objective = given.objective
    inputs, _ = given.model.ready(batch.features, batch.lengths)

    class Everything:
        def mask(self, lengths: torch.Tensor, *_: object) -> torch.Tensor:
            return torch.arange(int(lengths.max())) < lengths[:, None]

        def factors(self, *_: object) -> None:
            return None

    objective.masker = Everything()
    if hasattr(objective, "mask_embedding"):
        seen = objective.encoder.contextualise
        embedded, _ = objective.encoder.embed(inputs, batch.lengths)
        objective.encoder.contextualise = lambda _, lengths, **more: seen(embedded, lengths, **more)  # type: ignore[method-assign]
    else:
        objective.hide = lambda batch, _: batch.features
    losses = objective(replace(batch, features=inputs))
    every = torch.arange(found.shape[1]) < lengths[:, None]
    best = found.amax(dim=-1)[every]
    term = losses.terms["masked_prediction"]
    assert float(term.sum / term.count) >= float(-best.mean()) - 1e-4
    accuracy = losses.figures["masked_accuracy"]
    assert float(accuracy[1]) == best.numel()
    chosen = torch.bincount(found.argmax(dim=-1)[every].flatten(), minlength=12)
    counted = losses.histograms["predicted_code"]
    assert counted.flatten(0, -2).sum(dim=0).long().tolist() == chosen.tolist()


def test_temperature_and_measure_reach_the_codes() -> None:
    given, batch = reader(), objectives.batch()
    found, lengths = given(batch)
    values, _ = FrameScorer(given, "entropy", temperature=0.3)(batch, are_frames=True)
    wanted = frame_confidence(found, "entropy", temperature=0.3)
    torch.testing.assert_close(values[0, : int(lengths[0])], wanted[0, : int(lengths[0])])


def test_passes_differ_by_what_they_drop_and_agree_without() -> None:
    batch = objectives.batch()
    frames = FrameReader(model()[0], 0.01)
    little, much = (TwoPasses(frames, "dropout_cosine", dropout=p)(batch, True)[0][0] for p in (0.01, 0.5))
    assert float(much.mean()) < float(little.mean()) < 1
    assert float(much.std()) > 0
    same = TwoPasses(frames, "dropout_cosine", dropout=1e-9)(batch, True)[0][0]
    torch.testing.assert_close(same, torch.ones_like(same))
    said = reader()(rows(batch, 0))[0][0].exp()
    agreed = TwoPasses(reader(), "dropout_agreement", dropout=1e-9)(batch, True)[0][0]
    torch.testing.assert_close(agreed, (said * said).sum(dim=-1).mean(dim=-1))
    with pytest.raises(ConfigError, match="--dropout"):
        TwoPasses(frames, "dropout_cosine", dropout=own_dropout(frames.model.encoder))


def test_dropout_is_put_back() -> None:
    encoder = model()[0].encoder
    with dropping(encoder, 0.4):
        assert own_dropout(encoder) == 0.4
    assert own_dropout(encoder) == 0
    assert not any(module.training for module in encoder.modules())


def test_energy_is_that_of_the_frames_that_an_encoded_one_sees() -> None:
    frames, batch = FrameReader(model()[0], 0.01), objectives.batch()
    found, lengths = Loudness(frames, "energy")(batch, are_frames=True)
    for row, length in enumerate(lengths.tolist()):
        power = batch.features[row, : int(batch.lengths[row])].double().exp().sum(dim=1).tolist()
        wanted = slow_loudness.scaled(slow_loudness.frames(power, 1, 4, length))
        torch.testing.assert_close(found[row, :length], torch.tensor(wanted), atol=1e-4, rtol=0)


def test_energy_of_samples() -> None:
    """20 ms each, of which the first sees 25 ms: its power is that of the 20 ms in the middle of them."""

    class OfSamples(nn.Module):
        num_bins, subsampling, dim, num_layers = 1, 320, 4, 1

        def num_encoded(self, counts: torch.Tensor) -> torch.Tensor:
            return ((counts - 400) // 320 + 1).clamp(min=0)

    listener = FrameReader(Model(OfSamples(), None, "none", None, torch.device("cpu")), 1 / 16000)
    samples = torch.randn(2, 9000, generator=torch.Generator().manual_seed(0))
    samples = samples * torch.linspace(0.01, 1, 9000)
    lengths = torch.tensor([9000, 5000])
    samples[1, 5000:] = 0
    batch = Batch(("a", "b"), samples, lengths, torch.zeros(2, dtype=torch.int64))
    found, counts = Loudness(listener, "energy")(batch, are_frames=False)
    assert counts.tolist() == [27, 15]
    for row, count in enumerate(counts.tolist()):
        power = samples[row].double().square().tolist()
        wanted = slow_loudness.scaled(slow_loudness.frames(power, 40, 320, count))
        torch.testing.assert_close(found[row, :count], torch.tensor(wanted), atol=1e-4, rtol=0)
