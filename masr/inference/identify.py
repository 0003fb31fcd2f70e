"""A model that learnt labels, over pieces of speech of any length.

What is longer than the model saw in training is cut into windows of like length; their log-probabilities are averaged,
each by its encoded frames, and made probabilities again.

Shapes: B windows, S frames or samples, F features, C classes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from masr.data.collate import padded
from masr.data.dataset import samples_for
from masr.inference.batches import BATCH_FRAMES
from masr.inference.load import Model
from masr.types import FloatArray


@dataclass(frozen=True, slots=True)
class Window:
    """A piece of something that is to be identified."""

    item: int
    """Number of the file or utterance that it is a piece of."""
    values: FloatArray
    """(S, F) frames or (S,) samples."""
    num_frames: int
    """Frames that it costs in a batch."""
    num_windows: int
    """Windows of the whole item."""
    stats: Tensor | None = None
    """(2, F + 1) statistics of its speaker, where input is normalised by those."""


@dataclass(frozen=True, slots=True)
class Identified:
    """What the model says of an item."""

    item: int
    log_probabilities: FloatArray
    """(C,) calibrated log-probabilities."""
    num_encoded: int
    """Encoded frames; 0 where it is too short for any, and nothing is known."""
    num_windows: int


@dataclass(frozen=True)
class Geometry:
    """How frames, which windows are counted in, lie in samples."""

    sample_rate: int
    one: int
    """Samples of one frame."""
    shift: int
    """Samples from a frame to the next."""

    def num_frames(self, num_samples: int) -> int:
        """Frames in so many samples."""
        return max(0, 1 + (num_samples - self.one) // self.shift)


class Identifier:
    """The model, the names of its classes, and the longest window it takes."""

    def __init__(self, model: Model, objective: Any, max_frames: int) -> None:
        self.model = model
        self.objective = objective.eval().to(model.device)
        self.max_frames = max_frames
        self.languages: tuple[str, ...] = tuple(objective.config.classes)

    @property
    def geometry(self) -> Geometry:
        """How frames lie in the waveforms that the model takes."""
        model = self.model
        if model.takes_samples:
            return Geometry(model.sample_rate, model.sample_rate // 100, model.sample_rate // 100)
        model.require_waveforms()
        assert model.features is not None
        one = samples_for(model.features, 1)
        return Geometry(model.sample_rate, one, samples_for(model.features, 2) - one)

    def identify(self, windows: Iterable[Window], are_frames: bool) -> Iterator[Identified]:
        """What the model says of each item, once its last window is through.

        `are_frames`: whether windows hold features, not waveforms.
        """
        sums: dict[int, tuple[FloatArray, int, int]] = {}
        for batch in _batches(windows):
            rows, weights = self._run(batch, are_frames)
            for window, row, weight in zip(batch, rows, weights, strict=True):
                total, frames, count = sums.get(window.item, (np.zeros(len(self.languages), np.float32), 0, 0))
                if weight:
                    total = total + row * weight
                sums[window.item] = (total, frames + weight, count + 1)
                if count + 1 == window.num_windows:
                    yield _finished(window.item, *sums.pop(window.item))

    @torch.inference_mode()
    def _run(self, batch: list[Window], are_frames: bool) -> tuple[FloatArray, list[int]]:
        """(B, C) log-probabilities, and the encoded frames of each."""
        inputs, lengths = padded([window.values for window in batch])
        if not are_frames:
            inputs, lengths = self.model.featurise(inputs, lengths)
        given = [window.stats for window in batch if window.stats is not None]
        stats = torch.stack(given) if len(given) == len(batch) else None
        found, encoded = self.objective.log_probabilities(*self.model.ready(inputs, lengths, stats))
        return found.float().cpu().numpy(), encoded.tolist()


def num_windows(num_frames: int, longest: int) -> int:
    """Windows, none above `longest`, that cover all frames; at least one."""
    return max(1, -(-num_frames // longest))


def spans(num_frames: int, longest: int) -> Iterator[tuple[int, int]]:
    """First frame and frames of windows of like length that cover all; one by one, as a header may promise anything."""
    count = num_windows(num_frames, longest)
    for number in range(count):
        first = num_frames * number // count
        yield first, num_frames * (number + 1) // count - first


def _batches(windows: Iterable[Window]) -> Iterator[list[Window]]:
    """Windows in batches, as they come, as many as the budget allows with padding."""
    batch: list[Window] = []
    longest = 0
    for window in windows:
        longest = max(longest, window.num_frames)
        if batch and longest * (len(batch) + 1) > BATCH_FRAMES:
            yield batch
            batch, longest = [], window.num_frames
        batch.append(window)
    if batch:
        yield batch


def _finished(item: int, total: FloatArray, num_encoded: int, num_windows: int) -> Identified:
    mean = total.astype(np.float64) / max(1, num_encoded)
    mean -= mean.max()
    normal = (mean - np.log(np.exp(mean).sum())).astype(np.float32)
    return Identified(item, normal, num_encoded, num_windows)
