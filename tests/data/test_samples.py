"""The audio of a data directory by place: whole, in pieces, as segments, out of shards."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from masr.data.batch_config import Config as BatchingConfig
from masr.data.batching import Batches
from masr.data.collate import Known, Order, Steps, Targets
from masr.data.dataset import Config, Input, SampleSource, WaveformSource, lengths_of
from masr.data.samples import Samples
from masr.errors import DataError
from masr.features.log_mel import Config as LogMelConfig
from masr.features.log_mel import build
from masr.io.ark import ArchiveWriter
from masr.io.audio import read_audio
from masr.io.datadir import DataDir, write_datadir, write_table

RATE = 16000
SIZES = {"a": 8_123, "b": 16_000, "c": 4_801}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, size in SIZES.items():
        samples = np.random.default_rng(size).uniform(-0.5, 0.5, size)
        soundfile.write(tmp_path / f"{name}.wav", samples, RATE, subtype="PCM_16")
    waves = {name: str(tmp_path / f"{name}.wav") for name in SIZES}
    write_datadir(tmp_path / "data", {"wav.scp": waves, "utt2spk": {name: name for name in SIZES}})
    return tmp_path / "data"


def audio(folder: Path, name: str) -> np.ndarray:
    return read_audio(str(folder.parent / f"{name}.wav"))


def test_lengths_come_from_headers_where_nothing_else_says(folder: Path) -> None:
    assert Samples(DataDir.open(folder), RATE).num_samples.tolist() == list(SIZES.values())
    write_table(folder / "utt2dur", {name: f"{size / RATE:.6f}" for name, size in SIZES.items()})
    assert Samples(DataDir.open(folder), RATE).num_samples.tolist() == list(SIZES.values())


def test_rounded_durations_are_met_and_wrong_ones_are_not(folder: Path) -> None:
    write_table(folder / "utt2dur", {"a": "0.51", "b": "1.01", "c": "0.40"})
    samples = Samples(DataDir.open(folder), RATE)
    assert [len(samples.read(n, 0, int(samples.num_samples[n]))) for n in (0, 1)] == [8_160, 16_160]
    assert not samples.read(1, 0, 16_160)[16_000:].any()
    with pytest.raises(DataError, match="shorter than utt2dur says"):
        samples.read(2, 0, 6_400)


def test_segments_are_cut_where_their_times_round_to(folder: Path) -> None:
    rows = {"a-1": "a 0.10003 0.40001", "b-1": "b 0.25 -1", "b-2": "b 0.5 0.75"}
    reco = {name: str(folder.parent / f"{name}.wav") for name in SIZES}
    tables = {"wav.scp": reco, "segments": rows, "utt2spk": {utt: utt[0] for utt in rows}}
    tables["utt2dur"] = {"a-1": "0.29998", "b-1": "0.75", "b-2": "0.25"}
    tables["utt2num_frames"] = {"a-1": "28", "b-1": "73", "b-2": "23"}
    write_datadir(folder, tables)
    data = DataDir.open(folder)
    samples, source = Samples(data, RATE), WaveformSource(data, build(LogMelConfig()))
    for place, (name, first) in enumerate([("a", 1600), ("b", 4000), ("b", 8000)]):
        whole = audio(folder, name)[first:]
        np.testing.assert_array_equal(samples.read(place, 100, 2000), whole[100:2100])
        np.testing.assert_array_equal(source.read(place, 3, 10), whole[480 : 480 + 400 + 9 * 160])
    assert len(samples.read(0, 0, int(samples.num_samples[0]))) == 4800


def test_pieces_of_ten_milliseconds_keep_the_rest_at_the_end(folder: Path) -> None:
    source = SampleSource(DataDir.open(folder), RATE)
    assert source.num_frames.tolist() == [50, 100, 30]
    np.testing.assert_array_equal(source.read(0, 0, 50), audio(folder, "a"))
    np.testing.assert_array_equal(source.read(0, 48, 2), audio(folder, "a")[48 * 160 :])
    np.testing.assert_array_equal(source.read(0, 10, 5), audio(folder, "a")[1600:2400])


@pytest.mark.parametrize("subsampling", [40, 320])
def test_targets_stand_under_the_samples_they_were_made_for(folder: Path, tmp_path: Path, subsampling: int) -> None:
    """Targets that say which sample their frame begins at come out as the crop's own."""
    field = 400

    def num_encoded(count: np.ndarray) -> np.ndarray:
        return np.maximum(0, (count - field) // subsampling + 1)

    with ArchiveWriter(tmp_path / "targets.ark") as archive:
        for name, size in SIZES.items():
            archive.append(name, np.arange(int(num_encoded(np.array(size))), dtype=np.float32))
    write_table(tmp_path / "targets.scp", archive.rows)
    targets = Targets(tmp_path, subsampling, num_encoded(np.arange(41 * 160)))
    config = Config(source="samples", num_workers=0)
    lengths = lengths_of(config, DataDir.open(folder), RATE)
    batches = Batches(lengths, BatchingConfig(batch_frames=120, min_frames=1, max_frames=40), 0)
    steps = Steps(Input(folder, config), Order(batches, 0), Known(targets=targets))
    moved = 0
    for step in range(12):
        (batch,) = steps[step]
        assert batch.targets is not None
        for row, utt in enumerate(batch.utts):
            found = batch.targets[row][batch.targets[row] >= 0]
            assert len(found) == int(num_encoded(batch.lengths[row].numpy()))
            start = int(found[0]) * subsampling
            moved += start > 0
            crop = torch.from_numpy(audio(folder, utt)[start : start + int(batch.lengths[row])])
            assert torch.equal(batch.features[row, : len(crop)], crop)
            assert found.tolist() == list(range(int(found[0]), int(found[0]) + len(found)))
    assert moved > 5
