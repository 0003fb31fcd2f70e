"""CTC as an objective: what it learns, what it counts, intermediate blocks."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pytest
import torch
from torch import nn

from masr.losses.ctc import ctc
from masr.masking.spans import Config as SpansConfig
from masr.masking.spans import build as build_spans
from masr.maths.keyed_random import combine
from masr.models.conformer import Config as ConformerConfig
from masr.models.conformer import build as build_conformer
from masr.objectives.ctc import Config, Ctc, best_path, build
from masr.types import Batch
from masr.units import characters

UNITS = characters.train(characters.Config(), ["ab c"])
TEXTS = ("ab c", "c a", "b")


def conformer(**options: object) -> nn.Module:
    torch.manual_seed(0)
    small = {"num_bins": 20, "dim": 32, "num_layers": 3, "num_heads": 4, "feed_forward_dim": 48, "dropout": 0.0}
    return build_conformer(ConformerConfig(**{**small, **options}))  # type: ignore[arg-type]


def objective(**options: object) -> Ctc:
    config = Config(num_units=UNITS.size, **options)  # type: ignore[arg-type]
    model = build(config, conformer(), build_spans(SpansConfig()))
    model.units = UNITS
    return model


def batch(texts: Sequence[str] = TEXTS, extra: int = 0) -> Batch:
    lengths = torch.tensor([90, 60, 40])[: len(texts)]
    features = torch.randn(3, 90, 20, generator=torch.Generator().manual_seed(3))[: len(texts)]
    features = features.masked_fill((torch.arange(90) >= lengths[:, None])[:, :, None], 0.0)
    features = nn.functional.pad(features, (0, 0, 0, extra))
    ids = [UNITS.encode(text) for text in texts]
    transcripts = torch.tensor([row + [-1] * (6 - len(row)) for row in ids])
    utts = tuple(f"u{n}" for n in range(len(texts)))
    return Batch(
        utts, features, lengths, combine(0, 0, torch.arange(len(texts))), transcripts=transcripts, texts=tuple(texts)
    )


OPTIONS = [{}, {"layers": "mean"}, {"intermediate": (1,)}, {"layers": "mean", "intermediate": (1, 2)}]


@pytest.mark.slow
@pytest.mark.parametrize("options", [OPTIONS[0], OPTIONS[-1]], ids=str)
def test_it_learns_its_batch_by_heart(options: dict[str, object]) -> None:
    model = objective(**options).train()
    adam = torch.optim.Adam(model.parameters(), 5e-3)
    assert float(model.eval()(batch()).figures["wer"][0]) > 0
    for _ in range(150):
        losses = model.train()(batch())
        adam.zero_grad()
        sum(term.weight * term.sum / term.count for term in losses.terms.values()).backward()
        adam.step()
    figures = model.eval()(batch()).figures
    assert [float(value) for value in figures["wer"]] == [0.0, 5.0]
    assert [float(value) for value in figures["cer"]] == [0.0, 8.0]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_padding_and_company_change_no_probability(options: dict[str, object]) -> None:
    model = objective(**options).eval()
    whole = batch()
    together, lengths = model.log_probabilities(whole.features, whole.lengths)
    padded, _ = model.log_probabilities(batch(extra=17).features, whole.lengths)
    torch.testing.assert_close(together.exp().sum(dim=2), torch.ones(together.shape[:2]))
    for row, size in enumerate(lengths.tolist()):
        torch.testing.assert_close(padded[row, :size], together[row, :size], atol=1e-5, rtol=1e-5)
        length = whole.lengths[row : row + 1]
        alone, _ = model.log_probabilities(whole.features[row : row + 1, : int(length)], length)
        torch.testing.assert_close(alone[0], together[row, :size], atol=1e-5, rtol=1e-5)


def test_intermediate_blocks_share_the_loss() -> None:
    model = objective(intermediate=(1, 2), intermediate_weight=0.4).eval()
    terms = model(batch()).terms
    assert {name: term.weight for name, term in terms.items()} == pytest.approx(
        {"ctc": 0.6, "ctc_block1": 0.2, "ctc_block2": 0.2}
    )
    encoded, _ = model.encode(batch().features, batch().lengths)
    assert model.inner_norm is not None
    scores = model.output(model.inner_norm(encoded.layers[1])).log_softmax(dim=2)
    expected = ctc(scores, encoded.lengths, batch().transcripts)  # type: ignore[arg-type]
    torch.testing.assert_close(terms["ctc_block1"].sum, expected.sum)


def test_errors_are_summed_over_the_set() -> None:
    model = objective().eval()

    def say(texts: Sequence[str]) -> None:
        """Writes texts into the output: frame t of utterance n says its t-th unit, then blanks."""

        def score(frames: torch.Tensor) -> torch.Tensor:
            found = torch.full((*frames.shape[:2], UNITS.size), -9.0)
            found[:, :, 0] = -1.0
            found[1:, -1, 3] = 0.0  # past the end of the shorter ones: nobody may read it
            for row, text in enumerate(texts):
                for frame, unit in enumerate(UNITS.encode(text)):
                    found[row, frame, unit] = 0.0
            return found

        model.score = score  # type: ignore[method-assign]

    say(["ab c", "c", "ba"])  # right; a word of two left out; a word wrong, one character too many
    figures = model(batch()).figures
    assert [float(value) for value in figures["wer"]] == [2.0, 5.0]
    assert [float(value) for value in figures["cer"]] == [3.0, 8.0]
    say(["ab c", "c"])
    untold = dataclasses.replace(batch(["ab c", "c a"]), transcripts=torch.full((2, 6), -1))
    losses = model(untold)  # not learnt from, and read all the same
    assert float(losses.terms["ctc"].count) == 0 and float(losses.figures["wer"][1]) == 4


def test_nothing_is_read_in_training() -> None:
    assert objective().train()(batch()).figures == {}
    model = objective().eval()
    model.units = None
    assert model(batch()).figures == {}


def test_best_paths() -> None:
    assert best_path([0, 3, 3, 0, 3, 2, 2]) == [3, 3, 2]
    assert best_path([4, 4]) == [4]
    assert best_path([]) == best_path([0, 0]) == []


@pytest.mark.parametrize(
    "options",
    [
        {"dropout": 1.0},
        {"intermediate_weight": 0.0},
        {"intermediate": (0,)},
        {"intermediate": (1, 1)},
        {"num_units": 1},
    ],
)
def test_settings_that_contradict_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        Config(**options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "encoder", "says"),
    [
        ({}, {}, "num_units is not known"),
        ({"num_units": 5, "intermediate": (3,)}, {}, "3 is not below the last of 3"),
        ({"num_units": 5, "intermediate": (1,)}, {"layer_drop": 0.1}, "layer_drop leaves blocks out"),
    ],
)
def test_what_does_not_fit_the_encoder_is_refused(
    options: dict[str, object], encoder: dict[str, object], says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        build(Config(**options), conformer(**encoder), build_spans(SpansConfig()))  # type: ignore[arg-type]
