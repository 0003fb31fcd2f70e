"""The phone in the middle of each encoded frame, by an alignment (phones.ctm): what a classifier of frames learns.

Shapes: B utterances, T encoded frames.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from masr.data.batching import Int64Array
from masr.errors import DataError
from masr.io.alignment import stretches_of
from masr.io.datadir import DataDir
from masr.io.layout import CORRUPTED_CTM, PHONES_CTM


@dataclass(frozen=True)
class FrameLabels:
    """Labels of the frames of one data directory, and when those frames are."""

    data: DataDir
    numbers: Mapping[str, int]
    """Phone -> its class; -1 where it has none."""
    rest: int
    """The class of what lies between phones."""
    first_sec: float
    """The middle of an utterance's first encoded frame."""
    input_sec: float
    """From one input frame, or sample, to the next."""
    factor: int
    num_encoded: Int64Array
    """(L,) encoded frames: at place n, how many come out of n input frames, or samples."""
    covered: int = -1
    """The class of frames where speech was corrupted; -1 where they have none."""

    def read(self, utts: Sequence[str], firsts: Int64Array, counts: Int64Array) -> Tensor:
        """(B, T) classes of each utterance's window of input frames, or samples.

        -1 past the end, in utterances that are not aligned, and where the phone has no class. Where speech was
        corrupted the alignment is of what was heard before, and does not count.
        """
        sizes = self.num_encoded[counts]
        found = torch.full((len(utts), max(1, int(sizes.max()))), -1, dtype=torch.int64)
        for row, (utt, first, size) in enumerate(zip(utts, firsts, sizes, strict=True)):
            middles = self.first_sec + (first + np.arange(size) * self.factor) * self.input_sec
            phones = stretches_of(self.data, PHONES_CTM, utt)
            if not phones.labels:
                continue
            classes = np.array([self.numbers.get(phone, -1) for phone in phones.labels])
            places = phones.places(middles)
            labels = np.where(places >= 0, classes[places], self.rest)
            if self.data.has(CORRUPTED_CTM):
                labels[stretches_of(self.data, CORRUPTED_CTM, utt).places(middles) >= 0] = self.covered
            found[row, :size] = torch.from_numpy(labels)
        return found


def phones_of(data: DataDir) -> set[str]:
    """Every phone of an alignment; DataError where there is none."""
    if not data.has(PHONES_CTM):
        raise DataError(
            f"{data.folder} has no {PHONES_CTM}, and the objective learns the phone of each frame",
            why="nothing says when which phone is spoken",
            fix="take a corpus with alignments, or learn from transcripts: objective: {name: ctc}",
        )
    utts = data.table(PHONES_CTM).keys()
    return {phone for utt in utts for phone in stretches_of(data, PHONES_CTM, utt).labels}
