"""From audio on the disk to a padded batch of log-mel, as a training step reads it."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
from race import Race, Runner, Turn

RATE, NUM_UTTS, SECONDS = 16000, 24, 8.0


@cache
def folders() -> dict[str, Path]:
    """One data directory over FLAC files, one over int16 shards of the same audio."""
    import soundfile

    from masr.features.log_mel import Config, build
    from masr.io.datadir import write_datadir
    from masr.io.shards import ShardWriter

    root = Path(tempfile.mkdtemp(prefix="bench-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    rng = np.random.default_rng(0)
    entries: dict[str, dict[str, str]] = {"flac": {}, "shard": {}}
    with ShardWriter(root / "shard.ark") as shard:
        for utt in (f"u{number:02d}" for number in range(NUM_UTTS)):
            time = np.arange(int(SECONDS * RATE)) / RATE
            phase = 2 * np.pi * np.cumsum(120 + 40 * np.sin(2 * time + len(entries["flac"]))) / RATE
            voice = sum(np.sin(k * phase) / k for k in range(1, 20)) * (0.5 + 0.5 * np.sin(7 * time))
            samples = (3000 * voice + 100 * rng.standard_normal(len(time))).astype(np.int16)
            soundfile.write(root / f"{utt}.flac", samples, RATE)
            entries["flac"][utt] = str(root / f"{utt}.flac")
            entries["shard"][utt] = shard.append(utt, samples)[0]
    frames = str(build(Config()).num_frames(int(SECONDS * RATE)))
    for form, table in entries.items():
        same = {utt: utt for utt in table}
        write_datadir(root / form, {"wav.scp": table, "utt2spk": same, "utt2num_frames": dict.fromkeys(table, frames)})
    return {form: root / form for form in entries}


def ours(form: str) -> Turn:
    import torch

    from masr.data.batch_config import Config as BatchingConfig
    from masr.data.batching import Batches
    from masr.data.collate import Order, Preparation, Steps
    from masr.data.dataset import Config, Input, frames_of
    from masr.features.log_mel import Config as LogMelConfig
    from masr.features.log_mel import build
    from masr.io.datadir import DataDir

    torch.set_num_threads(1)
    folder, features = folders()[form], build(LogMelConfig())
    config = Config(source="waveform", normalise="none", num_workers=0)
    batches = Batches(frames_of(DataDir.open(folder)), BatchingConfig(), 0)
    given = Input(folder, config, features)
    steps, preparation = Steps(given, Order(batches, 0)), Preparation(given, torch.device("cpu"))

    def turn() -> float:
        for batch in steps[0]:
            preparation(batch, augment=False)
        return NUM_UTTS * SECONDS

    return turn


def lhotse() -> Turn:
    import torch
    from lhotse import CutSet, Fbank, Recording
    from lhotse.dataset.input_strategies import OnTheFlyFeatures

    torch.set_num_threads(1)
    paths = sorted(folders()["flac"].parent.glob("*.flac"))
    cuts = CutSet.from_cuts(Recording.from_file(path).to_cut() for path in paths).to_eager()
    strategy = OnTheFlyFeatures(Fbank())

    def turn() -> float:
        strategy(cuts)
        return NUM_UTTS * SECONDS

    return turn


def race() -> Race:
    runners = [
        Runner("FLAC -> batch", lambda: ours("flac")),
        Runner("lhotse on the fly, FLAC -> batch", lhotse, 1.5),
        Runner("int16 shard -> batch, ours too", lambda: ours("shard")),
    ]
    return Race("From FLAC files to a batch of log-mel, and what shards save", "audio-s", runners)
