from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from masr.errors import AudioError
from masr.io.audio import audio_info, check_audio, entry_info, int16_blocks, read_audio, to_int16

RATE = 16000


def tone(num_samples: int = RATE) -> np.ndarray:
    return (np.sin(np.arange(num_samples) * 0.05) * 8000).astype(np.int16)


def encode(samples: np.ndarray, rate: int = RATE, kind: str = "WAV", subtype: str | None = None) -> bytes:
    stream = io.BytesIO()
    soundfile.write(stream, samples, rate, format=kind, subtype=subtype)
    return stream.getvalue()


@pytest.fixture(params=["path", "bytes"])
def given(request, tmp_path):
    """The same content as a file and as an archive's member."""

    def give(content: bytes) -> Path | bytes:
        if request.param == "bytes":
            return content
        path = tmp_path / "a file ü.wav"
        path.write_bytes(content)
        return path

    return give


@pytest.mark.parametrize(
    ("kind", "subtype"),
    [
        ("WAV", "PCM_16"),
        ("WAV", "PCM_24"),
        ("WAV", "FLOAT"),
        ("FLAC", "PCM_16"),
        ("FLAC", "PCM_24"),
        ("NIST", "PCM_16"),
    ],
)
def test_every_lossless_format_says_and_gives_the_same(given, kind, subtype) -> None:
    samples = tone()
    source = given(encode(samples / 32768 if subtype == "FLOAT" else samples, kind=kind, subtype=subtype))
    info = audio_info(source)
    assert (info.num_samples, info.sample_rate, info.num_channels) == (RATE, RATE, 1)
    assert check_audio(source) == info
    np.testing.assert_array_equal(np.concatenate(list(int16_blocks(source))), samples)


@pytest.mark.parametrize("kind", ["WAV", "FLAC"])
def test_a_span_is_the_same_samples_as_the_whole(tmp_path, kind) -> None:
    path = tmp_path / f"x.{kind.lower()}"
    path.write_bytes(encode(tone(), kind=kind))
    whole = read_audio(str(path))
    assert whole.dtype == np.float32
    np.testing.assert_array_equal(whole, tone() / np.float32(32768))
    np.testing.assert_array_equal(read_audio(str(path), 0.25, 0.5), whole[4000:8000])
    np.testing.assert_array_equal(read_audio(str(path), 0.25), whole[4000:])


def test_the_header_of_an_entry_says_what_the_entry_gives(tmp_path) -> None:
    path, ark = tmp_path / "x.wav", tmp_path / "x.ark"
    path.write_bytes(encode(tone(700)))
    ark.write_bytes(b"utt-1 " + path.read_bytes() + b"utt-2 " + encode(tone(900)))
    offsets = (6, 6 + path.stat().st_size + 6)
    for entry in (str(path), f"{ark}:{offsets[0]}", f"{ark}:{offsets[1]}"):
        assert entry_info(entry).num_samples == len(read_audio(entry))
    with pytest.raises(AudioError, match="no wav starts at this offset"):
        entry_info(f"{ark}:9")


def test_a_channel_of_several(tmp_path) -> None:
    path = tmp_path / "x.wav"
    stereo = np.stack([tone(), -tone()], axis=1)
    path.write_bytes(encode(stereo))
    np.testing.assert_array_equal(read_audio(str(path), channel=1), -tone() / np.float32(32768))
    np.testing.assert_array_equal(np.concatenate(list(int16_blocks(path, channel=1))), -tone())
    with pytest.raises(AudioError, match="no channel 2"):
        read_audio(str(path), channel=2)


def truncated(content: bytes) -> bytes:
    return content[: len(content) // 2]


NOISE = np.random.default_rng(0).integers(-999, 999, RATE, np.int16)
NAN = np.r_[np.zeros(100), np.nan, np.zeros(100)].astype(np.float32)
BAD = {
    "empty: no bytes": b"",
    "empty: no samples": encode(tone(0)),
    "truncated: holds": truncated(encode(tone())),
    "truncated: the header": encode(tone())[:40],
    "truncated or damaged": truncated(encode(NOISE, kind="FLAC")),
    "wrong rate: 8000 Hz": encode(tone(), rate=8000),
    "not mono: 2 channels": encode(np.stack([tone(), tone()], axis=1)),
    "NaN or infinite": encode(NAN, subtype="FLOAT"),
    "not audio": b"<html>404</html>" * 99,
}


@pytest.mark.parametrize("reason", BAD)
def test_what_cannot_be_trusted_is_refused_in_a_few_words(given, reason) -> None:
    source = given(BAD[reason])
    with pytest.raises(AudioError, match=reason) as caught:
        check_audio(source)
    assert len(caught.value.what) < 90
    with pytest.raises(AudioError, match=reason):
        list(int16_blocks(source))


@pytest.mark.parametrize("reason", [r for r in BAD if r != "not mono: 2 channels"])
def test_reading_names_the_entry_and_the_same_reason(tmp_path, reason) -> None:
    path = tmp_path / "x.wav"
    path.write_bytes(BAD[reason])
    with pytest.raises(AudioError, match=f"x.wav: .*{reason.split(':')[0]}"):
        read_audio(str(path))


def test_a_missing_file(tmp_path) -> None:
    with pytest.raises(AudioError, match="missing file"):
        check_audio(tmp_path / "none.wav")


@pytest.mark.parametrize("claimed", [0xFFFFFFFF, 0x7FFFF024])
def test_a_wav_written_through_a_pipe_runs_to_its_end(claimed) -> None:
    content = bytearray(encode(tone()))
    struct.pack_into("<I", content, 40, claimed)
    assert audio_info(bytes(content)).num_samples == RATE


def test_chunks_before_and_after_the_samples_are_passed_over() -> None:
    plain = encode(tone())
    odd = struct.pack("<4sI", b"LIST", 3) + b"abc\0"
    content = plain[:36] + odd + plain[36:] + odd
    assert audio_info(content).num_samples == RATE
    np.testing.assert_array_equal(np.concatenate(list(int16_blocks(content))), tone())


def test_resampling_keeps_the_tone_and_the_duration() -> None:
    time = np.arange(48000 * 2) / 48000
    content = encode((np.sin(2 * np.pi * 440 * time) * 9000).astype(np.int16), rate=48000)
    found = np.concatenate(list(int16_blocks(content, resample=True)))
    assert abs(len(found) - 2 * RATE) <= 1
    spectrum = np.abs(np.fft.rfft(found[4000:20000]))
    assert np.argmax(spectrum) == 440
    assert abs(int(np.abs(found[4000:20000]).max()) - 9000) < 90


def test_segments_may_end_a_little_late_and_no_later(tmp_path) -> None:
    path = tmp_path / "x.wav"
    path.write_bytes(encode(tone()))
    assert len(read_audio(str(path), 0.5, 1.4)) == 8000
    with pytest.raises(AudioError, match="ends early"):
        read_audio(str(path), 0.5, 1.6)
    with pytest.raises(AudioError, match="no samples"):
        read_audio(str(path), 1.2, 1.3)
    with pytest.raises(AudioError, match="no samples"):
        read_audio(str(path), -0.1, 0.3)


def test_pipes_run_only_when_allowed(tmp_path) -> None:
    path = tmp_path / "x.wav"
    path.write_bytes(encode(tone()))
    marker = tmp_path / "ran"
    entry = f"touch '{marker}'; cat '{path}' |"
    with pytest.raises(AudioError, match="pipe"):
        read_audio(entry)
    assert not marker.exists()
    assert len(read_audio(entry, allow_pipes=True)) == RATE
    assert marker.exists()
    with pytest.raises(AudioError, match="failed with 3"):
        read_audio("exit 3 |", allow_pipes=True)


def test_floats_become_integers_by_rounding_and_clipping() -> None:
    given = np.array([-2.0, -1.0, 0.4 / 32768, 0.6 / 32768, 1.0], dtype=np.float32)
    assert to_int16(given).tolist() == [-32768, -32768, 0, 1, 32767]
