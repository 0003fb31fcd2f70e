"""Which encoded frames lie in speech that was left as it was, where corrupted.ctm says what was not.

It guides nothing: it is for the log, which says by it how much of what is hidden is worth learning from.

Shapes: B utterances, T encoded frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from masr.data.batching import Int64Array
from masr.io.alignment import stretches_of
from masr.io.datadir import DataDir
from masr.io.layout import CORRUPTED_CTM


@dataclass(frozen=True)
class CleanFrames:
    """The encoder's frames by time: of which input, how many, how far apart."""

    first_sec: float
    """The middle of an utterance's first encoded frame."""
    input_sec: float
    """From one input frame, or sample, to the next."""
    factor: int
    num_encoded: Int64Array
    """(L,) encoded frames: at place n, how many come out of n input frames, or samples."""

    def read(self, data: DataDir, utts: Sequence[str], firsts: Int64Array, counts: Int64Array) -> Tensor | None:
        """(B, T) 1.0 where the middle of a frame is in speech as it was; 0 past the end; None where nobody says."""
        if not data.has(CORRUPTED_CTM):
            return None
        sizes = self.num_encoded[counts]
        found = torch.zeros(len(utts), max(1, int(sizes.max())))
        for row, (utt, first, size) in enumerate(zip(utts, firsts, sizes, strict=True)):
            middles = self.first_sec + (first + np.arange(size) * self.factor) * self.input_sec
            places = stretches_of(data, CORRUPTED_CTM, utt).places(middles)
            found[row, :size] = torch.from_numpy(places < 0).float()
        return found
