"""What an alignment of a data directory (phones.ctm, corrupted.ctm) says, and at given times: its only reader.

Shapes: N times.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from masr.errors import DataError
from masr.io.datadir import DataDir
from masr.types import Float64Array, IntArray


@dataclass(frozen=True)
class Stretches:
    """Stretches of one utterance: when they begin, when they end, what each is called."""

    starts: Float64Array
    ends: Float64Array
    labels: tuple[str, ...]

    def rows(self) -> Iterator[tuple[float, float, str]]:
        """Beginning, end and label of each."""
        return zip(self.starts.tolist(), self.ends.tolist(), self.labels, strict=True)

    def places(self, times: Float64Array) -> IntArray:
        """(N,) seconds -> (N,) the number of the stretch that each lies in, from its beginning up to its end; or -1."""
        found = np.searchsorted(self.starts, times, side="right") - 1
        inside = (found >= 0) & (times < np.append(self.ends, 0.0)[found.clip(min=0)])
        return np.where(inside, found, -1)


def stretches_of(data: DataDir, name: str, utt: str) -> Stretches:
    """The stretches of an utterance in the alignment `name`, in order of time; none where it is not listed."""
    rows: list[tuple[float, float, str]] = []
    for line in filter(None, data.table(name).get(utt, "").split("\n")):
        try:
            _, start, length, label = line.split()[:4]
            begin, end = float(start), float(start) + float(length)
            if not math.isfinite(end):
                raise ValueError("a time is not finite")
        except ValueError:
            raise DataError(
                f"{data.folder / name}: {utt}: {line!r} is no line of a CTM",
                fix="give: utterance channel start length label",
            ) from None
        rows.append((begin, end, label))
    rows.sort(key=lambda row: row[0])
    columns: Sequence[Sequence[float]] = ([row[0] for row in rows], [row[1] for row in rows])
    return Stretches(np.array(columns[0]), np.array(columns[1]), tuple(row[2] for row in rows))
