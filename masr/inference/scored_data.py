"""What a scorer reads of a data directory, and the confidence in each of its encoded frames."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from masr.config import Named
from masr.data.batching import Int64Array
from masr.data.dataset import SampleSource, Source, open_frames
from masr.errors import CheckpointError, DataError
from masr.inference.batches import of_like_length, read_whole
from masr.inference.frame_scorer import FrameScorer
from masr.io.ark import read_shape
from masr.io.confidence import data_digest
from masr.io.datadir import DataDir
from masr.io.layout import FEATS_SCP, UTT2DUR, UTT2NUM_FRAMES, WAV_SCP
from masr.types import FloatArray


class ScoredData:
    """A data directory as a scorer reads it: archives of the features that it was trained on, or audio."""

    def __init__(self, scorer: FrameScorer, data: DataDir, made: Named | None) -> None:
        """`made` are the features of the archives, where that is known."""
        self.scorer, self.data = scorer, data
        self.source, self.are_frames = _open(scorer, data, made)
        counts = self.source.num_samples if isinstance(self.source, SampleSource) else self.source.num_frames
        self.counts: Int64Array = counts
        """(N,) frames or samples of every utterance."""
        self.lengths: Int64Array = scorer.emitter.num_encoded(torch.from_numpy(counts)).numpy()
        """(N,) encoded frames."""
        if not (self.lengths > 0).any():
            raise DataError(
                f"{data.folder}: none of its {len(data)} utterances is long enough for an encoded frame",
                fix=f"look at their lengths: masr data show {data.folder}",
            )

    def digest(self, first: int, last: int) -> str:
        """Changes when other utterances, or of other lengths, stand in these places."""
        return data_digest((self.data.utts[place] for place in range(first, last)), self.lengths[first:last])

    def batches(self, first: int, last: int) -> Iterator[Int64Array]:
        """Places of utterances of like length, without those that have no encoded frame."""
        places = np.arange(first, last)
        return of_like_length(places[self.lengths[places] > 0], self.source.num_frames, self.counts)

    def score(self, places: Int64Array) -> list[FloatArray]:
        """(T,) of each."""
        batch = read_whole(self.data, self.source, places, self.scorer.emitter.wants_speakers)
        found, encoded = self.scorer(batch, self.are_frames)
        if not np.array_equal(encoded.cpu().numpy(), self.lengths[places]):
            table = UTT2DUR if self.scorer.emitter.takes_samples else UTT2NUM_FRAMES
            raise DataError(
                f"{self.data.folder}: {batch.utts[0]} or its neighbours have other lengths than {table} says",
                why="the audio or the features changed since that was written",
                fix=f"make it again: masr {'prepare' if table == UTT2DUR else 'features'}",
            )
        values = found.float().cpu().numpy()
        if not np.isfinite(values).all():
            bad = batch.utts[int(np.flatnonzero(~np.isfinite(values).all(axis=1))[0])]
            raise CheckpointError(
                f"{self.scorer.folder}: its output is not a number for {bad}",
                why="the scorer diverged in training, or the features of this utterance are broken",
                fix=f"look at both: masr data validate {self.data.folder}",
            )
        return [row[: self.lengths[p]] for row, p in zip(values, places, strict=True)]


def _open(scorer: FrameScorer, data: DataDir, made: Named | None) -> tuple[Source, bool]:
    """What is read, and whether it is features."""
    emitter = scorer.emitter
    if emitter.takes_samples:
        if not data.has(WAV_SCP):
            raise DataError(
                f"{data.folder} has no {WAV_SCP}, and the scorer takes waveforms", fix="give a directory with its audio"
            )
        return SampleSource(data, emitter.sample_rate), False
    if not data.has(FEATS_SCP):
        if emitter.features is not None and data.has(UTT2NUM_FRAMES) and data.has(WAV_SCP):
            return open_frames(data, emitter.features), False
        raise DataError(
            f"{data.folder} has no features",
            why="the scorer takes frames",
            fix=f"run stage 2: masr features {data.folder}",
        )
    _check_features(scorer, data, made)
    return open_frames(data, None), True


def _check_features(scorer: FrameScorer, data: DataDir, made: Named | None) -> None:
    """DataError where the archives hold other features than the scorer was trained on."""
    trained = scorer.features
    if trained is not None and made != trained:
        what = "of unknown make" if made is None else str(made.config)
        raise DataError(
            f"{data.folder} holds other features than the scorer was trained on: {what}, not {trained.config}",
            why="stage 2 of this data had another configuration than that of the scorer's training data",
            fix=f"make them alike, or give a scorer of these features: masr features {data.folder} --conf CONF",
        )
    taken = int(scorer.emitter.model.encoder.num_bins)
    width = read_shape(data.table(FEATS_SCP).at(0))[1] if len(data) else taken
    if width != taken:
        raise DataError(
            f"{data.folder}: its frames have {width} values, and the scorer takes {taken}",
            why="they are of another make than those the scorer was trained on",
            fix=f"make them alike: masr features {data.folder} --conf CONF",
        )
