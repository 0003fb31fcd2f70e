"""Language identification as an objective: which utterances count, open sets, calibration."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch

from masr.errors import DataError
from masr.masking.spans import Config as SpansConfig
from masr.masking.spans import build as build_spans
from masr.maths.keyed_random import combine
from masr.models.conformer import Config as ConformerConfig
from masr.models.conformer import build as build_conformer
from masr.objectives.lid import Config, Lid, build
from masr.types import Batch

THREE = ("hin", "nob", "urd")


def objective(**options: object) -> Lid:
    torch.manual_seed(0)
    small = ConformerConfig(num_bins=20, dim=32, num_layers=2, num_heads=4, feed_forward_dim=48, dropout=0.0)
    config = Config(**{"languages": THREE, **options})
    return build(config, build_conformer(small), build_spans(SpansConfig()))


def batch(labels: list[int], extra: int = 0) -> Batch:
    lengths = torch.tensor([90, 60, 40, 5])[: len(labels)]
    features = torch.randn(4, 90, 20, generator=torch.Generator().manual_seed(3))[: len(labels)]
    features = features.masked_fill((torch.arange(90) >= lengths[:, None])[:, :, None], 0.0)
    features = torch.nn.functional.pad(features, (0, 0, 0, extra))
    utts = tuple(f"u{n}" for n in range(len(labels)))
    keys = combine(0, 0, torch.arange(len(labels)))
    return Batch(utts, features, lengths, keys, labels={"utt2lang": torch.tensor(labels)})


HEADS = [
    {},
    {"layers": "mean"},
    {"pooling": "statistics"},
    {"pooling": "attention"},
    {"head": "ecapa", "loss": "aam"},
    {"loss": "aam", "layers": "mean"},
]


@pytest.mark.parametrize("options", HEADS, ids=str)
def test_every_head_learns_its_batch(options: dict) -> None:
    model = objective(**options).train()
    adam = torch.optim.Adam(model.parameters(), 3e-3)
    for step in range(40):
        model.advance(step)
        found = model(batch([0, 1, 2])).terms["classification"]
        adam.zero_grad()
        (found.sum / found.count).backward()
        adam.step()
    figures = model.eval()(batch([0, 1, 2])).figures
    assert [float(value) for value in figures["accuracy"]] == [3.0, 3.0]


@pytest.mark.parametrize("options", HEADS, ids=str)
def test_padding_and_company_never_change_probabilities(options: dict) -> None:
    model = objective(**options).eval()
    whole = batch([0, 1, 2])
    together, _ = model.log_probabilities(whole.features, whole.lengths)
    padded, _ = model.log_probabilities(batch([0, 1, 2], extra=13).features, whole.lengths)
    torch.testing.assert_close(padded, together, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(together.exp().sum(dim=1), torch.ones(3))
    for row in range(3):
        length = whole.lengths[row : row + 1]
        alone, _ = model.log_probabilities(whole.features[row : row + 1, : int(length)], length)
        torch.testing.assert_close(alone[0], together[row], atol=1e-5, rtol=1e-5)


def test_only_utterances_with_a_class_and_a_frame_count() -> None:
    model = objective().eval()
    found = model(batch([0, -1, 2, 1]))  # the last is too short for an encoded frame
    known = model(batch([0, 1, 2]))
    alone = [model(batch([0, -1, -1])), model(batch([-1, -1, 2]))]
    term = found.terms["classification"]
    assert float(term.count) == 2 and float(found.figures["accuracy"][1]) == 2
    torch.testing.assert_close(term.sum, sum(a.terms["classification"].sum for a in alone))
    assert float(known.terms["classification"].count) == 3


def test_margin_and_smoothing_are_for_training_alone() -> None:
    plain = objective(loss="aam", margin=0.0)
    wide = objective(loss="aam", margin=0.4, label_smoothing=0.2)
    one, other = (model.eval()(batch([0, 1, 2])).terms["classification"].sum for model in (plain, wide))
    assert torch.equal(one, other)
    one, other = (model.train()(batch([0, 1, 2])).terms["classification"].sum for model in (plain, wide))
    assert other > one


@pytest.mark.parametrize("training", [False, True])
def test_the_loss_of_angles_is_that_of_loops(training: bool) -> None:
    model, whole, labels = objective(loss="aam", scale=8.0, margin=0.3).train(training), batch([0, 1, 2]), [0, 1, 2]
    encoded, frames = model.encode(whole.features, whole.lengths)
    vectors = model.head(frames, encoded.lengths, torch.ones(3, dtype=torch.bool)).tolist()
    expected = 0.0
    for vector, label in zip(vectors, labels, strict=True):
        logits = []
        for number, weight in enumerate(model.head.classes.weight.tolist()):
            product = sum(a * b for a, b in zip(vector, weight, strict=True))
            angle = math.acos(product / math.hypot(*vector) / math.hypot(*weight))
            logits.append(8 * math.cos(angle + 0.3 * (training and number == label)))
        expected += math.log(sum(map(math.exp, logits))) - logits[label]
    assert float(model(whole).terms["classification"].sum.detach()) == pytest.approx(expected, rel=1e-4)


def test_calibration_keeps_the_order_and_lowers_the_loss() -> None:
    model = objective().eval()
    with torch.no_grad():
        model.head.classes.weight.mul_(30)  # far too sure
    batches = [batch([0, 1, 2]), dataclasses.replace(batch([1, 1, 0]), keys=combine(1, 1, torch.arange(3)))]

    def cost() -> float:
        total = 0.0
        for one in batches:
            found, _ = model.log_probabilities(one.features, one.lengths)
            total -= float(found.detach().gather(1, one.labels["utt2lang"][:, None]).sum())
        return total

    before, answers = cost(), model.log_probabilities(batches[0].features, batches[0].lengths)[0].argmax(1)
    found = model.calibrate(batches, lambda value: value)
    assert found["temperature"] == pytest.approx(float(model.temperature))
    assert found["temperature"] > 1.5
    assert cost() < before
    after = model.log_probabilities(batches[0].features, batches[0].lengths)[0].argmax(1)
    assert torch.equal(after, answers)
    assert model.calibrate(batches, lambda value: value) == pytest.approx(found)  # it does not build on the last one
    assert "temperature" in model.state_dict()


def test_the_languages_are_those_of_the_training_data() -> None:
    config = Config().completed({"urd", "hin", "nob"})
    assert config.languages == THREE and config.classes == THREE
    assert [config.number(label) for label in ("hin", "urd", "deu", None)] == [0, 2, -1, -1]
    assert Config(languages=("urd", "hin")).completed({"urd", "hin", "nob"}).classes == ("urd", "hin")


def test_an_open_set_has_a_class_for_all_others() -> None:
    config = Config(open_set=True, others=("nob",)).completed({"urd", "hin", "nob"})
    assert config.classes == ("hin", "urd", "other")
    assert [config.number(label) for label in ("hin", "urd", "nob", "deu", None)] == [0, 1, 2, 2, -1]
    named = Config(open_set=True, languages=("urd", "hin")).completed({"urd", "hin", "nob"})
    assert [named.number(label) for label in ("urd", "hin", "nob")] == [0, 1, 2]


@pytest.mark.parametrize(
    ("options", "found", "message"),
    [
        ({}, {"hin"}, "needs two"),
        ({}, set(), "needs two"),
        ({"languages": ("hin", "deu")}, {"hin", "urd"}, "deu"),
        ({"open_set": True}, {"hin", "urd"}, "nothing in the training data"),
        ({"open_set": True, "others": ("deu",)}, {"hin", "urd"}, "deu"),
    ],
)
def test_what_cannot_be_learnt_is_refused(options: dict, found: set[str], message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        Config(**options).completed(found)
    assert caught.value.fix


@pytest.mark.parametrize(
    "options",
    [
        {"languages": ("a", "a")},
        {"others": ("a",)},
        {"languages": ("a",), "others": ("a",), "open_set": True},
        {"languages": ("a", "other"), "open_set": True},
        {"dropout": 1.0},
        {"margin": 2.0},
        {"scale": 0.0},
    ],
)
def test_settings_that_contradict_are_refused(options: dict) -> None:
    with pytest.raises(ValueError):
        Config(**options)
