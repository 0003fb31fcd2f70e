"""What a decoder says of an utterance, and the words of a path of units through its frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from masr.types import FloatArray, IntArray, Units
from masr.units.vocabulary import BLANK_ID

WORD_START = "\u2581"
"""Stands before the first piece of a word in sentencepiece's units."""
SPACE = "<space>"


@dataclass(frozen=True, slots=True)
class Word:
    """A word and where it was heard."""

    text: str
    first_frame: int
    end_frame: int
    """One past the last frame."""
    confidence: float
    """Geometric mean, over its units, of the highest probability that the unit has in its frames."""


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One reading of an utterance; scores are natural logarithms."""

    text: str
    score: float
    """What hypotheses are ranked by: acoustic score, weighted language model, word scores."""
    acoustic: float
    """Acoustic score of the path that the words' times are taken from."""
    language: float
    """The language model's own log-probability, without its weight."""
    units: tuple[int, ...]
    words: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """A unit and the frames it was heard in."""

    unit: int
    first_frame: int
    end_frame: int


def collapse(path: Sequence[int] | IntArray) -> list[Run]:
    """The units of a path and their frames, by CTC's rule: what repeats is one unit, blanks are none."""
    units = np.asarray(path, dtype=np.int64)
    if not len(units):
        return []
    starts = np.flatnonzero(np.concatenate([[True], units[1:] != units[:-1]]))
    ends = np.append(starts[1:], len(units))
    found = zip(units[starts].tolist(), starts.tolist(), ends.tolist())
    return [Run(unit, first, end) for unit, first, end in found if unit != BLANK_ID]


class WordCutter:
    """Cuts a sequence of units where words begin: at a space, or before a piece that begins a word."""

    def __init__(self, units: Units) -> None:
        self.units = units
        self.space = units.tokens.index(SPACE) if SPACE in units.tokens else None
        self._begins = [token.startswith(WORD_START) for token in units.tokens]

    def groups(self, runs: Sequence[Run]) -> list[list[Run]]:
        """The runs of each word; spaces belong to none."""
        found: list[list[Run]] = [[]]
        for run in runs:
            if run.unit == self.space:
                found.append([])
            elif self._begins[run.unit]:
                found.append([run])
            else:
                found[-1].append(run)
        return [group for group in found if group]

    def words(self, runs: Sequence[Run], emissions: FloatArray) -> tuple[Word, ...]:
        """The words of a path, with their times and confidences."""
        return tuple(word for group in self.groups(runs) for word in self.spelled(group, emissions))

    def spelled(self, group: Sequence[Run], emissions: FloatArray) -> list[Word]:
        """What one group spells; a unit with a blank inside is several words, which share its time."""
        texts = self.units.decode([run.unit for run in group]).split()
        return evenly_timed(texts, group, emissions)


def evenly_timed(texts: Sequence[str], group: Sequence[Run], emissions: FloatArray) -> list[Word]:
    """Words over the frames of a group, each the same share."""
    if not texts:
        return []
    sure = confidence(group, emissions)
    edges = np.linspace(group[0].first_frame, group[-1].end_frame, len(texts) + 1).round().astype(int).tolist()
    return [Word(text, a, b, sure) for text, a, b in zip(texts, edges[:-1], edges[1:])]


def confidence(group: Sequence[Run], emissions: FloatArray) -> float:
    """Confidence of a group of units, in [0, 1]: 1 where every unit has a frame in which it is certain."""
    peaks = [float(emissions[run.first_frame : run.end_frame, run.unit].max()) for run in group]
    return float(np.exp(np.mean(np.minimum(peaks, 0.0))))
