"""Missing labels, similarities that are NaN and utterances without a place are counted on the screen, or refused."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from masr.config import loads
from masr.data.labels import Column, Corruption, label_set, labels_of
from masr.errors import DataError
from masr.io.datadir import DataDir, write_datadir
from masr.plugins import resolve
from masr.training.config import TrainConfig
from masr.training.label_classes import class_labels
from masr.training.left_out import left_out
from masr.types import FloatArray


class Alphabet:
    """Labels are as alike as their letters are near; nothing is known of 'x'."""

    tables = ("utt2lang",)
    num_dims = 1

    def codes(self, labels: Sequence[str | None]) -> FloatArray:
        return np.array([[np.nan if not label or label == "x" else ord(label)] for label in labels], dtype=np.float32)

    def similarity(self, a: Tensor, b: Tensor) -> Tensor:
        return torch.exp(-(a - b.t()).abs())


def said(
    folder: Path,
    labels: str,
    more: str = "",
    drop: float = 0.0,
    lengths: Sequence[int] = (),
    streams: str = "[{name: lang, warmup_steps: 0}]",
) -> list[str]:
    """What is said of a data directory with a label for each letter; a dot is an utterance without one."""
    utts = [f"u{place}" for place in range(len(labels))]
    tables = {"utt2spk": dict.fromkeys(utts, "u"), "wav.scp": {utt: f"/{utt}.wav" for utt in utts}}
    tables["utt2lang"] = {utt: label for utt, label in zip(utts, labels, strict=True) if label != "."}
    write_datadir(folder, tables)
    data = DataDir.open(folder)
    text = f'train: "{folder}"\nstreams: {streams}\n{more}'
    config = loads(TrainConfig, text, resolve=resolve)
    column = Column(data, Alphabet.tables)
    found = labels_of(column, Alphabet(), label_set([column]), Corruption(drop=drop))
    names = {"lang": found} if config.streams else class_labels(config, data)
    return list(left_out(config, data, names, np.array(lengths or [100] * len(labels))))


def test_where_all_is_learnt_nothing_is_said(tmp_path: Path) -> None:
    assert said(tmp_path, "abab") == []
    assert said(tmp_path, "abab", drop=0.5) == [], "labels that are taken away on purpose"


def test_missing_labels_are_counted(tmp_path: Path) -> None:
    (line,) = said(tmp_path, "a.b.")
    assert line == f"{tmp_path}: 2 of 4 utterances have no label of lang: its loss leaves them out, such as u1"


def test_nan_similarities_are_counted(tmp_path: Path) -> None:
    (line,) = said(tmp_path, "abxa")
    assert line == (
        f"{tmp_path}: 2 of 3 pairs of labels of lang have no similarity: its loss leaves them out, such as a and x"
    )
    assert said(tmp_path, "abxa", streams="[{name: lang, mining: label, warmup_steps: 0}]") == [], "none is asked for"


def test_labels_that_are_no_class_of_the_training_data_are_counted(tmp_path: Path) -> None:
    objective = "init: null\nobjective: {name: lid, languages: [a, b]}\n"
    (line,) = said(tmp_path, "abc.", objective, streams="[]")
    assert line.startswith(
        f"{tmp_path}: 2 of 4 utterances have no label, or one that is no class of the training data,"
    )


def test_a_stream_without_a_label_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no utterance has a label of lang") as found:
        said(tmp_path, "....")
    assert "weight as 0" in found.value.fix


def test_a_stream_of_one_label_is_said_to_have_no_negatives(tmp_path: Path) -> None:
    (line,) = said(tmp_path, "aaaa")
    assert line == f"{tmp_path}: all utterances have the same label of lang, a: its loss has no negatives"


def test_utterances_without_a_place_in_a_batch_are_counted(tmp_path: Path) -> None:
    lines = said(tmp_path, "abab", "batching: {crop: false}\n", lengths=[5, 100, 9999, 6])
    assert lines == [
        f"{tmp_path}: 2 of 4 utterances are shorter than batching.min_frames and left out, such as u0",
        f"{tmp_path}: 1 of 4 utterances are longer than batching.max_frames and left out, such as u2",
    ]
    assert len(said(tmp_path, "abab", lengths=[50, 100, 9999, 60])) == 0, "longer ones are cropped"
