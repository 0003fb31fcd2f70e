"""From the disk to samples: 16-bit shards, read straight from the disk, against decoding."""

from __future__ import annotations

from functools import cache
from types import ModuleType

from race import Race, Runner, Turn, open_copy


@cache
def corpus() -> ModuleType:
    """The audio of the race beside this one."""
    return open_copy("waveform_to_features")


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
