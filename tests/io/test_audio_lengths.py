"""Audio whose header does not say how long it is, or says what is not so; many channels, and odd rates."""

from __future__ import annotations

import io
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile

from masr.cli.main import main
from masr.errors import AudioError
from masr.inference.identify import Geometry
from masr.inference.lid_windows import file_windows
from masr.inference.speech import Taking, Waveform
from masr.io import audio
from masr.io.audio import audio_info, check_audio, entry_info, int16_blocks, read_audio
from masr.io.datadir import read_table, write_datadir
from masr.types import Int16Array

SIZE = 50_001
GEOMETRY = Geometry(16000, 400, 160)


def noise(size: int = SIZE, channels: int = 1, seed: int = 0) -> Int16Array:
    found = np.random.default_rng(seed).integers(-9000, 9000, (size, channels), dtype=np.int16)
    return found[:, 0] if channels == 1 else found


def flac(length: int, samples: Int16Array) -> bytes:
    """The bytes of a FLAC whose header claims a length; 0 is what `ffmpeg -f flac - | cat` writes."""
    stream = io.BytesIO()
    soundfile.write(stream, samples, 16000, format="FLAC", subtype="PCM_16")
    data = bytearray(stream.getvalue())
    told = int.from_bytes(data[18:26], "big")
    data[18:26] = (told >> 36 << 36 | length).to_bytes(8, "big")
    return bytes(data)


def flac_without_a_length(path: Path, samples: Int16Array) -> str:
    path.write_bytes(flac(0, samples))
    return str(path)


def test_a_flac_without_a_length_is_read_whole_and_in_parts(tmp_path: Path) -> None:
    samples = noise()
    entry = flac_without_a_length(tmp_path / "a.flac", samples)
    expected = samples.astype(np.float32) / 32768
    assert audio_info(Path(entry)).num_samples == entry_info(entry).num_samples == SIZE
    assert check_audio(Path(entry)).num_samples == SIZE
    np.testing.assert_array_equal(np.concatenate(list(int16_blocks(Path(entry)))), samples)
    np.testing.assert_array_equal(read_audio(entry), expected)
    for start, end in ((0.0, 1.0), (1.0, 2.0), (0.5, None), (2.5, SIZE / 16000), (3.0, 3.5)):
        last = SIZE if end is None else min(SIZE, round(end * 16000))
        np.testing.assert_array_equal(read_audio(entry, start, end), expected[round(start * 16000) : last])
    for start, end in ((0.0, 9.0), (8.0, 9.0), (SIZE / 16000, None)):
        with pytest.raises(AudioError):
            read_audio(entry, start, end)


def test_a_flac_without_a_length_of_many_blocks(tmp_path: Path) -> None:
    samples = noise((1 << 20) + 77, 2)
    entry = flac_without_a_length(tmp_path / "a.flac", samples)
    np.testing.assert_array_equal(read_audio(entry, channel=1), samples[:, 1].astype(np.float32) / 32768)
    soundfile.write(tmp_path / "b.flac", samples, 16000)
    np.testing.assert_array_equal(read_audio(str(tmp_path / "b.flac"), channel=1), read_audio(entry, channel=1))


@pytest.mark.parametrize("length", [(1 << 36) - 1, 1 << 35, SIZE + 1])
def test_a_forged_length_never_asks_for_memory(tmp_path: Path, length: int) -> None:
    (tmp_path / "a.flac").write_bytes(flac(length, noise()))
    soundfile.write(tmp_path / "warm.flac", noise(9), 16000)
    read_audio(str(tmp_path / "warm.flac"))
    tracemalloc.start()
    try:
        with pytest.raises(AudioError, match="truncated"):
            read_audio(str(tmp_path / "a.flac"))
        with pytest.raises(AudioError, match="truncated"):
            check_audio(tmp_path / "a.flac")
        reasons: list[str] = []
        for _ in file_windows([tmp_path / "a.flac"], GEOMETRY, 2, None, lambda _, reason: reasons.append(reason)):
            pass
        assert "truncated" in reasons[0]
        np.testing.assert_array_equal(read_audio(str(tmp_path / "a.flac"), 1.0, 2.0), read_span_of_noise(1.0, 2.0))
        assert tracemalloc.get_traced_memory()[1] < 50e6
    finally:
        tracemalloc.stop()


def read_span_of_noise(start_sec: float, end_sec: float) -> np.ndarray:
    return noise()[round(start_sec * 16000) : round(end_sec * 16000)].astype(np.float32) / 32768


def test_one_bad_file_never_ends_masr_features(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Valid FLACs without a length give features; what cannot be read is counted, and the good files are kept."""
    bad = {
        "forged": flac((1 << 36) - 1, noise()),
        "cut": flac(SIZE, noise())[:5000],
        "text": b"no audio",
        "none": b"",
    }
    rows = {f"s-{name}": str(tmp_path / f"{name}.flac") for name in bad}
    for name, data in bad.items():
        (tmp_path / f"{name}.flac").write_bytes(data)
    rows["s-digits"] = f"{tmp_path}/x.ark:{'9' * 5000}"
    rows["s-far"] = f"{tmp_path}/x.ark:{1 << 64}"
    rows["s-loop"] = str(tmp_path / "loop.wav")
    (tmp_path / "loop.wav").symlink_to(tmp_path / "loop.wav")
    rows["s-piped"] = flac_without_a_length(tmp_path / "piped.flac", noise(seed=3))
    soundfile.write(tmp_path / "whole.flac", noise(seed=3), 16000)
    rows["s-whole"] = str(tmp_path / "whole.flac")
    rows = dict(sorted(rows.items()))
    write_datadir(tmp_path / "data", {"wav.scp": rows, "utt2spk": dict.fromkeys(rows, "s")})
    assert main(["features", str(tmp_path / "data"), "--max-bad", "0.9"]) == 0
    assert "2 utterances" in capsys.readouterr().out
    assert read_table(tmp_path / "data" / "utt2num_frames") == {"s-piped": "311", "s-whole": "311"}
    assert len((tmp_path / "data" / "features_problems.tsv").read_text().splitlines()) == 7


@pytest.mark.parametrize("times", ["nan 1", "0 inf", "0 1e400", "-inf 1"])
def test_a_segment_without_finite_times_never_ends_masr_features(tmp_path: Path, times: str) -> None:
    soundfile.write(tmp_path / "a.flac", noise(), 16000)
    tables = {"wav.scp": {"r": str(tmp_path / "a.flac")}, "utt2spk": {"s-a": "s", "s-b": "s"}}
    write_datadir(tmp_path / "data", {**tables, "segments": {"s-a": "r 0 1", "s-b": f"r {times}"}})
    assert main(["features", str(tmp_path / "data"), "--max-bad", "0.5"]) == 0
    assert list(read_table(tmp_path / "data" / "utt2num_frames")) == ["s-a"]


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.au"])
def test_identify_on_many_channels_decodes_once_and_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    channels = 8 if name == "a.flac" else 1000
    samples = noise(4000, channels)
    soundfile.write(tmp_path / name, samples, 16000)
    opened = []
    import masr.io.audio as module

    real = module._opened
    monkeypatch.setattr(module, "_opened", lambda source: opened.append(source) or real(source))
    tracemalloc.start()
    try:
        (window,) = file_windows([tmp_path / name], GEOMETRY, 100, None, pytest.fail)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    np.testing.assert_allclose(window.values, samples.mean(axis=1) / 32768, atol=1 / 32768)
    assert len(opened) <= 2  # its header, and its samples
    assert peak < 30e6


def test_a_mix_of_channels_of_another_rate_is_that_of_each(tmp_path: Path) -> None:
    samples = noise(44_100, 3) // 4
    soundfile.write(tmp_path / "a.wav", samples, 44_100)
    each = [np.concatenate(list(int16_blocks(tmp_path / "a.wav", 16000, n, resample=True))) for n in range(3)]
    mixed = np.concatenate(list(int16_blocks(tmp_path / "a.wav", 16000, resample=True, mix=True)))
    np.testing.assert_allclose(mixed, np.mean(each, axis=0), atol=1.01)


@pytest.mark.parametrize("rate", [1, 8, 999, 2_000_000])
def test_the_ratio_of_resampling_is_bounded(tmp_path: Path, rate: int) -> None:
    soundfile.write(tmp_path / "a.wav", noise(1000), rate)
    with pytest.raises(AudioError, match=f"wrong rate: {rate} Hz"):
        list(int16_blocks(tmp_path / "a.wav", 16000, resample=True))
    with pytest.raises(AudioError, match=f"wrong rate: {rate} Hz"):
        Waveform("a", noise(1000), rate, Taking(resample=True)).open(16000)


@pytest.mark.parametrize("rate", [8000, 11025, 48000, 192_000])
def test_rates_that_recorders_have_are_converted(tmp_path: Path, rate: int) -> None:
    soundfile.write(tmp_path / "a.wav", noise(rate // 10), rate)
    assert sum(map(len, int16_blocks(tmp_path / "a.wav", 16000, resample=True))) == pytest.approx(1600, abs=2)


def test_a_path_with_a_nul_and_a_pipe_are_no_audio(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "fifo.wav")
    for path in (f"{tmp_path}/a\0b.wav", str(tmp_path / "fifo.wav")):
        with pytest.raises(AudioError):
            read_audio(path)


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24"])
def test_the_loudest_channel_is_found_by_decoding_a_file_once(subtype: str, tmp_path, monkeypatch) -> None:
    samples = np.random.default_rng(0).normal(size=(4000, 40)) * 0.01
    samples[:, 33] *= 3
    path = tmp_path / "a.wav"
    soundfile.write(path, samples, 16000, subtype=subtype)
    opened = []
    take = audio._opened
    monkeypatch.setattr(audio, "_opened", lambda source: opened.append(source) or take(source))
    assert audio.loudest_channel(path) == 33
    assert opened == [path]
    soundfile.write(path, samples[:, :1], 16000, subtype=subtype)
    assert audio.loudest_channel(path) is None
