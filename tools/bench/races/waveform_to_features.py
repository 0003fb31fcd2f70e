"""From the disk to features, as stage 2 does it: what keeping decoded audio as 16-bit shards is worth."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
from race import Race, Runner, Turn

RATE, SECONDS = 16000, 200.0


@cache
def entries() -> dict[str, list[str]]:
    """The same audio in three forms, as wav.scp would name them."""
    import soundfile

    from masr.io.shards import ShardWriter

    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    rng = np.random.default_rng(0)
    found: dict[str, list[str]] = {"flac": [], "wav": [], "shard": []}
    with ShardWriter(folder / "shard.ark") as shard:
        for number in range(20):
            time = np.arange(int(SECONDS / 20 * RATE)) / RATE
            phase = 2 * np.pi * np.cumsum(120 + 40 * np.sin(2 * time + number)) / RATE
            voice = sum(np.sin(k * phase) / k for k in range(1, 20)) * (0.5 + 0.5 * np.sin(7 * time))
            samples = (3000 * voice + 100 * rng.standard_normal(len(time))).astype(np.int16)
            for form in ("flac", "wav"):
                soundfile.write(folder / f"{number}.{form}", samples, RATE)
                found[form].append(str(folder / f"{number}.{form}"))
            found["shard"].append(shard.append(str(number), samples)[0])
    return found


def features(form: str) -> Turn:
    import torch

    from masr.features.log_mel import Config, build
    from masr.features.waveforms import Item, batches, read_waveforms

    torch.set_num_threads(1)
    module = build(Config())
    items = [Item(str(number), entry) for number, entry in enumerate(entries()[form])]

    def turn() -> float:
        read = (pair for pair in read_waveforms(items, RATE) if isinstance(pair, tuple))
        for batch in batches(read, 0, 0):
            module(batch.waveforms, batch.num_samples)
        return SECONDS

    return turn


def lhotse() -> Turn:
    import soundfile
    from lhotse import Fbank

    extractor = Fbank()

    def turn() -> float:
        for path in entries()["flac"]:
            extractor.extract(soundfile.read(path, dtype="float32")[0], RATE)
        return SECONDS

    return turn


def race() -> Race:
    runners = [
        Runner("int16 shard -> features", lambda: features("shard")),
        Runner("wav -> features", lambda: features("wav")),
        Runner("FLAC -> features", lambda: features("flac")),
        Runner("soundfile FLAC -> lhotse Fbank", lhotse),
    ]
    return Race("From the disk to log-mel features, as `masr features` reads", "audio-s", runners)
