"""Confidences stand with their frames in whole utterances and crops; those of something else are refused by name."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from masr.config import loads
from masr.data.batch_config import Config as BatchingConfig
from masr.data.batching import Batches
from masr.data.collate import Known, Order, Preparation, Steps
from masr.data.confidence import Confidences
from masr.data.content import content_of
from masr.data.dataset import Config, Input
from masr.errors import ConfigError, DataError
from masr.io.ark import ArchiveWriter
from masr.io.confidence import Facts, data_digest, write_facts
from masr.io.datadir import DataDir, write_datadir, write_table
from masr.models.conformer import Config as ConformerConfig
from masr.models.conformer import build as build_conformer
from masr.plugins import resolve
from masr.training.config import TrainConfig
from masr.training.encoded_frames import EncodedFrames, told
from masr.types import Encoder

FRAMES = [123, 200, 47, 5, 318]
UTTS = [f"s-u{i}" for i in range(len(FRAMES))]
FACTS = Facts("max", False, 0.04, 4, False, "exp/scorer", "abc", "data/x", "def", 5, 100, 1, 0.5)


def encoder(subsampling: int = 4) -> Encoder:
    sizes = {"num_bins": 8, "dim": 16, "num_layers": 1, "num_heads": 2, "feed_forward_dim": 16}
    made: Encoder = build_conformer(ConformerConfig(subsampling=subsampling, **sizes))
    return made


def store(folder: Path, lengths: list[int], utts: list[str] | None = None, facts: Facts = FACTS) -> None:
    """Each value says its utterance and its place."""
    with ArchiveWriter(folder / "data" / "confidence.1.1.ark") as archive:
        for number, (utt, length) in enumerate(zip(utts or UTTS, lengths, strict=True)):
            if length:
                archive.append(utt, (number * 1000 + np.arange(length, dtype=np.float32)) / 10000)
    write_table(folder / "confidence.scp", archive.rows)
    write_facts(folder, replace(facts, data_digest=data_digest(utts or UTTS, np.array(lengths))))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    data = tmp_path / "train"
    with ArchiveWriter(data / "data" / "feats.ark") as archive:
        for number, count in enumerate(FRAMES):
            frames = np.zeros((count, 8), np.float32)
            frames[:, 0], frames[:, 1] = number, np.arange(count)
            archive.append(UTTS[number], frames)
    tables = {
        "wav.scp": {utt: f"/{utt}.wav" for utt in UTTS},
        "utt2spk": dict.fromkeys(UTTS, "s"),
        "feats.scp": archive.rows,
        "utt2num_frames": {utt: str(count) for utt, count in zip(UTTS, FRAMES, strict=True)},
    }
    write_datadir(data, tables)
    store(data, encoded(encoder()))
    return data


def encoded(model: Encoder, frames: list[int] = FRAMES) -> list[int]:
    found: list[int] = model.num_encoded(torch.tensor(frames)).tolist()
    return found


def config(data: Path, text: str = "masking: {name: ask2mask}") -> TrainConfig:
    return loads(TrainConfig, f"train: {data}\nbatching: {{max_frames: 400, min_frames: 1}}\n{text}", resolve=resolve)


def read(data: Path, text: str = "masking: {name: ask2mask}", subsampling: int = 4) -> Confidences | None:
    return EncodedFrames(config(data, text), encoder(subsampling)).confidences(DataDir.open(data))


@pytest.mark.parametrize("max_frames", [400, 90])
def test_each_encoded_frame_has_its_own(folder: Path, max_frames: int) -> None:
    settings = replace(config(folder), batching=BatchingConfig(batch_frames=800, min_frames=1, max_frames=max_frames))
    data, model = DataDir.open(folder), encoder()
    confidences = EncodedFrames(settings, model).confidences(data)
    lengths = np.array(FRAMES)
    batches = Batches(lengths, settings.batching, 0)
    given = Input(folder, Config(num_workers=0, normalise="none"), lengths=lengths)
    steps = Steps(given, Order(batches, 0), Known(confidences=confidences))
    crops = 0
    for step in range(12):
        (batch,) = steps[step]
        batch = Preparation(given, torch.device("cpu"))(batch, augment=False)
        counts = model.num_encoded(batch.lengths)
        assert batch.confidence is not None
        assert batch.confidence.shape == (len(counts), max(1, int(counts.max())))
        for row, count in enumerate(counts.tolist()):
            number, first = int(batch.features[row, 0, 0]), int(batch.features[row, 0, 1])
            assert first % 4 == 0
            crops += first > 0
            expected = (number * 1000 + first // 4 + torch.arange(count)) / 10000
            torch.testing.assert_close(batch.confidence[row, :count], expected)
            assert not batch.confidence[row, count:].any()
    assert (crops > 0) == (max_frames == 90)


def test_they_are_read_only_where_they_are_wanted(folder: Path) -> None:
    assert read(folder) is not None
    assert read(folder, "masking: {name: spans}") is None
    assert read(folder, "masking: {name: ask2mask, strategy: random}") is None
    assert read(folder, "masking: {name: ask2mask, strategy: random, scale: utterance}") is not None
    assert told(read(folder)) == {"confidences": ["max", False, 0.04, 4, "abc"]}
    assert told(None) == {}


def test_a_folder_of_one_scorer_of_several(folder: Path, tmp_path: Path) -> None:
    store(tmp_path / "margin" / "train", encoded(encoder()), facts=replace(FACTS, measure="margin"))
    found = read(folder, f"confidence: {tmp_path / 'margin'}")
    assert found is not None
    assert found.facts.measure == "margin"
    with pytest.raises(DataError, match=r"none/train has no confidence\.scp") as caught:
        read(folder, f"confidence: {tmp_path / 'none'}")
    assert f"masr confidence SCORER {folder} {tmp_path / 'none' / 'train'}" in caught.value.fix


def test_what_was_not_scored_says_how_to(folder: Path) -> None:
    (folder / "confidence.scp").unlink()
    with pytest.raises(DataError, match=r"has no confidence\.scp") as caught:
        read(folder)
    assert f"masr confidence SCORER {folder}" in caught.value.fix


def test_another_rate_names_both(folder: Path) -> None:
    with pytest.raises(DataError, match=r"every 40 ms \(25 a second\).*every 20 ms \(50 a second\)") as caught:
        read(folder, subsampling=2)
    assert "by 4 and the encoder by 2" in caught.value.why


def test_another_length_is_refused_before_training(folder: Path) -> None:
    lengths = encoded(encoder())
    store(folder, [*lengths[:-1], lengths[-1] + 1])
    with pytest.raises(DataError, match=rf"s-u4 has confidences of shape \({lengths[-1] + 1},\).*makes {lengths[-1]}"):
        read(folder)


def test_another_corpus_is_refused_before_training(folder: Path) -> None:
    store(folder, encoded(encoder()), [utt.replace("s-", "t-") for utt in UTTS])
    with pytest.raises(DataError, match="no confidences of s-u0") as caught:
        read(folder)
    assert "data/x" in caught.value.why


def test_a_directory_that_changed_after_it_was_scored_is_refused(folder: Path) -> None:
    store(folder, [*encoded(encoder()), 9], [*UTTS, "s-u9"])
    with pytest.raises(DataError, match=r"of 5 utterances of data/x, and the 5 of .*train are others") as caught:
        read(folder)
    assert f"masr confidence exp/scorer {folder} --replace" in caught.value.fix


def test_the_same_names_and_lengths_of_other_speech_are_refused(folder: Path) -> None:
    sounds(folder, 0.1)
    content = content_of(DataDir.open(folder))
    assert set(content) == set(UTTS)
    store(folder, encoded(encoder()), facts=replace(FACTS, content=content))
    assert read(folder) is not None
    sounds(folder, 0.1, noise=0.02)
    with pytest.raises(DataError, match=r"other speech than .*: s-u0 has the length") as caught:
        read(folder)
    assert "masr confidence exp/scorer" in caught.value.fix


def sounds(folder: Path, loudness: float, noise: float = 0.0) -> None:
    """A hum for each utterance, perhaps with noise over it."""
    random = np.random.default_rng(0)
    for utt, count in zip(UTTS, FRAMES, strict=True):
        hum = loudness * np.sin(0.2 * np.arange(count * 160 + 240)) + noise * random.standard_normal(count * 160 + 240)
        soundfile.write(folder / f"{utt}.wav", hum, 16000)
    write_table(folder / "wav.scp", {utt: f"{folder}/{utt}.wav" for utt in UTTS})


def test_numbers_that_are_no_probabilities(folder: Path) -> None:
    with ArchiveWriter(folder / "data" / "confidence.1.1.ark") as archive:
        for utt, length in zip(UTTS, encoded(encoder()), strict=True):
            if length:
                archive.append(utt, np.full(length, -0.1, np.float32))
    write_table(folder / "confidence.scp", archive.rows)
    found = read(folder)
    assert found is not None
    with pytest.raises(DataError, match="s-u1 has confidences outside 0 to 1"):
        found.read(("s-u1",), np.array([1]), np.array([0]), np.array([200]))


def test_facts_are_needed_and_are_what_the_scorer_wrote(folder: Path) -> None:
    record = asdict(FACTS)
    del record["frame_shift_sec"]
    (folder / "confidence.json").write_text(json.dumps(record))
    with pytest.raises(DataError, match="frame_shift_sec"):
        read(folder)


def test_stored_and_asked_for_at_once(folder: Path) -> None:
    both = f"masking: {{name: ask2mask}}\nconfidence: {folder}\nscorer: exp/scorer"
    with pytest.raises(ConfigError, match="both confidence and scorer"):
        read(folder, both)
    assert read(folder, "masking: {name: ask2mask}\nscorer: exp/scorer") is None


def test_crops_are_as_long_as_the_encoder_makes_them(folder: Path) -> None:
    counts = EncodedFrames(config(folder), encoder()).by_input()
    assert counts.tolist() == encoded(encoder(), list(range(401)))
