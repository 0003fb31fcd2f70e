"""Audio that is damaged, endless or no file at all."""

from __future__ import annotations

import io
import os
import struct
import wave

import numpy as np
import pytest
import soundfile

from masr.errors import ArchiveError, AudioError
from masr.io.ark import ArchiveWriter, read_archive, read_array, read_shape
from masr.io.audio import audio_info, check_audio, entry_info, int16_blocks, read_audio, split_entry
from small.alarm import ends

RATE = 16000
NOISE = np.random.default_rng(0).integers(-900, 900, 2 * RATE, dtype=np.int16)
MD5 = slice(26, 42)


def flac(samples=NOISE, subtype: str = "PCM_16", kind: str = "FLAC") -> bytes:
    stream = io.BytesIO()
    soundfile.write(stream, samples, RATE, format=kind, subtype=subtype)
    return stream.getvalue()


@pytest.mark.parametrize("subtype", ["PCM_S8", "PCM_16", "PCM_24"])
@pytest.mark.parametrize("num_channels", [1, 2])
def test_a_flac_whose_md5_does_not_fit_is_damaged(subtype, num_channels) -> None:
    samples = np.random.default_rng(1).uniform(-1, 1, (3000, num_channels)).squeeze()
    good = flac(samples, subtype)
    assert any(good[MD5])
    assert check_audio(good, channel=0).num_samples == 3000
    bad = bytearray(good)
    bad[30] ^= 1
    for _ in range(2):
        with pytest.raises(AudioError, match="damaged: its samples are not those of its MD5"):
            check_audio(bytes(bad), channel=0)
        with pytest.raises(AudioError, match="damaged: its samples are not those of its MD5"):
            list(int16_blocks(bytes(bad), channel=0))


def test_a_flac_without_md5_and_ogg_flac_are_read() -> None:
    good = flac()
    without = good[: MD5.start] + bytes(16) + good[MD5.stop :]
    np.testing.assert_array_equal(np.concatenate(list(int16_blocks(without))), NOISE)
    assert check_audio(flac(kind="OGG", subtype="VORBIS")).num_samples == len(NOISE)


def test_two_blocks_of_a_long_flac_are_digested_in_order(monkeypatch) -> None:
    monkeypatch.setattr("masr.io.sound.BLOCK_SAMPLES", 1000)
    np.testing.assert_array_equal(np.concatenate(list(int16_blocks(flac()))), NOISE)


def test_no_flipped_bit_of_a_flac_gives_other_samples() -> None:
    good, draw = flac(), np.random.default_rng(2)
    for place in draw.integers(42, len(good), 100):
        damaged = bytearray(good)
        damaged[place] ^= 1 << draw.integers(8)
        try:
            np.testing.assert_array_equal(np.concatenate(list(int16_blocks(bytes(damaged)))), NOISE)
        except AudioError:
            continue


@pytest.mark.parametrize("call", [audio_info, check_audio, lambda path: list(int16_blocks(path))])
def test_fifos_loops_devices_and_nul_where_audio_is_expected(tmp_path, monkeypatch, call) -> None:
    from pathlib import Path

    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe.wav")
    Path("loop.wav").symlink_to("loop.wav")
    for name, reason in {
        "pipe.wav": "cannot be read: not a file but a pipe",
        "/dev/zero": "cannot be read: not a file but a device",
        "loop.wav": "cannot be read: .*links",
        "a\0.wav": "missing file",
        "\ud800.wav": "missing file",
        ".": "cannot be read: not a file but a folder",
    }.items():
        with ends(), pytest.raises(AudioError, match=reason):
            call(Path(name))
        with ends(), pytest.raises(AudioError, match=reason):
            read_audio(name)


@pytest.mark.parametrize("digits", ["9" * 5000, str(1 << 63), str(1 << 64), "9" * 18, "०१"])
def test_an_ark_offset_of_5000_digits_or_over_2_63(tmp_path, digits) -> None:
    (tmp_path / "x.ark").write_bytes(b"u " + flac(kind="WAV"))
    entry = f"{tmp_path / 'x.ark'}:{digits}"
    if len(digits) <= 18:
        assert split_entry(entry)[1] < 1 << 63
    for call in (entry_info, read_audio):
        with pytest.raises(AudioError):
            call(entry)
    for reader in (read_array, read_shape):
        with pytest.raises(ArchiveError):
            reader(entry)


def test_a_wav_of_nothing_but_empty_chunks_ends(tmp_path) -> None:
    path = tmp_path / "x.wav"
    with path.open("wb") as stream:
        stream.write(b"RIFF" + struct.pack("<I", 1 << 30) + b"WAVE")
        stream.truncate(1 << 30)
    with ends(), pytest.raises(AudioError, match="not audio"):
        check_audio(path)


@pytest.mark.parametrize("times", [(float("nan"), 1.0), (0.0, float("nan")), (0.0, float("inf")), (float("inf"), None)])
def test_times_that_are_no_numbers(tmp_path, times) -> None:
    path = tmp_path / "x.wav"
    with wave.open(str(path), "wb") as stream:
        stream.setparams((1, 2, RATE, 0, "NONE", ""))
        stream.writeframes(NOISE.tobytes())
    with pytest.raises(AudioError, match="no samples between"):
        read_audio(str(path), *times)


@pytest.mark.parametrize("storage", ["float32", "uint8"])
def test_a_kaldi_archive_whose_bits_became_nan_is_damaged(tmp_path, storage) -> None:
    with ArchiveWriter(tmp_path / "x.ark", storage) as archive:
        archive.append("u", np.random.default_rng(0).uniform(-9, 9, (7, 5)).astype(np.float32))
    content = bytearray((tmp_path / "x.ark").read_bytes())
    place = content.index(b"\0B") + (15 if storage == "float32" else 6)
    content[place : place + 4] = struct.pack("<f", float("nan"))
    (tmp_path / "x.ark").write_bytes(content)
    with pytest.raises(ArchiveError, match="damaged"):
        read_array(archive.rows["u"])
    with pytest.raises(ArchiveError, match="damaged"):
        list(read_archive(tmp_path / "x.ark"))


def test_a_kaldi_archive_that_is_a_pipe(tmp_path) -> None:
    os.mkfifo(tmp_path / "x.ark")
    with ends(), pytest.raises(ArchiveError, match="a pipe"):
        read_array(f"{tmp_path / 'x.ark'}:2")
    with ends(), pytest.raises(ArchiveError, match="cannot be read"):
        read_array("a\0.ark:2")
