"""Log-mel as Kaldi computes it, 80 bins at 16 kHz."""

from __future__ import annotations

import importlib
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from race import Race, Runner, Turn

Wave = npt.NDArray[np.float32]
RATE = 16000


def utterances() -> list[Wave]:
    """Harmonics over noise, 2 to 17 s."""
    rng = np.random.default_rng(0)
    found = []
    for duration in (2, 5, 8, 11, 14, 17):
        time = np.arange(duration * RATE) / RATE
        phase = 2 * np.pi * np.cumsum(120 + 40 * np.sin(2 * time)) / RATE
        voice = sum(np.sin(k * phase) / k for k in range(1, 20)) * (0.5 + 0.5 * np.sin(7 * time))
        found.append((0.1 * voice + 0.01 * rng.standard_normal(len(time))).astype(np.float32))
    return found


WAVES = utterances()
SECONDS = sum(map(len, WAVES)) / RATE


def ours(fft: Literal["float64", "float32"]) -> Turn:
    import torch

    from masr.features.log_mel import Config, build

    torch.set_num_threads(1)
    module = build(Config(fft=fft))
    pairs = [(torch.from_numpy(wave)[None], torch.tensor([len(wave)])) for wave in WAVES]

    def turn() -> float:
        for wave, size in pairs:
            module(wave, size)
        return SECONDS

    return turn


def lhotse() -> Turn:
    from lhotse import Fbank

    extractor = Fbank()

    def turn() -> float:
        for wave in WAVES:
            extractor.extract(wave, RATE)
        return SECONDS

    return turn


def kaldi(wave: Wave) -> npt.NDArray[np.float32]:
    import kaldi_native_fbank as knf

    options = knf.FbankOptions()
    options.frame_opts.dither = 0
    options.mel_opts.num_bins = 80
    fbank = knf.OnlineFbank(options)
    fbank.accept_waveform(RATE, wave * np.float32(32768))
    fbank.input_finished()
    return np.stack([fbank.get_frame(i) for i in range(fbank.num_frames_ready)])


def kaldi_native_fbank() -> Turn:
    import kaldi_native_fbank  # noqa: F401 (named as missing where it is)

    def turn() -> float:
        for wave in WAVES:
            kaldi(wave)
        return SECONDS

    return turn


def torchaudio() -> Turn:
    import torch

    compliance = importlib.import_module("torchaudio.compliance.kaldi")
    waves = [torch.from_numpy(wave * np.float32(32768))[None] for wave in WAVES]

    def turn() -> float:
        for wave in waves:
            compliance.fbank(wave, num_mel_bins=80, dither=0.0)
        return SECONDS

    return turn


def librosa() -> Turn:
    from librosa.feature import melspectrogram

    options: dict[str, Any] = {"sr": RATE, "n_fft": 512, "win_length": 400, "hop_length": 160, "n_mels": 80}

    def turn() -> float:
        for wave in WAVES:
            np.log(np.maximum(melspectrogram(y=wave, htk=True, **options), 1e-10))
        return SECONDS

    return turn


def check() -> str:
    """The race is for equal numbers."""
    import torch

    from masr.features.log_mel import Config, build

    try:
        theirs = kaldi(WAVES[1])
    except ImportError:
        return "kaldi-native-fbank is not installed, so equality with Kaldi was not checked"
    found = build(Config())(torch.from_numpy(WAVES[1])[None], torch.tensor([len(WAVES[1])]))[0][0].numpy()
    difference = float(np.abs(found - theirs).max())
    if difference > 1e-3:
        raise RuntimeError(f"ours is {difference:.1e} away from kaldi-native-fbank")
    return f"largest difference from kaldi-native-fbank {difference:.1e}"


def race() -> Race:
    runners = [
        Runner("masr log_mel", lambda: ours("float64")),
        Runner("masr log_mel, fft: float32", lambda: ours("float32")),
        Runner("lhotse Fbank", lhotse, 1.25),
        Runner("kaldi-native-fbank", kaldi_native_fbank, 4.0),
        Runner("torchaudio.compliance.kaldi", torchaudio),
        Runner("librosa melspectrogram", librosa),
    ]
    return Race("Log-mel, 80 bins, 16 kHz, one utterance at a time", "audio-s", runners, check)
