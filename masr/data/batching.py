"""Which utterances stand together in which step: a pure function of (seed, step).

So a run that is killed and resumed sees what it would have seen, and no rank has to be told what the others do.
No batch ever costs more than its budget, counted with padding.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from masr.data.balanced import Balanced
from masr.data.batch_config import Config
from masr.data.cutting import cut_step
from masr.data.grouping import Groups, drawn, groups_of
from masr.data.sharing import Arrays, Share, alone
from masr.errors import DataError

Int64Array = npt.NDArray[np.int64]

_JITTER = 0.1
"""Lengths are shaken by up to this share before they are sorted, so that batches differ between epochs."""


class Batches:
    """The plan of all steps; `at(step)` gives the places of one step's utterances in the data directory.

    Ranks that share it ask for the same steps in the same order.
    """

    def __init__(
        self,
        lengths: Int64Array,
        config: Config,
        seed: int,
        labels: Int64Array | None = None,
        kept: npt.NDArray[np.bool_] | None = None,
        share: Share = alone,
    ) -> None:
        """`lengths` and `labels` are (N,); of utterances whose `kept`, (N,), is false no batch holds any.

        Where config.stream balances batches, labels are those of the stream, -1 for none. Else they are what the
        objective learns, and an utterance without one is left out.
        """
        self.config, self.seed, self.share = config, seed, share
        self.places: Any
        self.lengths: Any
        self.places, self.lengths = share(lambda: _usable(lengths, config, kept))
        self.labels = labels if config.stream else None
        """(N,) labels of the stream that batches are balanced by; None where they are not balanced."""
        self.balanced, self.drawn = None, None
        if config.stream:
            self.balanced = Balanced(self._groups(labels, 2), self.lengths, config, seed, share)
        elif labels is not None:
            self.drawn = self._groups(labels, 1)
        self._epoch: tuple[int, int, Arrays] | None = None
        """The number of the epoch at hand, its first step, and its plan."""

    def at(self, step: int) -> Int64Array:
        """Places of the utterances of `step`, counted from 0."""
        if self.balanced is not None:
            return self.balanced.at(step).astype(np.int64)
        if self._epoch is None or step < self._epoch[1]:
            self._epoch = 0, 0, self._planned(0)
        epoch, first, (order, ends) = self._epoch
        while step >= first + len(ends):
            epoch, first = epoch + 1, first + len(ends)
            order, ends = self._planned(epoch)
            self._epoch = epoch, first, (order, ends)
        number = step - first
        return order[ends[number - 1] if number else 0 : ends[number]].astype(np.int64)

    def parts(self, places: Int64Array, ranks: int, micro_batches: int) -> list[Int64Array]:
        """The places of one step in parts of like cost with padding: of the first micro-batch all ranks', and so on.

        Some are empty where there are fewer utterances than parts.
        """
        labels = None if self.labels is None else self.labels[places]
        return [places[rows] for rows in cut_step(self.lengths[places].astype(np.int64), labels, ranks, micro_batches)]

    def epoch(self, number: int) -> list[Int64Array]:
        """Every usable utterance once, or drawn by label, in batches of like length, in shuffled order."""
        order, ends = self._planned(number)
        return np.split(order, ends[:-1])

    def _groups(self, labels: Int64Array | None, fewest: int) -> Groups:
        """Utterances by label; of a balanced batch's label two are needed, as one alone gives no positive."""
        config = self.config
        if labels is None:
            raise DataError(
                f"batches are balanced by the stream {config.stream!r}, which this run does not have",
                fix="name one of the run's streams in batching.stream, or leave it empty",
            )
        found = self.share(lambda: groups_of(self.places, labels, config.label_power, fewest).flat())
        groups = Groups.of(*found)
        if len(groups.members) < 2:
            what = f"the stream {config.stream!r} has" if config.stream else "the training data have"
            fix = (
                "leave batching.stream empty, for batches of like length, or lower label_drop" if config.stream else ""
            )
            raise DataError(f"{what} fewer than two labels with {fewest} utterances each", fix=fix)
        return groups

    def _planned(self, number: int) -> Arrays:
        """The places of an epoch's batches one after another, and where each batch ends."""
        return self.share(lambda: self._shuffled(number))

    def _shuffled(self, number: int) -> Arrays:
        random = np.random.default_rng([self.seed, 1, number])
        places = self.places if self.drawn is None else drawn(self.drawn, random)
        shaken = random.uniform(-_JITTER, _JITTER, len(places))  # in place: there are as many as the corpus has
        shaken += 1
        shaken *= self.lengths[places]
        order = places[np.argsort(shaken, kind="stable")]
        del shaken
        batches = self._cut(order)
        batches = [batches[i] for i in random.permutation(len(batches))]
        return np.concatenate(batches), np.cumsum([len(batch) for batch in batches])

    def _cut(self, order: Int64Array) -> list[Int64Array]:
        """Consecutive pieces as long as the budget allows; the longest so far sets the price of each."""
        lengths, most = self.lengths[order], self.config.max_utterances
        counts = np.arange(1, most + 1)
        pieces, start = [], 0
        while start < len(order):
            window = lengths[start : start + most]
            over = np.maximum.accumulate(window) * counts[: len(window)] > self.config.batch_frames
            size = int(over.argmax()) or len(window)  # one utterance is never over
            pieces.append(order[start : start + size])
            start += size
        return pieces


def _usable(lengths: Int64Array, config: Config, kept: npt.NDArray[np.bool_] | None) -> Arrays:
    """The places of the utterances that may stand in a batch, and what every utterance has after cropping."""
    usable = lengths >= config.min_frames
    if kept is not None:
        usable &= kept
    if not config.crop:
        usable &= lengths <= config.max_frames
    # Half of what numbers of 64 bits take, for arrays as long as the corpus; what leaves here has 64.
    small: Any = np.int32 if len(lengths) < 1 << 31 else np.int64
    places = np.flatnonzero(usable).astype(small)
    if not len(places):
        raise DataError(
            f"none of {len(lengths)} utterances has {config.min_frames} to {config.max_frames} frames",
            fix="change batching.min_frames or batching.max_frames",
        )
    return places, np.minimum(lengths, config.max_frames).astype(small)


def worst_case(batches: Batches, steps: Sequence[int], ranks: int = 1, micro_batches: int = 1) -> int:
    """The step among `steps` whose costliest part, of all ranks and micro-batches, has most frames with padding.

    The same on every rank: what a preflight has to survive.
    """
    return max(steps, key=lambda step: _cost(batches, step, ranks, micro_batches))


def _cost(batches: Batches, step: int, ranks: int, micro_batches: int) -> int:
    cut = batches.parts(batches.at(step), ranks, micro_batches)
    return max(int(batches.lengths[part].max()) * len(part) for part in cut if len(part))
