"""What a data directory holds, in figures."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from masr.errors import DataError
from masr.files import ordinary
from masr.io.datadir.choose import durations
from masr.io.datadir.directory import DataDir
from masr.io.layout import PROBLEMS_TSV, UTT2NUM_FRAMES, UTT2SPK


@dataclass(frozen=True)
class Summary:
    """The figures of one directory; None where a table that would tell is not there."""

    folder: Path
    num_utts: int
    num_speakers: int
    total_sec: float | None
    num_languages: int | None
    num_frames: int | None
    kinds: tuple[str, ...]
    """Kinds of metadata: lang where there is utt2lang."""
    num_left_out: int
    """Rows of problems.tsv: input that was not taken in."""

    @property
    def mean_sec(self) -> float | None:
        """Seconds of an utterance on average."""
        return None if self.total_sec is None or not self.num_utts else self.total_sec / self.num_utts


@dataclass(frozen=True)
class LabelCount:
    """How much there is of one label."""

    label: str
    num_utts: int
    total_sec: float | None
    num_speakers: int


def summarise(source: DataDir) -> Summary:
    """The figures of a directory."""
    seconds = _durations(source)
    frames = int(source.table(UTT2NUM_FRAMES).counts().sum()) if source.has(UTT2NUM_FRAMES) else None
    return Summary(
        folder=source.folder,
        num_utts=len(source),
        num_speakers=len(set(source.table(UTT2SPK).values())),
        total_sec=None if seconds is None else sum(seconds.values()),
        num_languages=len(set(source.labels("lang").values())) if "lang" in source.kinds() else None,
        num_frames=frames,
        kinds=tuple(source.kinds()),
        num_left_out=max(0, _num_lines(source.folder / PROBLEMS_TSV) - 1),  # without its header
    )


def overlapping(sources: Sequence[DataDir]) -> bool:
    """Whether an utterance is in two of the directories: a subset beside its source, say."""
    every = [source.table(UTT2SPK).ids() for source in sources]
    return any(len(np.intersect1d(a, b, assume_unique=True)) for i, a in enumerate(every) for b in every[:i])


def count_labels(source: DataDir, kind: str) -> list[LabelCount]:
    """The labels of a kind, the most frequent first."""
    seconds = _durations(source)
    utts: dict[str, list[str]] = defaultdict(list)
    for utt, label in source.labels(kind).items():
        utts[label].append(utt)
    speaker = dict(source.table(UTT2SPK).items())
    counts = [
        LabelCount(
            label,
            len(group),
            None if seconds is None else sum(seconds.get(utt, 0.0) for utt in group),
            len({speaker[utt] for utt in group if utt in speaker}),
        )
        for label, group in utts.items()
    ]
    return sorted(counts, key=lambda count: (-count.num_utts, count.label))


def _durations(source: DataDir) -> dict[str, float] | None:
    try:
        return durations(source)
    except DataError:
        return None


def _num_lines(path: Path) -> int:
    try:
        return ordinary(path).read_bytes().count(b"\n")
    except OSError:
        return 0
