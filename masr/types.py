"""What crosses from room to room: frozen records, and the protocols a plug-in file fulfils."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from torch import Tensor

FloatArray = npt.NDArray[np.float32]
Int16Array = npt.NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Span:
    """A phone or a word, in seconds from the start of its utterance."""

    label: str
    start_sec: float
    end_sec: float


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a split that can be read alone: an archive, a speaker's folder, a slice of a manifest."""

    split: str
    """Name of the data directory it goes to: train, dev, test, ..."""
    name: str
    """Unique within the split and safe as a file name."""
    source: Path
    """Where the piece lies."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """One utterance as a corpus describes it, before anything was read from its audio."""

    utt: str
    """Utterance id; begins with the speaker id."""
    speaker: str
    audio: Path | bytes
    """A file on disk, or the encoded bytes of an archive's member."""
    text: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    """Any further metadata: {"lang": "hin", "gender": "female"} becomes utt2lang and utt2gender."""
    recording: str | None = None
    """Id of the recording the utterance is a segment of; None where the audio is the utterance."""
    start_sec: float | None = None
    end_sec: float | None = None
    channel: int = 0
    phones: tuple[Span, ...] = ()
    """Forced alignment, where the corpus has one."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A piece of input that was left out, and why."""

    where: str
    """File, member or line."""
    reason: str


@runtime_checkable
class Corpus(Protocol):
    """The raw files of one corpus on disk, seen as utterances."""

    def parts(self, source: Path) -> list[Part]:
        """The pieces that `source` holds, in a fixed order; CorpusError where the layout is another."""
        ...

    def read(self, part: Part) -> Iterator[Utterance | Problem]:
        """The utterances of one piece, and what had to be left out of it."""
        ...


@runtime_checkable
class EmbeddedCorpus(Protocol):
    """A corpus spoken by eSpeak NG, written in a real corpus's layout by independent jobs."""

    def jobs(self) -> list[str]:
        """Names of the pieces, in a fixed order; each can be made alone, in any process, in any order."""
        ...

    def make(self, job: str, out: Path) -> None:
        """Writes one piece's files under `out`; a function of the config and the job's name alone."""
        ...

    def finish(self, out: Path) -> None:
        """Writes the files that speak of all pieces, after the last of them."""
        ...


@runtime_checkable
class Stream(Protocol):
    """One kind of metadata: labels become codes, codes become similarities."""

    def codes(self, labels: Sequence[str | None]) -> FloatArray:
        """(B, d) codes; a row of NaN where the label is missing."""
        ...

    def similarity(self, a: Tensor, b: Tensor) -> Tensor:
        """(A, d), (B, d) -> (A, B) in [0, 1]; NaN where either label is missing."""
        ...


@runtime_checkable
class Features(Protocol):
    """Waveforms become frames; the same code in stage 2 and inside training."""

    @property
    def num_bins(self) -> int:
        """Width of a frame."""
        ...

    def num_frames(self, num_samples: int) -> int:
        """Frames that come out of so many samples; a function of the utterance alone."""
        ...

    def __call__(self, waveforms: Tensor, num_samples: Tensor) -> tuple[Tensor, Tensor]:
        """(B, S) in [-1, 1], (B,) -> (B, T, num_bins), (B,); frames past an utterance's end are zero."""
        ...
