from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from masr.errors import ArchiveError, AudioError
from masr.io.audio import read_audio
from masr.io.shards import ShardWriter


def noise(seed: int, num_samples: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(-32768, 32768, num_samples, dtype=np.int16)


def write(path: Path, utterances: dict[str, np.ndarray]) -> dict[str, str]:
    with ShardWriter(path) as shard:
        return {key: shard.append(key, samples)[0] for key, samples in utterances.items()}


def test_what_goes_in_comes_out_through_every_reader(tmp_path) -> None:
    folder = tmp_path / "a folder ü"
    utterances = {f"utt{'x' * i}": noise(i, 100 + i) for i in range(4)}
    entries = write(folder / "wav.1.ark", utterances)
    for key, samples in utterances.items():
        np.testing.assert_array_equal(read_audio(entries[key]), samples / np.float32(32768))
        offset = int(entries[key].rpartition(":")[2])
        mapped = np.memmap(folder / "wav.1.ark", "<i2", "r", offset=offset + 44, shape=len(samples))
        np.testing.assert_array_equal(mapped, samples)


def test_independent_readers_agree(tmp_path) -> None:
    kaldi_native_io = pytest.importorskip("kaldi_native_io")
    utterances = {f"utt{'x' * i}": noise(i, 1000 + i) for i in range(3)}
    entries = write(tmp_path / "wav.1.ark", utterances)
    (tmp_path / "wav.scp").write_text("".join(f"{key} {entry}\n" for key, entry in entries.items()))
    for how in (f"scp:{tmp_path}/wav.scp", f"ark:{tmp_path}/wav.1.ark"):
        with kaldi_native_io.SequentialWaveReader(how) as reader:
            found = {key: np.array(wave.data.numpy()[0]) for key, wave in reader}
        assert found.keys() == utterances.keys()
        for key, samples in utterances.items():
            np.testing.assert_array_equal(found[key], samples.astype(np.float32))


def test_kaldiio_agrees(tmp_path) -> None:
    kaldiio = pytest.importorskip("kaldiio")
    entries = write(tmp_path / "wav.1.ark", {"a": noise(0, 500), "bb": noise(1, 500)})
    rate, samples = kaldiio.load_mat(entries["bb"])
    assert rate == 16000
    np.testing.assert_array_equal(samples, noise(1, 500))


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 300), min_size=1, max_size=6), st.integers(1, 97))
def test_blocks_make_the_same_file_as_one_piece(tmp_path_factory, lengths, block) -> None:
    folder = tmp_path_factory.mktemp("shards")
    utterances = {f"u{i}": noise(i, n) for i, n in enumerate(lengths)}
    write(folder / "whole.ark", utterances)
    with ShardWriter(folder / "blocks.ark") as shard:
        for key, samples in utterances.items():
            shard.append(key, (samples[i : i + block] for i in range(0, len(samples), block)))
    assert (folder / "whole.ark").read_bytes() == (folder / "blocks.ark").read_bytes()


def test_an_utterance_that_fails_leaves_nothing(tmp_path) -> None:
    def failing():
        yield noise(0, 50)
        raise AudioError("truncated")

    with ShardWriter(tmp_path / "x.ark") as shard:
        shard.append("a", noise(1, 20))
        with pytest.raises(AudioError):
            shard.append("b", failing())
        with pytest.raises(AudioError, match="no samples"):
            shard.append("c", [])
        entry, num_samples = shard.append("d", noise(2, 30))
    assert num_samples == 30
    assert (tmp_path / "x.ark").stat().st_size == 2 * (2 + 44) + 2 * 50
    np.testing.assert_array_equal(read_audio(entry), noise(2, 30) / np.float32(32768))


def test_an_interrupted_shard_never_has_its_name(tmp_path) -> None:
    def interrupted() -> None:
        with ShardWriter(tmp_path / "x.ark") as shard:
            shard.append("a", noise(0, 20))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_nothing_behind(tmp_path, monkeypatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"), ShardWriter(tmp_path / "x.ark") as shard:
        shard.append("a", noise(0, 20))
    assert list(tmp_path.iterdir()) == []


def test_entries_name_where_the_ark_will_lie(tmp_path) -> None:
    with ShardWriter(tmp_path / "staging" / "x.ark", named=tmp_path / "final" / "x.ark") as shard:
        entry, _ = shard.append("a", noise(0, 20))
    (tmp_path / "staging").rename(tmp_path / "final")
    np.testing.assert_array_equal(read_audio(entry), noise(0, 20) / np.float32(32768))


@pytest.mark.parametrize("key", ["", "a b", "a\n"])
def test_keys_that_would_break_the_ark(tmp_path, key) -> None:
    with ShardWriter(tmp_path / "x.ark") as shard, pytest.raises(ArchiveError, match="key"):
        shard.append(key, noise(0, 9))


def test_what_is_no_shard(tmp_path) -> None:
    entry = write(tmp_path / "x.ark", {"a": noise(0, 200)})["a"]
    with pytest.raises(AudioError, match="no 16-bit wav starts"):
        read_audio(entry + "0")
    with pytest.raises(AudioError, match="missing file"):
        read_audio(f"{tmp_path}/y.ark:2")
    whole = (tmp_path / "x.ark").read_bytes()
    (tmp_path / "x.ark").write_bytes(whole[:-10])
    with pytest.raises(AudioError, match="truncated"):
        read_audio(entry)
