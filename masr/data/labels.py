"""What the metadata say of each utterance, one stream at a time, and labels that are made worse on purpose."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
import numpy.typing as npt

from masr.data.batching import Int64Array
from masr.data.collate import Labels
from masr.io.datadir import DataDir
from masr.maths.keyed_random import combine, places_of, uniform
from masr.metadata.codebook import is_missing
from masr.types import Stream

_PURPOSE = 53
_FEW = -1
"""Stands for a stream's number where a few utterances of each label are chosen."""


@dataclass(frozen=True)
class Corruption:
    """How many labels are wrong or missing; which ones is a function of the seed and the utterance's id alone."""

    noise: float = 0.0
    """Share of the labelled utterances that get another label of the set."""
    drop: float = 0.0
    """Share of the utterances whose label is taken away; of the others `noise` are wrong."""
    seed: int = 0
    number: int = 0
    """The number of the stream, so that two streams do not lose the same utterances."""


NONE = Corruption()


class Column(Sequence[str | None]):
    """The label of each utterance by its place, read when asked for: of the first table that knows it."""

    def __init__(self, data: DataDir, tables: Iterable[str]) -> None:
        self.data = data
        self.tables = [(name, data.complete(name)) for name in tables if data.has(name)]
        self.changed: dict[int, str | None] = {}
        """Place of an utterance -> what stands there in stead of the true label."""

    def __len__(self) -> int:
        return len(self.data)

    @overload
    def __getitem__(self, place: int) -> str | None: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[str | None]: ...
    def __getitem__(self, place: int | slice) -> str | Sequence[str | None] | None:
        if isinstance(place, slice):
            return [self[i] for i in range(*place.indices(len(self)))]
        return self.changed[place] if place in self.changed else self.truth(place)

    def truth(self, place: int) -> str | None:
        """The label that the tables give the utterance in that place; None where they give none."""
        for name, complete in self.tables:
            table = self.data.table(name)
            label = table.at(place) if complete else table.get(self.data.utts[place])
            if label and not is_missing(label):
                return label
        return None


def label_set(columns: Iterable[Column]) -> dict[str, int]:
    """Every label in use and its number, in the order of the sorted labels."""
    found = {label for column in columns for label in column if label is not None}
    return {label: number for number, label in enumerate(sorted(found))}


def labels_of(column: Column, stream: Stream, numbers: Mapping[str, int], corruption: Corruption = NONE) -> Labels:
    """The labels of a data directory as text and as numbers, corrupted where that is asked for."""
    labels = [column.truth(place) for place in range(len(column))]
    ids = np.array([-1 if label is None else numbers[label] for label in labels], dtype=np.int64)
    if corruption.noise or corruption.drop:
        worse = corrupted(ids, column.data.utts, corruption)
        names = list(numbers)
        column.changed = {
            int(place): None if worse[place] < 0 else names[worse[place]] for place in np.flatnonzero(worse != ids)
        }
        ids = worse
    return Labels(stream, column, ids)


def corrupted(ids: Int64Array, utts: Iterable[str], corruption: Corruption) -> Int64Array:
    """(N,) numbers of labels, -1 where missing -> the same with some wrong and some missing."""
    draws = _draws(utts, corruption)
    known = np.unique(ids[ids >= 0])
    worse = ids.copy()
    if len(known) > 1:
        noisy = (ids >= 0) & (draws[:, 0] < corruption.noise)
        steps = 1 + (draws[noisy, 1] * (len(known) - 1)).astype(np.int64)
        worse[noisy] = known[(np.searchsorted(known, ids[noisy]) + steps) % len(known)]
    worse[draws[:, 2] < corruption.drop] = -1
    return worse


def few(ids: Int64Array, utts: Iterable[str], shots: int, seed: int) -> Int64Array:
    """(N,) numbers of labels -> the same with -1 for all but `shots` utterances of each.

    Which ones is a function of the seed and the utterances' ids, so a smaller number keeps a part of a larger one's.
    """
    draws = _draws(utts, Corruption(seed=seed, number=_FEW))[:, 0]
    order = np.lexsort((draws, ids))
    rank = np.empty(len(ids), dtype=np.int64)
    rank[order] = np.arange(len(ids)) - np.searchsorted(ids[order], ids[order])
    return np.where(rank < shots, ids, -1)


def _draws(utts: Iterable[str], corruption: Corruption) -> npt.NDArray[np.float64]:
    """(N, 3) uniform numbers that belong to the utterances."""
    keys = combine(corruption.seed, corruption.number, places_of(utts))
    found: npt.NDArray[np.float64] = uniform(keys, 3, _PURPOSE).double().numpy()
    return found
