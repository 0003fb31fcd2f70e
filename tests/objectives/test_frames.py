"""A classifier of frames: what it learns, what it counts, which frames it leaves out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from masr.errors import DataError
from masr.masking.spans import Config as SpansConfig
from masr.masking.spans import build as build_spans
from masr.models.conformer import Config as ConformerConfig
from masr.models.conformer import build as build_conformer
from masr.objectives.frames import Config, Frames, build
from masr.types import Batch
from small import objectives

CLASSES = ("SIL", *"abcdefghijk")


def objective(**options: Any) -> Frames:
    torch.manual_seed(0)
    small = ConformerConfig(num_bins=20, dim=32, num_layers=2, num_heads=4, feed_forward_dim=48, dropout=0.0)
    return build(Config(classes=CLASSES, **options), build_conformer(small), build_spans(SpansConfig()))


def slow(model: Frames, batch: Batch) -> tuple[float, int, int, int, int]:
    """Loss, labelled frames, right ones, labelled speech and right speech, one frame after another."""
    said, lengths = model.code_log_probabilities(batch.features, batch.lengths)
    assert batch.targets is not None
    loss, count, right, speech, right_speech = 0.0, 0, 0, 0, 0
    for row, length in enumerate(lengths.tolist()):
        for place in range(length):
            label = int(batch.targets[row, place])
            if label < 0:
                continue
            scores = said[row, place, 0].tolist()
            weight = 1.0 if batch.weights is None else float(batch.weights[row])
            loss -= weight * scores[label]
            is_right = scores[label] == max(scores)
            count, right = count + 1, right + is_right
            speech, right_speech = speech + (label > 0), right_speech + (is_right and label > 0)
    return loss, count, right, speech, right_speech


@pytest.mark.parametrize("layers", ["last", "mean"])
@torch.no_grad()
def test_it_is_cross_entropy_over_labelled_frames(layers: str) -> None:
    model, batch = objective(layers=layers).eval(), objectives.batch()
    assert batch.targets is not None
    targets = batch.targets.clone()
    targets[0, 3:9] = -1
    targets[1, :5] = 0
    batch = replace(batch, targets=targets, weights=torch.tensor([1.0, 0.5, 2.0]))
    losses = model(batch)
    loss, count, right, speech, right_speech = slow(model, batch)
    assert float(losses.terms["frames"].sum) == pytest.approx(loss, rel=1e-5)
    assert float(losses.terms["frames"].count) == count
    assert [float(value) for value in losses.figures["frame_accuracy"]] == [right, count]
    assert [float(value) for value in losses.figures["speech_accuracy"]] == [right_speech, speech]
    assert speech < count


@pytest.mark.slow
def test_it_learns_its_batch_by_heart() -> None:
    model, batch = objective().train(), objectives.batch()
    adam = torch.optim.Adam(model.parameters(), 5e-3)
    for _ in range(150):
        term = model(batch).terms["frames"]
        adam.zero_grad()
        (term.sum / term.count).backward()
        adam.step()
    right, count = model.eval()(batch).figures["frame_accuracy"]
    assert float(right / count) > 0.95


def test_classes_are_the_phones_of_the_training_data() -> None:
    found = {"AH0", "AH1", "B", "sil", "", "x1"}
    config = Config().completed(found)
    assert config.classes == ("SIL", "AH", "B", "x1")
    assert [config.number(phone) for phone in ("AH2", "sil", "", "SIL", "x1", "Z")] == [1, 0, 0, 0, 3, -1]
    assert Config(merge_stress=False).completed(found).classes == ("SIL", "AH0", "AH1", "B", "x1")
    with pytest.raises(DataError, match="no phone Q"):
        Config(classes=("SIL", "B", "Q")).completed(found)
    with pytest.raises(DataError, match="learning needs two"):
        Config().completed({"A", "sil"})
    for wrong in (("B", "SIL"), ("SIL", "B", "B")):
        with pytest.raises(ValueError, match="begin with SIL"):
            Config(classes=wrong)


def test_a_batch_without_labels_is_refused() -> None:
    with pytest.raises(DataError, match="no labels of frames"):
        objective()(replace(objectives.batch(), targets=None))
    targets = objectives.batch().targets
    assert targets is not None
    with pytest.raises(DataError, match="fewer labels"):
        objective()(replace(objectives.batch(), targets=targets[:, :5]))
