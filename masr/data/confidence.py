"""How sure a scorer was of every encoded frame, as stage 5 stored it: confidence.scp.

Shapes: B utterances, T encoded frames, N utterances of the data directory.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from masr.data.batching import Int64Array
from masr.data.content import first_that_differs
from masr.errors import DataError
from masr.io.ark import read_array, read_shape
from masr.io.confidence import Facts, data_digest, read_facts
from masr.io.datadir import DataDir
from masr.io.datadir.view import open_table
from masr.io.layout import CONFIDENCE_SCP
from masr.types import FloatArray

_PROBES = 200
"""Utterances that are looked at before training begins; all others are when they are read."""
_SAME_SEC = 1e-6


class Confidences:
    """The stored confidences of a data directory, and checks that they are of its speech and of the encoder's rate."""

    def __init__(self, folder: Path, data: DataDir, factor: int, whole: Int64Array, num_encoded: Int64Array) -> None:
        """`whole`, (N,), are the encoded frames of every utterance; `num_encoded` those of so many input frames."""
        self.folder, self.factor = folder, factor
        self.whole, self.num_encoded = whole, num_encoded
        if not (folder / CONFIDENCE_SCP).is_file():
            raise DataError(
                f"{folder} has no {CONFIDENCE_SCP}, and the frames of {data.folder} are to be masked by it",
                why="stage 5 has not run, or the confidences lie in another folder",
                fix=f"run stage 5: masr confidence SCORER {data.folder}{'' if folder == data.folder else f' {folder}'}",
            )
        self.facts: Facts = read_facts(folder)
        self.table = open_table(folder / CONFIDENCE_SCP)

    def check_rate(self, frame_shift_sec: float) -> None:
        """DataError where the encoder's frames are not as long as the scorer's."""
        theirs = self.facts.frame_shift_sec
        if abs(theirs - frame_shift_sec) > _SAME_SEC:
            raise DataError(
                f"{self.folder} has a confidence every {1000 * theirs:g} ms ({1 / theirs:g} a second), and the encoder "
                f"makes a frame every {1000 * frame_shift_sec:g} ms ({1 / frame_shift_sec:g} a second)",
                why=f"the scorer, {self.facts.scorer}, subsamples by {self.facts.subsampling} and the encoder by "
                f"{self.factor}",
                fix="give both the same encoder.subsampling, and score the data again where it is the scorer's that "
                "changes (masr confidence)",
            )

    def check_corpus(self, data: DataDir) -> None:
        """DataError where the confidences are of other utterances, other lengths, or other speech of the same names.

        A part of a scored directory, whose facts are those of the whole, is looked at in a few utterances alone.
        """
        for place in np.unique(np.linspace(0, len(data) - 1, _PROBES).astype(int)) if len(data) else ():
            if self.whole[place]:
                utt = data.utts[int(place)]
                self._compare(utt, int(place), read_shape(self._entry(utt)))
        if self.facts.data_digest and self.facts.data_digest != data_digest(data.utts, self.whole):
            raise DataError(
                f"{self.folder} holds confidences of {self.facts.num_utts} utterances of {self.facts.data}, and the "
                f"{len(data)} of {data.folder} are others or of other lengths",
                why="the data directory changed after it was scored, or they are of another of its name",
                fix=self._score_again(data),
            )
        other = first_that_differs(data, self.facts.content)
        if other is not None:
            raise DataError(
                f"{self.folder} holds confidences of other speech than {data.folder}: {other} has the length that it "
                "was scored with, but sounds otherwise",
                why=f"they were made of {self.facts.data}: another corpus of the same names, or this one before noise "
                "or rooms were added",
                fix=self._score_again(data),
            )

    def _score_again(self, data: DataDir) -> str:
        out = "" if self.folder == data.folder else f" {self.folder}"
        return f"score this data: masr confidence {self.facts.scorer} {data.folder}{out} --replace"

    def read(self, utts: Sequence[str], places: Int64Array, firsts: Int64Array, counts: Int64Array) -> Tensor:
        """(B, T) of each utterance's window of input frames, or samples; 0 past the end."""
        sizes = self.num_encoded[counts]
        found = torch.zeros(len(utts), max(1, int(sizes.max())))
        for row, (utt, place, first, size) in enumerate(zip(utts, places, firsts // self.factor, sizes, strict=True)):
            if size:
                values = read_array(self._entry(utt))
                self._compare(utt, int(place), values.shape)
                found[row, :size] = torch.from_numpy(self._within(utt, values[first : first + size], int(size)))
        return found

    def _entry(self, utt: str) -> str:
        entry = self.table.get(utt)
        if entry is None:
            raise DataError(
                f"{self.folder / CONFIDENCE_SCP} has no confidences of {utt}",
                why=f"they are of another corpus, or of this one as it was: they were made of {self.facts.data}",
                fix="score the data that is trained on: masr confidence SCORER DATA",
            )
        return entry

    def _compare(self, utt: str, place: int, shape: tuple[int, ...]) -> None:
        """DataError where there is not exactly one confidence for each encoded frame of the whole utterance."""
        if shape != (int(self.whole[place]),):
            raise DataError(
                f"{self.folder}: {utt} has confidences of shape {shape}, and the encoder makes {self.whole[place]} "
                "frames of it",
                why="they are of another recording of this name, or of a scorer whose front end counts otherwise",
                fix="score this data by a scorer with the encoder's front end: masr confidence SCORER DATA",
            )

    def _within(self, utt: str, values: FloatArray, size: int) -> FloatArray:
        if len(values) < size:
            raise DataError(
                f"{self.folder}: {utt} has {len(values)} confidences of a crop of {size} encoded frames",
                why="the encoder makes more frames of a crop than of the whole, so that no score fits it",
                fix="set batching.max_frames above the longest utterance",
            )
        if not bool(((values >= 0) & (values <= 1)).all()):
            raise DataError(
                f"{self.folder}: {utt} has confidences outside 0 to 1",
                why="they are no probabilities: another program wrote them, logarithms perhaps",
                fix="score the data by masr confidence SCORER DATA",
            )
        return values.astype(np.float32, copy=False)
