"""Whole utterances of a data directory in batches of like length, as a trained model reads them.

Shapes: B utterances, S frames or samples, F features.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from masr.data.batching import Int64Array
from masr.data.collate import padded
from masr.data.dataset import SampleSource, Source, open_frames, speaker_stats
from masr.errors import DataError
from masr.inference.load import Model
from masr.io.datadir import DataDir
from masr.types import Batch

BATCH_FRAMES = 12_000
"""Frames of a batch with its padding, unless one utterance alone has more; of samples, pieces of 10 ms."""


def check_make(data: DataDir, model: Model, from_archives: bool) -> None:
    """DataError where there is nothing that the model can read."""
    if not from_archives and model.features is None and not model.takes_samples:
        raise DataError(
            f"{data.folder}: its archives are not of the make that the model was trained on",
            fix="run stage 2 with the configuration of the model's training data",
        )


def open_speech(data: DataDir, model: Model, from_archives: bool) -> Source:
    """Samples, frames of archives, or samples that the model's frames are made of."""
    if model.takes_samples:
        return SampleSource(data, model.sample_rate)
    return open_frames(data, None if from_archives else model.features)


def pools(first: int, last: int, size: int) -> Iterator[Int64Array]:
    """Places in order, so many at a time: utterances of a pool are sorted by length together."""
    for start in range(first, last, size):
        yield np.arange(start, min(start + size, last))


def of_like_length(places: Int64Array, num_frames: Int64Array, sizes: Int64Array | None = None) -> Iterator[Int64Array]:
    """The places in batches, the longest first; `sizes` are finer lengths to sort by, where there are such."""
    order = places[np.argsort(-(num_frames if sizes is None else sizes)[places], kind="stable")]
    while len(order):
        count = max(1, BATCH_FRAMES // max(1, int(num_frames[order[0]])))
        yield order[:count]
        order = order[count:]


def read_whole(data: DataDir, source: Source, places: Int64Array, with_stats: bool) -> Batch:
    """Utterances as they lie on disk, not normalised; with the statistics of their speakers where they are wanted."""
    features, lengths = padded([source.read(int(p), 0, int(source.num_frames[p])) for p in places])
    stats = torch.stack([torch.from_numpy(speaker_stats(data, int(p))) for p in places]) if with_stats else None
    utts = tuple(data.utts[int(p)] for p in places)
    return Batch(utts, features, lengths, torch.zeros(len(utts), dtype=torch.int64), stats=stats)
