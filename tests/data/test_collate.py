"""From a data directory to batches: archives and waveforms agree, crops agree, workers change nothing."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from masr.data.batch_config import Config as BatchingConfig
from masr.data.batching import Batches
from masr.data.collate import Known, Labels, Order, Preparation, Slice, Steps, spec_augment
from masr.data.dataset import ArchiveSource, Config, Input, frames_of, global_stats, samples_for
from masr.data.loader import prepared, read_ahead
from masr.errors import DataError
from masr.features.extract import extract
from masr.features.job import Plan
from masr.features.log_mel import Config as LogMelConfig
from masr.features.log_mel import build as build_log_mel
from masr.io.datadir import DataDir, write_datadir
from masr.maths.keyed_random import combine

CPU = torch.device("cpu")
WHOLE = Slice()
SECONDS = [0.4, 1.1, 0.9, 2.0, 0.7, 1.6]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    random = np.random.default_rng(0)
    utts = [f"s{i % 2}-u{i}" for i in range(6)]
    for utt, seconds in zip(utts, SECONDS, strict=True):
        tone = np.sin(np.arange(int(seconds * 16000)) * random.uniform(0.05, 0.5)) * 0.3
        soundfile.write(root / f"{utt}.wav", tone + random.normal(0, 0.05, len(tone)), 16000, subtype="PCM_16")
    write_datadir(
        root / "train",
        {
            "wav.scp": {utt: str(root / f"{utt}.wav") for utt in utts},
            "utt2spk": {utt: utt[:2] for utt in utts},
            "utt2lang": {utt: ["hin", "urd", "tam"][i % 3] for i, utt in enumerate(utts)},
        },
    )
    extract(DataDir.open(root / "train"), Plan(build_log_mel(LogMelConfig())))
    return root / "train"


def steps(folder: Path, seed: int = 3, max_frames: int = 300, waveform: bool = False, part: Slice = WHOLE) -> Steps:
    features = build_log_mel(LogMelConfig()) if waveform else None
    config = Config(source="waveform" if waveform else "archives", num_workers=0)
    lengths = frames_of(DataDir.open(folder))
    batches = Batches(lengths, BatchingConfig(batch_frames=400, min_frames=5, max_frames=max_frames), seed)
    labels = {"lang": Labels(Stream(), ["hin", None, "tam", "hin", "urd", "tam"], np.array([0, -1, 2, 0, 1, 2]))}
    return Steps(Input(folder, config, features), Order(batches, seed, part), Known(labels))


class Stream:
    tables = ("utt2lang",)
    num_dims = 1

    def codes(self, values: list[str | None]) -> np.ndarray:
        return np.array([[np.nan if v is None else len(v)] for v in values], dtype=np.float32)

    def similarity(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return (a == b.t()).float()


@pytest.mark.parametrize("max_frames", [300, 60])
def test_archives_and_waveforms_give_the_same_batches(folder: Path, max_frames: int) -> None:
    for step in range(6):
        (archive,), (waveform,) = (
            steps(folder, max_frames=max_frames)[step],
            steps(folder, max_frames=max_frames, waveform=True)[step],
        )
        assert archive.utts == waveform.utts
        config = Config(normalise="none")
        frames = Preparation(Input(folder, config), CPU)(archive, augment=False)
        made = Preparation(Input(folder, config, build_log_mel(LogMelConfig())), CPU)(waveform, augment=False)
        assert frames.lengths.tolist() == made.lengths.tolist()
        torch.testing.assert_close(frames.features, made.features, atol=1e-3, rtol=0)
        assert int(frames.lengths.max()) <= max_frames


def test_a_step_is_a_function_of_its_number(folder: Path) -> None:
    ahead = Config(num_workers=2)
    plain, workers = steps(folder), steps(folder)
    workers.given = replace(workers.given, config=ahead)
    preparation = Preparation(Input(folder, Config()), CPU)
    expected = [plain[step][0] for step in range(3, 9)]
    found = [micro[0] for micro in prepared(workers, preparation, 3, 9, augment=False)]
    for want, have in zip(expected, found, strict=True):
        assert want.utts == have.utts
        torch.testing.assert_close(preparation(want, augment=False).features, have.features)
        assert torch.equal(want.keys, have.keys)


def test_processes_that_read_are_told_what_a_step_holds(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan is as large as the corpus: on a node with 8 ranks of 8 readers each there would be 64 more."""
    workers, plan, trains = steps(folder), Batches.epoch, os.getpid()
    workers.given = replace(workers.given, config=Config(num_workers=2))

    def planned(self: Batches, number: int) -> list[Any]:
        if os.getpid() != trains:
            raise AssertionError("a reader made a plan")
        return plan(self, number)

    monkeypatch.setattr(Batches, "epoch", planned)
    assert len(list(read_ahead(workers, 0, 6))) == 6


def test_ranks_and_micro_batches_share_what_one_would_see(folder: Path) -> None:
    for step in range(4):
        whole = sorted(steps(folder)[step][0].utts)
        parts = [m for rank in range(2) for m in steps(folder, part=Slice(rank, 2, 2))[step]]
        assert sorted(utt for part in parts if not part.stand_in for utt in part.utts) == whole
        assert len(parts) == 4  # where there are fewer utterances, a stand-in keeps every rank at work
        for part in (part for part in parts if part.stand_in):
            assert len(part.utts) == 1 and part.utts[0] in whole
            assert all(bool((ids == -1).all()) for ids in part.labels.values())
            assert all(bool(codes.isnan().all()) for codes in part.codes.values())


def test_a_micro_batch_over_all_ranks_has_two_of_each_label_of_a_balanced_batch() -> None:
    random = np.random.default_rng(0)
    lengths, labels = random.integers(50, 300, 200), random.integers(-1, 10, 200)
    config = BatchingConfig(max_frames=300, stream="x", labels_per_batch=6, utterances_per_label=6)
    batches = Batches(lengths, config, 0, labels)
    for step in range(20):
        places = batches.at(step)
        ranks = [Slice(rank, 4, 3).parts(batches, places) for rank in range(4)]
        assert sorted(np.concatenate([part for parts in ranks for part in parts]).tolist()) == sorted(places.tolist())
        wanted = dict.fromkeys(set(labels[places].tolist()) - {-1}, 2)
        for number in range(3):
            held = labels[np.concatenate([parts[number] for parts in ranks])]
            assert {label: int((held == label).sum()) for label in wanted} == wanted


def test_labels_stand_with_their_utterances(folder: Path) -> None:
    data = DataDir.open(folder)
    for step in range(6):
        (batch,) = steps(folder)[step]
        for row, utt in enumerate(batch.utts):
            place = list(data.utts).index(utt)
            assert int(batch.labels["lang"][row]) == [0, -1, 2, 0, 1, 2][place]
            assert bool(batch.codes["lang"][row].isnan()) == (place == 1)


def test_normalisation(folder: Path) -> None:
    data = DataDir.open(folder)
    every = np.concatenate([ArchiveSource(data).read(i, 0, int(n)) for i, n in enumerate(frames_of(data))])
    stats = global_stats(data)
    np.testing.assert_allclose(stats[0, :-1] / stats[0, -1], every.mean(axis=0), atol=1e-3)
    for over in ("global", "speaker", "utterance"):
        source = steps(folder)
        source.given = Input(folder, Config(normalise=over))
        (batch,) = source[0]
        ready = Preparation(source.given, CPU)(batch, augment=False)
        for row, length in enumerate(ready.lengths.tolist()):
            assert not ready.features[row, length:].any()
            if over == "utterance":
                torch.testing.assert_close(ready.features[row, :length].mean(0), torch.zeros(80), atol=1e-3, rtol=0)
                torch.testing.assert_close(
                    ready.features[row, :length].std(0, unbiased=False), torch.ones(80), atol=1e-3, rtol=0
                )
    source = steps(folder)
    preparation = Preparation(source.given, CPU)
    frames = [preparation(source.batch(np.array([i]), 0), augment=False) for i in range(6)]
    together = torch.cat([f.features[0] for f in frames])
    torch.testing.assert_close(together.mean(0), torch.zeros(80), atol=1e-2, rtol=0)


def test_spec_augment_hides_what_was_asked_and_nothing_else() -> None:
    frames, lengths = torch.ones(50, 100, 20), torch.full((50,), 100)
    keys = combine(1, 2, torch.arange(50))
    config = Config(time_masks=2, max_time_mask=10, bin_masks=1, max_bin_mask=5)
    hidden = spec_augment(frames, lengths, keys, config) == 0
    rows, columns = hidden.all(dim=2).sum(1), hidden.all(dim=1).sum(1)
    assert rows.max() <= 20
    assert rows.float().mean() > 5
    assert columns.max() <= 5
    assert columns.float().mean() > 1
    assert torch.equal(hidden, hidden.all(2)[:, :, None] | hidden.all(1)[:, None])
    assert torch.equal(spec_augment(frames, lengths, keys, Config()), frames)


def test_samples_for_is_the_fewest() -> None:
    features = build_log_mel(LogMelConfig())
    for count in (1, 2, 7, 100):
        samples = samples_for(features, count)
        assert features.num_frames(samples) == count
        assert features.num_frames(samples - 1) == count - 1


def test_a_directory_without_features_says_what_to_do(tmp_path: Path) -> None:
    write_datadir(tmp_path / "x", {"wav.scp": {"a-1": "/x.wav"}, "utt2spk": {"a-1": "a"}})
    with pytest.raises(DataError, match=r"feats\.scp") as caught:
        ArchiveSource(DataDir.open(tmp_path / "x"))
    assert "masr features" in caught.value.fix
