"""The trivial answer to any question about a recording: statistics of its features over time, without an encoder.

Shapes: T frames, F features of a frame (bins of log-mel).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from masr.errors import DataError
from masr.inference.extracted import Extracted, Plan
from masr.io.ark import parse_entry, read_matrix, read_shape
from masr.io.datadir import DataDir
from masr.io.identity import identity
from masr.io.layout import FEATS_SCP, RESOLVED_CONFIG, UTT2NUM_FRAMES
from masr.io.progress import track
from masr.types import FloatArray, slice_of

NAME = "statistics"
"""The word that stands in the place of a model."""
_NUM_KINDS = 3


def statistics_of(frames: FloatArray) -> FloatArray:
    """(T, F) -> (3F,): mean, standard deviation, and mean absolute step from frame to frame, 0 for a single frame."""
    steps = np.abs(np.diff(frames, axis=0)).mean(axis=0, dtype=np.float64) if len(frames) > 1 else 0 * frames[0]
    mean, deviation = frames.mean(axis=0, dtype=np.float64), frames.std(axis=0, dtype=np.float64)
    return np.concatenate([mean, deviation, steps]).astype(np.float32)


class StatisticsOfFeatures:
    """A vector of statistics for each utterance of a data directory, from its archives."""

    def __init__(self, data: DataDir) -> None:
        for name in (FEATS_SCP, UTT2NUM_FRAMES):
            if not len(data) or not data.has(name) or not data.complete(name):
                raise DataError(
                    f"{data.folder} has no {name}, or not of every utterance",
                    why="statistics are those of the features of stage 2",
                    fix=f"make them: masr features {data.folder}",
                )
        self.data, self.table = data, data.table(FEATS_SCP)
        self.lengths = data.table(UTT2NUM_FRAMES).counts()
        self.num_features = int(read_shape(self.table.at(0))[-1])
        key = f"{NAME} of {self.num_features} features {self._make()}"
        self.extracted = Extracted(data, Plan((None,), "statistics", key), self.lengths)

    def run_job(self, out: Path, job: int, num_jobs: int) -> None:
        """Extracts the J-th of N slices into OUT/jobs; one utterance is held at a time."""
        first, last = slice_of(len(self.data), job, num_jobs)
        with self.extracted.slice(out, job, num_jobs, _NUM_KINDS * self.num_features) as (array,):
            for place in track(range(first, last), self.data.folder.name, unit="utterance"):
                array[place - first] = statistics_of(self._read(place))

    def _make(self) -> str:
        """What stage 2 wrote of the archives' make, as one line; `missing` where another program made them."""
        return identity(parse_entry(self.table.at(0))[0].with_name(RESOLVED_CONFIG))

    def _read(self, place: int) -> FloatArray:
        """(T, F) of one utterance."""
        frames = read_matrix(self.table.at(place))
        wanted = (int(self.lengths[place]), self.num_features)
        if frames.shape != wanted or not len(frames):
            raise DataError(
                f"{self.data.folder}: the features of {self.data.utts[place]} are {frames.shape}, not {wanted}",
                why=f"they changed since {UTT2NUM_FRAMES} was written, or the utterances' features differ in width",
                fix=f"make them again: masr features {self.data.folder}",
            )
        if not np.isfinite(frames).all():
            raise DataError(
                f"{self.data.folder}: the features of {self.data.utts[place]} are not all finite",
                why="the program that made them let NaN or infinite values through",
                fix=f"make them again: masr features {self.data.folder}",
            )
        return frames
