"""The text of a data directory as units: what an objective that transcribes learns from, and what is left out of it.

Shapes: N utterances of the directory, B of a batch, U units of the longest text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from masr.data.batching import Int64Array
from masr.errors import DataError, UnitsError
from masr.io.datadir import DataDir
from masr.io.layout import TEXT
from masr.types import Units
from masr.units.vocabulary import UNKNOWN_ID

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Rules:
    """Which utterances may be learnt from; what breaks a rule that is an error stops the run."""

    unknown_is_error: bool
    empty_is_error: bool


TOLERANT = Rules(unknown_is_error=False, empty_is_error=False)
"""The rules of validation, whose texts are what they are."""


class Transcripts:
    """Units of every utterance, read once; the texts themselves stay in their table."""

    def __init__(
        self,
        data: DataDir,
        units: Units,
        num_encoded: Int64Array,
        rules: Rules,
        kept_from: Mapping[int, str] | None = None,
    ) -> None:
        """`num_encoded` is (N,), the encoded frames of every utterance.

        `kept_from` names places of utterances whose text is not to be learnt, and why.
        """
        if not data.has(TEXT):
            raise DataError(
                f"{data.folder} has no {TEXT}", why="there is nothing to transcribe", fix="take data with transcripts"
            )
        self.reasons: dict[int, str] = {}
        """Place of an utterance -> why it cannot be learnt from."""
        self.has_no_text: BoolArray = np.zeros(len(data), dtype=np.bool_)
        """(N,) true where nobody says what was spoken, so that nothing can be counted either."""
        self.reasons |= kept_from or {}
        nothing = np.zeros(0, dtype=np.int32)
        rows = [
            nothing if place in self.reasons else self._ids(data, place, units, int(num_encoded[place]), rules)
            for place in range(len(data))
        ]
        self.starts: Int64Array = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
        self.ids = np.concatenate([nothing, *rows]).astype(np.int32)

    def read(self, places: Int64Array) -> Tensor:
        """(B, U) units of these utterances, -1 past the end of each; all -1 for what is not learnt from."""
        sizes = self.starts[places + 1] - self.starts[places]
        found = np.full((len(places), max(1, int(sizes.max()))), -1, dtype=np.int64)
        for row, place in enumerate(places):
            found[row, : sizes[row]] = self.ids[self.starts[place] : self.starts[place + 1]]
        return torch.from_numpy(found)

    @staticmethod
    def texts(data: DataDir, places: Int64Array) -> tuple[str, ...]:
        """What was said, with one space between words; empty where nobody says."""
        return tuple(_text(data, int(place)) or "" for place in places)

    @property
    def learnt(self) -> BoolArray:
        """(N,) true where an utterance has units to learn."""
        return np.diff(self.starts) > 0

    def _ids(self, data: DataDir, place: int, units: Units, num_encoded: int, rules: Rules) -> npt.NDArray[np.int32]:
        """The units of an utterance; none of them where it cannot be learnt from, and why is noted."""
        text, utt = _text(data, place), data.utts[place]
        self.has_no_text[place] = text is None
        reason = ""
        ids: Sequence[int] = ()
        if not text:
            reason = f"is not in {TEXT}" if text is None else "its transcript is empty"
            _stop_if(rules.empty_is_error, data, utt, reason, "empty")
        else:
            ids, reason = _encoded(units, text)
            _stop_if(bool(reason) and rules.unknown_is_error, data, utt, reason, "unknown")
        if not reason and frames_for(ids) > num_encoded:
            reason = f"{len(ids)} units want {frames_for(ids)} encoded frames, and it has {num_encoded}"
        if reason:
            self.reasons[place] = reason
        return np.array([] if reason else ids, dtype=np.int32)


def frames_for(ids: Sequence[int]) -> int:
    """The fewest encoded frames of a path: one for a unit, and a blank between two that are alike."""
    return len(ids) + sum(a == b for a, b in pairwise(ids))


def _text(data: DataDir, place: int) -> str | None:
    found = data.table(TEXT).get(data.utts[place])
    return None if found is None else " ".join(found.split())


def _encoded(units: Units, text: str) -> tuple[Sequence[int], str]:
    """The ids of a text and no reason, or no ids and the reason."""
    try:
        ids = units.encode(text)
    except UnitsError as error:
        return (), f"its transcript has {error.what}"
    if UNKNOWN_ID in ids:
        strange = "".join(sorted({c for c in text if UNKNOWN_ID in units.encode(c)}))
        return (), f"its transcript has characters without a unit: {strange[:20]!r}"
    return (ids, "") if ids else ((), "nothing of its transcript is known to the units")


def _stop_if(wrong: bool, data: DataDir, utt: str, reason: str, rule: str) -> None:
    if wrong:
        raise DataError(
            f"{data.folder}: {utt}: {reason}",
            why="the units were made from other text" if rule == "unknown" else f"{TEXT} does not say what was spoken",
            fix=f"correct it, or set objective.{rule}=skip to leave such utterances out",
        )
