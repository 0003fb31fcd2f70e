"""From the disk to samples: 16-bit shards, read straight from the disk, against decoding."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from types import ModuleType

from race import Race, Runner, Turn


@cache
def corpus() -> ModuleType:
    """The audio of the race beside this one."""
    spec = importlib.util.spec_from_file_location("corpus", Path(__file__).with_name("waveform_to_features.py"))
    if spec is None or spec.loader is None:
        raise ImportError("waveform_to_features")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def with_read_audio(form: str) -> Turn:
    from masr.io.audio import read_audio

    def turn() -> float:
        for entry in corpus().entries()[form]:
            read_audio(entry)
        return float(corpus().SECONDS)

    return turn


def with_soundfile(form: str, dtype: str) -> Turn:
    import soundfile

    def turn() -> float:
        for entry in corpus().entries()[form]:
            soundfile.read(entry, dtype=dtype)
        return float(corpus().SECONDS)

    return turn


def race() -> Race:
    runners = [
        Runner("int16 shard, read_audio to float32", lambda: with_read_audio("shard")),
        Runner("FLAC, read_audio to float32", lambda: with_read_audio("flac")),
        Runner("soundfile FLAC to int16", lambda: with_soundfile("flac", "int16"), 20.0),
        Runner("soundfile wav to int16", lambda: with_soundfile("wav", "int16")),
    ]
    return Race("Reading 10 s utterances of 16 kHz audio", "audio-s", runners)
