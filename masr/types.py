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
Float64Array = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Int16Array = npt.NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Span:
    """A phone or a word, in seconds from the start of its utterance."""

    label: str
    start_sec: float
    end_sec: float


@dataclass(frozen=True, slots=True)
class JobSlice:
    """What a command is to do of its work: the J-th of N slices, all of it, or nothing but to join what jobs wrote."""

    job: int
    num_jobs: int
    is_run: bool = True
    """Whether the slice is worked on."""
    is_merged: bool = True
    """Whether what all N have written is joined."""


def slice_of(count: int, job: int, num_jobs: int) -> tuple[int, int]:
    """First place, and one behind the last, of the J-th of N even slices; empty where jobs are more than places."""
    if not 1 <= job <= num_jobs:
        raise ValueError(f"job {job} of {num_jobs}: jobs count from 1 to {num_jobs}")
    return count * (job - 1) // num_jobs, count * job // num_jobs


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
    channel: int | None = None
    """Which channel of the audio to take, counted from 0; None where the audio has to be mono."""
    phones: tuple[Span, ...] = ()
    """Forced alignment, where the corpus has one."""
    words: tuple[Span, ...] = ()
    """The same of words, where the corpus has it too."""
    member: str | None = None
    """Name inside its archive, where the audio came as bytes."""
    entry: str | None = None
    """What wav.scp may say of the audio that came as bytes, where it can be read in its place (masr/io/inside.py)."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A piece of input that was left out, and why."""

    where: str
    """File, member or line."""
    reason: str
    spoils_part: bool = False
    """Whether all that its part gave is left out with it: it came from one file, and that file is damaged."""


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
    """One kind of metadata: labels become codes, codes become similarities.

    A label is a value of the first of `tables` that knows the utterance; None or "" where none does. Codes are
    plain arrays, so that they can be collated, and gathered across ranks, beside the embeddings.
    """

    @property
    def tables(self) -> tuple[str, ...]:
        """Files of a data directory that hold the labels, in the order they are asked: ("utt2lang",)."""
        ...

    @property
    def num_dims(self) -> int:
        """d, the width of a code."""
        ...

    def codes(self, labels: Sequence[str | None]) -> FloatArray:
        """(B, d) codes; a row of NaN where the label is missing."""
        ...

    def similarity(self, a: Tensor, b: Tensor) -> Tensor:
        """(A, d), (B, d) -> (A, B) in [0, 1]; NaN where either label is missing."""
        ...


@runtime_checkable
class Units(Protocol):
    """Text as a sequence of ids, and back. Id 0 is CTC's blank, id 1 stands for what is not known."""

    @property
    def tokens(self) -> tuple[str, ...]:
        """The name of every id, in order, as units.txt lists them."""
        ...

    @property
    def size(self) -> int:
        """How many ids there are; the width of an output layer."""
        ...

    def encode(self, text: str, language: str | None = None) -> list[int]:
        """The ids of `text`, behind the language's tag where one is asked for."""
        ...

    def decode(self, ids: Sequence[int]) -> str:
        """The text of `ids`; blanks and language tags leave nothing."""
        ...

    def save(self, folder: Path) -> None:
        """Writes units.txt, and units.model where there is more to keep; the plug-in's `build` reads them."""
        ...


@runtime_checkable
class Features(Protocol):
    """Waveforms become frames; the same code in stage 2 and inside training."""

    @property
    def num_bins(self) -> int:
        """Width of a frame."""
        ...

    @property
    def sample_rate(self) -> int:
        """Samples per second of the waveforms it takes."""
        ...

    def num_frames(self, num_samples: int) -> int:
        """Frames that come out of so many samples; a function of the utterance alone."""
        ...

    def __call__(self, waveforms: Tensor, num_samples: Tensor) -> tuple[Tensor, Tensor]:
        """(B, S) in [-1, 1], (B,) -> (B, T, num_bins), (B,); frames past an utterance's end are zero."""
        ...


@dataclass(frozen=True)
class Encoded:
    """What an encoder makes of a batch."""

    frames: Tensor
    """(B, T, D), zero past an utterance's end."""
    lengths: Tensor
    """(B,) encoded frames of each utterance."""
    layers: tuple[Tensor, ...] = ()
    """(B, T, D) each, where asked for: [0] is the input of the first block, [i] the output of block i."""


class Encoder(Protocol):
    """Features or waveforms become contextual frames, in two steps so that an objective can mask between them."""

    dim: int
    """Width of a frame."""
    num_layers: int
    num_bins: int
    """Width of an input frame; 1 where the input is a waveform."""
    subsampling: int
    """Input frames (or samples) to one encoded frame."""

    def num_encoded(self, num_frames: Tensor) -> Tensor:
        """(B,) input lengths -> (B,) encoded lengths; a function of the utterance alone."""
        ...

    def embed(self, features: Tensor, num_frames: Tensor) -> tuple[Tensor, Tensor]:
        """Input -> (B, T, D) the sequence that masking acts on, (B,) its lengths; T is the longest of them."""
        ...

    def contextualise(self, embedded: Tensor, lengths: Tensor, with_layers: bool = False) -> Encoded:
        """(B, T, D), (B,) -> context of every frame."""
        ...


@dataclass(frozen=True)
class Batch:
    """What the loop hands to an objective."""

    utts: tuple[str, ...]
    features: Tensor
    """(B, S, F) feature frames, or (B, S) waveform samples, zero past an utterance's end."""
    lengths: Tensor
    """(B,) frames or samples."""
    keys: Tensor
    """(B,) int64: everything random about an utterance in this step is a function of its key."""
    codes: Mapping[str, Tensor] = field(default_factory=dict)
    """Per metadata stream (B, d); a row of NaN where the label is missing."""
    labels: Mapping[str, Tensor] = field(default_factory=dict)
    """Per metadata stream (B,) int64 places in its set of labels; -1 where the label is missing."""
    confidence: Tensor | None = None
    """(B, T) a scorer's confidence in each encoded frame, for guided masking."""
    weights: Tensor | None = None
    """(B,) factor on each utterance's loss."""
    targets: Tensor | None = None
    """(B, T) int64 labels of encoded frames, made beforehand, where the objective predicts such; -1 past the end."""
    transcripts: Tensor | None = None
    """(B, U) int64 units of what was said, -1 past the end; -1 all along where nothing is to be learnt from it."""
    texts: tuple[str, ...] = ()
    """What was said, where transcripts are read."""
    stats: Tensor | None = None
    """(B, 2, F + 1) statistics of each utterance's speaker, until the features are normalised by them."""
    noise: Tensor | None = None
    """(B, S) what was read to be mixed into the waveforms, until it is; zero where nothing is to be mixed in."""
    clean: Tensor | None = None
    """(B, T) 1 where an encoded frame lies in speech that was not corrupted on purpose, 0 elsewhere; None where nobody
    says. For figures alone."""
    rank_sizes: tuple[int, ...] = ()
    """Utterances of this micro-batch on each rank, stand-ins too, as the plan has it; empty where nobody says."""
    stand_in: bool = False
    """Whether a rank that has no utterance in this step computes with another's, unlabelled, so that all ranks meet;
    nothing of it counts."""


@dataclass(frozen=True)
class Term:
    """One part of a loss as a sum and a count, so that ranks and batches of any size average rightly."""

    sum: Tensor
    count: Tensor
    weight: float = 1.0
    beside: bool = False
    """Whether it stands beside the objective's own terms: it trains, but does not say which checkpoint is best."""


@dataclass(frozen=True)
class Losses:
    """What an objective gives back: the loss is the sum of weight * sum / count over its terms."""

    terms: Mapping[str, Term]
    figures: Mapping[str, tuple[Tensor, Tensor]] = field(default_factory=dict)
    """What only the log has, each a sum and a count without gradient."""
    encoded: Encoded | None = None
    """The contextual frames, for whoever builds on the objective."""
    histograms: Mapping[str, Tensor] = field(default_factory=dict)
    """(G, V) each, for the log: how often each of V codes came in each of G codebooks. They are added up before
    entropy and the like are taken, which a mean over batches would get wrong. Guesses at `x` are `predicted_x`."""


class Masker(Protocol):
    """Lengths become a mask."""

    def mask(self, lengths: Tensor, keys: Tensor, confidence: Tensor | None = None) -> Tensor:
        """(B,), (B,), (B, T) -> (B, T) true where masked: never padding, never nothing of an utterance."""
        ...

    def factors(self, lengths: Tensor, mask: Tensor, confidence: Tensor | None = None) -> Tensor | None:
        """(B,), (B, T), (B, T) -> (B, T) factor on the loss of each frame; None where all count alike."""
        ...
