"""The answers to every utterance of a test (masr/io/answers.py) as counts of each speaker.

Two tests are of the same utterances where their digests are the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from masr.errors import ScoresError, TableError, near
from masr.io.answers import read_answer_table
from masr.io.identity import digest
from masr.types import Float64Array


@dataclass(frozen=True, eq=False)
class Answers:
    """How often each speaker was answered rightly."""

    digest: str
    """Digest of all utterances with their speakers and labels, but not of the answers."""
    counts: Float64Array
    """(K,) utterances of each speaker, in the order of the speakers' names."""
    right: Float64Array
    """(K,) how many of them were answered rightly."""

    @property
    def accuracy(self) -> float:
        """The share of all utterances that were answered rightly."""
        return float(self.right.sum() / self.counts.sum())


@dataclass(frozen=True)
class _OfLabel:
    """The utterances of one label."""

    digest: str
    speakers: Mapping[str, tuple[int, int]]
    """Speaker -> utterances, and how many of them were answered rightly."""


def read_answers(path: Path, only: Sequence[str] = (), but: Sequence[str] = ()) -> Answers:
    """The answers of a file, to utterances with a label of `only` (all where it is empty) and none of `but`."""
    try:
        state = path.stat()
    except OSError:
        raise TableError(f"{path} is not there", fix="the step's command has to write it: --answers") from None
    labels = _by_label(path, state.st_mtime_ns, state.st_size)
    for label in (*only, *but):
        if label not in labels:
            raise TableError(f"{path} has no utterance of {label}", fix=f"leave it out, or {near(label, labels)}")
    kept = [label for label in sorted(labels) if (not only or label in only) and label not in but]
    if not kept:
        raise TableError(f"{path} has no utterance that the column is about", fix="see its answers_of, answers_not_of")
    tallies: dict[str, list[int]] = {}
    for label in kept:
        for speaker, (count, right) in labels[label].speakers.items():
            tally = tallies.setdefault(speaker, [0, 0])
            tally[0] += count
            tally[1] += right
    table = np.array([tallies[speaker] for speaker in sorted(tallies)], dtype=np.float64)
    return Answers(digest([[label, labels[label].digest] for label in kept]), table[:, 0], table[:, 1])


def labels_of(texts: Sequence[str]) -> tuple[str, ...]:
    """Labels of a list whose entries may hold several, with commas between them."""
    return tuple(label for text in texts for part in text.split(",") if (label := part.strip()))


@lru_cache(maxsize=512)
def _by_label(path: Path, _changed: int, _size: int) -> dict[str, _OfLabel]:
    """Label -> its utterances."""
    try:
        table = read_answer_table(path)
    except ScoresError as error:
        raise TableError(error.what, why=error.why, fix=error.fix) from None
    spoken: dict[str, list[tuple[str, str]]] = {}
    tallies: dict[str, dict[str, tuple[int, int]]] = {}
    for utt, speaker, label, answer in zip(table.utts, table.speakers, table.labels, table.answers, strict=True):
        spoken.setdefault(label, []).append((utt, speaker))
        count, right = tallies.setdefault(label, {}).get(speaker, (0, 0))
        tallies[label][speaker] = count + 1, right + (answer == label)
    return {label: _OfLabel(digest(sorted(said)), tallies[label]) for label, said in spoken.items()}
