"""The audio of a data directory by place and sample, without a look at what is not asked for."""

from __future__ import annotations

import numpy as np

from masr.data.batching import Int64Array
from masr.errors import DataError
from masr.features.waveforms import Item, Unread, items_of
from masr.io.audio import SAMPLE_RATE, entry_info, read_audio
from masr.io.datadir import DataDir
from masr.io.datadir.choose import durations
from masr.io.layout import SEGMENTS, UTT2DUR
from masr.types import FloatArray


class Samples:
    """Audio by wav.scp, and by segments where there are any."""

    def __init__(self, data: DataDir, sample_rate: int) -> None:
        self.data, self.sample_rate = data, sample_rate
        self.num_samples: Int64Array = np.rint(_seconds(data) * sample_rate).astype(np.int64)
        """(N,) samples of every utterance."""

    def read(self, place: int, first: int, count: int) -> FloatArray:
        """(count,) samples from sample `first` on."""
        item = item_at(self.data, place)
        start = round(item.start_sec * self.sample_rate) + first
        known = round(item.end_sec * self.sample_rate) if item.end_sec is not None else start + count
        end = min(start + count, known)
        rate = self.sample_rate
        samples = read_audio(item.entry, start / rate, end / rate, sample_rate=rate)
        short = count - len(samples)
        # Durations that another program wrote may be rounded.
        if short > 0.02 * rate:
            raise DataError(
                f"{self.data.folder}: {item.utt} is {short / rate:.3f} s shorter than {UTT2DUR} says",
                why="the audio or the tables changed since they were made",
                fix=f"masr data validate {self.data.folder}",
            )
        return np.pad(samples, (0, short)) if short > 0 else samples


def item_at(data: DataDir, place: int) -> Item:
    """Where the samples of the utterance in that place are."""
    utt = data.utts[place]
    item = next(iter(items_of(data, [utt])))
    if isinstance(item, Unread):
        raise DataError(f"{data.folder}: {utt}: {item.reason}", fix=f"masr data validate {data.folder}")
    return item


def _seconds(data: DataDir) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """(N,) how long every utterance is: utt2dur, or what segments or the audio's headers say."""
    if data.has(UTT2DUR) and data.complete(UTT2DUR):
        return data.table(UTT2DUR).numbers()
    if not data.has(UTT2DUR) and not data.has(SEGMENTS):
        entries = (item_at(data, place).entry for place in range(len(data)))
        return np.fromiter((entry_info(entry).duration_sec for entry in entries), np.float64, len(data))
    found = durations(data)
    return np.fromiter((found[utt] for utt in data.utts), dtype=np.float64, count=len(data))


def sample_rate_of(encoder: object) -> int:
    """Samples per second of the waveforms that an encoder takes, where it takes such."""
    return int(getattr(encoder, "sample_rate", SAMPLE_RATE))
