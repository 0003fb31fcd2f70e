"""Utterances by label, and how often each label is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from masr.data.sharing import Arrays

Int64Array = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Groups:
    """The utterances of each label that is drawn, and the others."""

    members: list[Int64Array]
    """Places, by label."""
    shares: npt.NDArray[np.float64]
    """How often each label is drawn; they sum to 1."""
    rest: Int64Array
    """Places of the utterances without a label, and of labels with too few."""

    @classmethod
    def of(cls, members: Any, ends: Any, shares: Any, rest: Any) -> Groups:
        """Back from `flat`."""
        return cls(np.split(members, ends)[:-1], shares, rest)

    def flat(self) -> Arrays:
        """The same as few arrays: members one after another, and where each label ends."""
        ends = np.cumsum([len(group) for group in self.members], dtype=np.int64)
        return np.concatenate([self.rest[:0], *self.members]), ends, self.shares, self.rest


def groups_of(places: Int64Array, labels: Int64Array, power: float, fewest: int) -> Groups:
    """The places by their labels, (N,), -1 for none; labels are drawn in proportion to their size to the power.

    A label with fewer utterances than `fewest` is none.
    """
    known = places[labels[places] >= 0]
    order = known[np.argsort(labels[known], kind="stable")]
    found = np.split(order, np.flatnonzero(np.diff(labels[order])) + 1)
    members = [group for group in found if len(group) >= fewest]
    sizes = np.array([len(group) for group in members], dtype=np.float64) ** power
    drawn = np.concatenate([places[:0], *members])
    return Groups(members, sizes / sizes.sum(), np.setdiff1d(places, drawn, assume_unique=True))


def drawn(groups: Groups, random: np.random.Generator) -> Int64Array:
    """As many utterances as there are, of each label its share; each of a label once before any comes again."""
    edges = np.floor(np.cumsum([0.0, *groups.shares]) * sum(map(len, groups.members)) + random.uniform(1e-6, 1 - 1e-6))
    taken = []
    for members, count in zip(groups.members, np.diff(edges).astype(np.int64).tolist(), strict=True):
        rounds = [random.permutation(members) for _ in range(-(-count // len(members)))]
        taken += [np.concatenate(rounds)[:count]] if rounds else []
    return np.concatenate(taken)
