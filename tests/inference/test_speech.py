"""Speech in Python: whatever it lies in, its samples are the same, or it is refused with the argument to give."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

import masr.inference.speech as speech_module
from masr.errors import AudioError, MasrError, UsageError
from masr.inference.speech import Channel, Taking, batches, recordings_of

RATE = 16000


def noise(size: int = 4000, channels: int = 1, seed: int = 0) -> np.ndarray:
    """16-bit integers, each channel twice as loud as the one before."""
    random = np.random.default_rng(seed)
    values = random.integers(-4000, 4000, (size, channels)) * 2 ** np.arange(channels)
    return np.squeeze(values.astype(np.int16), axis=1) if channels == 1 else values.astype(np.int16)


def heard(given: Any, rate: int | None = None, resample: bool = False, channel: Channel | None = None) -> np.ndarray:
    """(S,) samples of one thing."""
    alone, recordings = recordings_of(given, rate, Taking(resample, channel))
    assert alone and len(recordings) == 1
    ((rows, samples, lengths),) = batches(recordings, RATE)
    assert rows == [0] and lengths.tolist() == [samples.shape[1]] and samples.dtype == torch.float32
    return samples[0].numpy()


def test_a_file_a_pair_and_arrays_of_any_type_are_the_same_samples(tmp_path: Path) -> None:
    whole = noise()
    soundfile.write(tmp_path / "é.wav", whole, RATE)
    expected = whole / 32768
    floats = soundfile.read(tmp_path / "é.wav")
    assert floats[0].dtype == np.float64
    things: list[Any] = [tmp_path / "é.wav", str(tmp_path / "é.wav"), floats, (whole, RATE), (whole[:, None], 16000.0)]
    for thing in things:
        np.testing.assert_array_equal(heard(thing), expected)
    big_endian, backwards = whole.astype(">i2"), whole[::-1][::-1]
    for array in (whole, big_endian, backwards, expected, expected.astype(np.float32), torch.from_numpy(whole)):
        np.testing.assert_array_equal(heard(array, RATE), expected)
    tensor = torch.from_numpy(expected).requires_grad_()
    np.testing.assert_array_equal(heard(tensor, RATE), expected)
    np.testing.assert_allclose(heard(tensor.to(torch.bfloat16), RATE), expected, rtol=1e-2)
    np.testing.assert_allclose(heard(expected.astype(np.float16), RATE), expected, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(("channel", "column"), [(0, 0), (1, 1), (np.int64(2), 2), ("loudest", 2), ("mix", None)])
def test_channels_of_files_and_arrays_are_picked_alike(tmp_path: Path, channel: Channel, column: int | None) -> None:
    whole = noise(channels=3)
    soundfile.write(tmp_path / "a.wav", whole, RATE)
    expected = (whole.mean(axis=1) if column is None else whole[:, column]) / 32768
    np.testing.assert_allclose(heard((whole, RATE), channel=channel), expected, atol=1e-6)
    np.testing.assert_allclose(heard(tmp_path / "a.wav", channel=channel), expected, atol=0.51 / 32768)


@pytest.mark.parametrize("channel", [0, "loudest", "mix"])
def test_one_channel_is_taken_whatever_is_said_of_several(tmp_path: Path, channel: Channel) -> None:
    soundfile.write(tmp_path / "a.wav", noise(), RATE)
    for given in (tmp_path / "a.wav", (noise(), RATE)):
        np.testing.assert_array_equal(heard(given, channel=channel), noise() / 32768)


@pytest.mark.parametrize("rate", [8000, 22050, 48000])
def test_another_rate_is_converted_where_that_is_allowed(tmp_path: Path, rate: int) -> None:
    tone = 0.3 * np.sin(np.arange(2 * rate) * 2 * np.pi * 440 / rate)
    soundfile.write(tmp_path / "a.wav", tone, rate)
    file = heard(tmp_path / "a.wav", resample=True)
    array = heard(tone, rate, resample=True)
    assert len(file) == len(array) == 2 * RATE
    np.testing.assert_allclose(file, array, atol=2 / 32768)
    middle = slice(RATE // 2, 3 * RATE // 2)
    np.testing.assert_allclose(
        array[middle], 0.3 * np.sin(np.arange(2 * RATE) * 2 * np.pi * 440 / RATE)[middle], atol=1e-3
    )


def test_lists_are_put_together_by_length_and_keep_their_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speech_module, "_BATCH_SAMPLES", 1000)
    monkeypatch.setattr(speech_module, "_POOL_SAMPLES", 2000)
    sizes = [100, 900, 400, 450, 300, 500, 90, 2500, 10]
    alone, recordings = recordings_of([noise(size, seed=size) for size in sizes], RATE, Taking())
    assert not alone
    found: dict[int, np.ndarray] = {}
    for rows, samples, lengths in batches(recordings, RATE):
        assert len(rows) == 1 or samples.numel() <= 1000
        for row, values, length in zip(rows, samples, lengths.tolist(), strict=True):
            assert not values[length:].any() and row not in found
            found[row] = values[:length].numpy()
    assert sorted(found) == list(range(len(sizes)))
    for place, size in enumerate(sizes):
        np.testing.assert_array_equal(found[place], noise(size, seed=size) / 32768)


def test_no_more_is_read_ahead_than_is_put_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speech_module, "_BATCH_SAMPLES", 1000)
    monkeypatch.setattr(speech_module, "_POOL_SAMPLES", 2000)
    good: Any = (noise(1000), RATE)
    reading = batches(recordings_of([good, good, good, "gone.wav"], None, Taking())[1], RATE)
    assert [next(reading)[0], next(reading)[0]] == [[0], [1]]
    with pytest.raises(AudioError, match=r"gone\.wav"):
        next(reading)


LOUD = np.array([0.5, 2.5] * 400)
WAVE = np.zeros(800, np.float32)
STEREO = np.zeros((800, 2), np.float32)


@pytest.mark.parametrize(
    ("given", "options", "error", "what", "fix"),
    [
        (WAVE, {}, UsageError, "the waveform: an array does not say how many samples", "give rate=16000"),
        ([WAVE], {}, UsageError, "waveform 0: an array does not say", "rate=16000"),
        ((WAVE, 8000), {}, AudioError, "wrong rate: 8000 Hz, where the model takes 16000", "resample=True"),
        ((WAVE, 10), {"resample": True}, AudioError, "10 Hz, which is not converted", ""),
        ((WAVE, 0), {}, UsageError, "0 is no sampling rate", "rate=16000"),
        ((WAVE, float("nan")), {}, UsageError, "nan is no sampling rate", "rate=16000"),
        (WAVE, {"rate": 16000.5}, UsageError, "16000.5 is no sampling rate", "rate=16000"),
        (WAVE, {"rate": True}, UsageError, "True is no sampling rate", "rate=16000"),
        ((WAVE, RATE), {"rate": RATE}, UsageError, "has a rate of its own", "leave rate= out"),
        ("a.wav", {"rate": RATE}, UsageError, "has a rate of its own", "leave rate= out"),
        ((RATE, WAVE), {}, UsageError, "the first is int, not an array", "(samples, rate)"),
        (([0.1, 0.2], RATE), {}, UsageError, "the first is list, not an array", "(samples, rate)"),
        ((STEREO, RATE), {}, AudioError, "not mono: 2 channels", 'channel=0, channel="loudest"'),
        ((STEREO, RATE), {"channel": 2}, AudioError, "no channel 2: there are 2", ""),
        ((STEREO, RATE), {"channel": -1}, AudioError, "no channel -1: there are 2", ""),
        ((STEREO, RATE), {"channel": "left"}, UsageError, "channel cannot be 'left'", "number from 0"),
        ((STEREO, RATE), {"channel": 0.5}, UsageError, "channel cannot be 0.5", "number from 0"),
        ((STEREO, RATE), {"channel": True}, UsageError, "channel cannot be True", "number from 0"),
        ((STEREO.T, RATE), {"channel": 0}, AudioError, "(2, 800): more channels than samples", "samples.T"),
        ((WAVE[None], RATE), {}, AudioError, "(1, 800): more channels than samples", "a list of them"),
        ((WAVE[None, None], RATE), {}, AudioError, "(1, 1, 800), not (samples,)", "array with rate="),
        ((np.float32(1), RATE), {}, UsageError, "the first is float32", "(samples, rate)"),
        ((np.zeros(()), RATE), {}, AudioError, "has the shape (), not", "array with rate="),
        ((WAVE[:0], RATE), {}, AudioError, "empty: no samples", ""),
        ((STEREO[:0], RATE), {}, AudioError, "empty: no samples", ""),
        ((STEREO[:, :0], RATE), {}, AudioError, "(800, 0), not", ""),
        ((np.full(800, np.nan), RATE), {}, AudioError, "NaN or infinite", ""),
        ((np.full(800, 1e300), RATE), {}, AudioError, "NaN or infinite", ""),
        ((LOUD, RATE), {}, AudioError, "reach 2.5, where full scale is 1", "/ 32768"),
        ((WAVE.astype(np.int32), RATE), {}, AudioError, "samples are int32", "16-bit integers"),
        ((torch.zeros(800, dtype=torch.int64), RATE), {}, AudioError, "samples are int64", "16-bit"),
        ((WAVE.astype(complex), RATE), {}, AudioError, "samples are complex128", "16-bit"),
        ((WAVE.astype(object), RATE), {}, AudioError, "samples are object", "16-bit"),
        ([], {}, UsageError, "no waveform in the list", ""),
        (None, {}, UsageError, "a NoneType is no speech", "path of an audio file"),
        (b"RIFF", {}, UsageError, "a bytes is no speech", "path of an audio file"),
        ({"array": WAVE}, {}, UsageError, "a dict is no speech", "(samples, rate)"),
        ([0.1, 0.2], {"rate": RATE}, UsageError, "waveform 0: a float is no speech", "array with rate="),
        (["gone.wav"], {}, AudioError, "gone.wav: missing file", ""),
        (["a\0b.wav"], {}, AudioError, "missing file", ""),
        (Path("/"), {}, UsageError, "/: is a folder", 'sorted(Path("/").rglob("*.wav"))'),
        ([(WAVE, RATE), (STEREO, RATE)], {}, AudioError, "waveform 1: not mono", "channel=0"),
    ],
)
def test_what_cannot_be_heard_is_refused_with_the_argument_to_give(
    given: Any, options: dict[str, Any], error: type[MasrError], what: str, fix: str
) -> None:
    others = {name: value for name, value in options.items() if name != "rate"}
    with pytest.raises(error) as caught:
        list(batches(recordings_of(given, options.get("rate"), Taking(**others))[1], RATE))
    assert what in caught.value.what and fix in caught.value.fix


@pytest.mark.parametrize(
    ("samples", "rate", "what", "fix"),
    [
        (STEREO, RATE, "a.wav: not mono: 2 channels", 'channel="loudest"'),
        (WAVE, 8000, "a.wav: wrong rate: 8000 Hz", "resample=True"),
        (WAVE[:0], RATE, "a.wav: empty: no samples", ""),
        (np.full(800, np.nan, np.float32), RATE, "a.wav: NaN", ""),
    ],
)
def test_a_file_is_refused_by_name(tmp_path: Path, samples: np.ndarray, rate: int, what: str, fix: str) -> None:
    soundfile.write(tmp_path / "a.wav", samples, rate, subtype="FLOAT")
    with pytest.raises(AudioError) as caught:
        heard(tmp_path / "a.wav")
    assert what in caught.value.what and caught.value.what.startswith(str(tmp_path)) and fix in caught.value.fix
