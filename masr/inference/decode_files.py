"""Emissions become text, n-best lists and word times, as a job array or at once.

They come from a model as they are wanted, or from a folder: emissions.scp names (T, V) natural log-probabilities of
each utterance; frame_shift holds the seconds from frame to frame. OUT gets
  text          utterance -> words
  text.nbest    utterance-N -> the N-th best words, as Kaldi numbers them
  score.nbest   utterance-N -> score, acoustic score and language model score of that hypothesis
  words.ctm     utterance, channel, start, duration, word, confidence, as NIST and Kaldi write it
and, where they are to be kept, the emissions themselves as such a folder.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from masr.config import dump
from masr.errors import DecodingError, UsageError
from masr.files import ordinary, parse_json
from masr.inference.decode import Decoder
from masr.inference.decode_config import LOWEST, DecodingConfig
from masr.inference.hypothesis import Hypothesis
from masr.io.ark import ArchiveWriter, read_matrix
from masr.io.atomic import atomic_open, atomic_write
from masr.io.datadir import DataDir, read_table, write_table
from masr.io.identity import digest, identity
from masr.io.layout import (
    EMISSIONS,
    EMISSIONS_SCP,
    FRAME_SHIFT,
    SCORE_NBEST,
    TEXT,
    TEXT_NBEST,
    UTT2DUR,
    UTT2NUM_FRAMES,
    UTT2SPK,
    WORDS_CTM,
    shard_name,
)
from masr.io.progress import track
from masr.types import FloatArray, Units, slice_of
from masr.units.vocabulary import BLANK_ID

_JOBS = "jobs"
_LENGTHS = (UTT2NUM_FRAMES, UTT2DUR, UTT2SPK)
"""Tables that tell an utterance from another of its name: the first one that is there. The last always is."""


class Listing(Protocol):
    """The utterances that there are to decode."""

    @property
    def utts(self) -> Sequence[str]:
        """The utterances in C order."""
        ...

    def marks(self, first: int, last: int) -> Iterator[str]:
        """Words that tell a slice from one of other utterances, or of another model."""
        ...


class EmissionSource(Protocol):
    """Where emissions come from."""

    @property
    def frame_shift_sec(self) -> float:
        """Seconds from frame to frame."""
        ...

    def read(self, first: int, last: int) -> Iterator[tuple[str, FloatArray]]:
        """Each utterance of a slice and its (T, V), in order."""
        ...


@dataclass(frozen=True, eq=False)
class Emissions:
    """A folder of emissions on disk."""

    folder: Path
    entries: dict[str, str]
    """utterance -> archive:offset, in C order."""
    frame_shift_sec: float

    @classmethod
    def open(cls, folder: Path, frame_shift_sec: float | None = None) -> Emissions:
        """A folder that a model wrote; DecodingError where it is none."""
        if not (folder / EMISSIONS_SCP).is_file():
            raise DecodingError(
                f"{folder}: has no {EMISSIONS_SCP}",
                why="a CTC model writes its log-probabilities there before they are decoded",
                fix="give the folder that holds them",
            )
        entries = read_table(folder / EMISSIONS_SCP)
        if not entries:
            raise DecodingError(f"{folder / EMISSIONS_SCP}: is empty")
        return cls(
            folder, dict(sorted(entries.items(), key=lambda item: item[0].encode())), _shift(folder, frame_shift_sec)
        )

    @property
    def utts(self) -> Sequence[str]:
        """The utterances in C order."""
        return list(self.entries)

    def marks(self, first: int, last: int) -> Iterator[str]:
        """Each utterance and where its emissions lie."""
        yield from (f"{utt} {entry}" for utt, entry in list(self.entries.items())[first:last])

    def read(self, first: int, last: int) -> Iterator[tuple[str, FloatArray]]:
        """Each utterance of a slice and its (T, V), in order."""
        for utt in track(self.utts[first:last], self.folder.name, unit="utt"):
            yield utt, read_matrix(self.entries[utt])


def _shift(folder: Path, given: float | None) -> float:
    if given is not None:
        return given
    try:
        shift = float(ordinary(folder / FRAME_SHIFT).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DecodingError(
            f"{folder}: has no file {FRAME_SHIFT}",
            why="the times of words are in seconds, and nothing says how long a frame is",
            fix="set frame_shift_sec: 0.04 for four frames of 10 ms made one",
        ) from None
    except (OSError, ValueError) as error:
        raise DecodingError(f"{folder / FRAME_SHIFT}: {error}", fix="it holds one number, in seconds") from None
    if not 0 < shift < 10:
        raise DecodingError(f"{folder / FRAME_SHIFT}: {shift:g} is no length of a frame", fix="give seconds")
    return shift


@dataclass(frozen=True, eq=False)
class Spoken:
    """A data directory and the model that is to hear it: all that a merge has to know of either."""

    data: DataDir
    key: str
    """Identity of the model."""

    @property
    def utts(self) -> Sequence[str]:
        """The utterances in C order."""
        return self.data.utts

    def marks(self, first: int, last: int) -> Iterator[str]:
        """The model, and each utterance with its length."""
        yield self.key
        table = self.data.table(next(name for name in _LENGTHS if self.data.has(name) and self.data.complete(name)))
        yield from (f"{utt} {table[utt]}" for utt in self.utts[first:last])


@dataclass(frozen=True, eq=False)
class Decoding:
    """Emissions, and what all jobs that decode them have in common."""

    emissions: Listing
    config: DecodingConfig
    units: Units
    kept: bool = False
    """Whether OUT gets the emissions as well."""

    def key(self, first: int, last: int) -> dict[str, Any]:
        """What identifies a slice and its settings: jobs that ran under another key are not merged."""
        files = [identity(path) for path in (self.config.lexicon, self.config.language_model) if path is not None]
        facts = [dump(self.config), self.kept, list(self.units.tokens), list(self.emissions.marks(first, last)), files]
        return {"num_utts": last - first, "key": digest(facts)}

    def run_job(self, out: Path, job: int, num_jobs: int, decoder: Decoder, source: EmissionSource) -> int:
        """Decodes the J-th of N slices into OUT/jobs; returns how many utterances have no word."""
        first, last = slice_of(len(self.emissions.utts), job, num_jobs)
        empty = 0
        with ExitStack() as stack:
            # ends first: a job's text is proof that its archive is whole
            stream = stack.enter_context(atomic_open(out / _JOBS / f"{job}.jsonl"))
            archive = out / f"{shard_name(EMISSIONS, job)}.ark"
            keeper = stack.enter_context(ArchiveWriter(archive)) if self.kept else None
            shift = {"frame_shift_sec": source.frame_shift_sec}
            stream.write(json.dumps(self.key(first, last) | shift) + "\n")
            for utt, scores in source.read(first, last):
                best = self._decode(decoder, utt, scores)
                empty += not best[0].text
                entry = None if keeper is None else keeper.append(utt, scores if len(scores) else _silence(self.units))
                row = [utt, [_row(one) for one in best], entry]
                stream.write(json.dumps(row, ensure_ascii=False) + "\n")
        return empty

    def _decode(self, decoder: Decoder, utt: str, scores: FloatArray) -> list[Hypothesis]:
        try:
            return decoder.decode(scores)
        except DecodingError as error:
            raise DecodingError(f"{utt}: {error.what}", why=error.why, fix=error.fix) from None

    def merge(self, out: Path, num_jobs: int) -> None:
        """Writes the tables out of jobs that have all ended; their own files are removed."""
        shift, *_ = (self._require(out, job, num_jobs) for job in range(1, num_jobs + 1))
        for name in (TEXT, TEXT_NBEST, SCORE_NBEST, WORDS_CTM):
            (out / name).unlink(missing_ok=True)
        if self.kept:
            atomic_write(out / FRAME_SHIFT, f"{shift:g}\n")
            write_table(out / EMISSIONS_SCP, {utt: entry for utt, _, entry in _rows(out, num_jobs)})
        # text appears last: where it is, the others are whole
        with (
            atomic_open(out / TEXT) as text,
            atomic_open(out / TEXT_NBEST) as nbest,
            atomic_open(out / SCORE_NBEST) as scores,
            atomic_open(out / WORDS_CTM) as ctm,
        ):
            for utt, best, _ in _rows(out, num_jobs):
                text.write(f"{utt} {best[0][0]}".rstrip() + "\n")
                for place, (words, score, acoustic, language, _) in enumerate(best, start=1):
                    nbest.write(f"{utt}-{place} {words}".rstrip() + "\n")
                    scores.write(f"{utt}-{place} {score:.4f} {acoustic:.4f} {language:.4f}\n")
                ctm.writelines(_ctm(utt, best[0][4], shift))
        shutil.rmtree(out / _JOBS)

    def _require(self, out: Path, job: int, num_jobs: int) -> float:
        """Seconds from frame to frame, which a job that ended under these options has written down."""
        wanted = self.key(*slice_of(len(self.emissions.utts), job, num_jobs))
        try:
            with ordinary(out / _JOBS / f"{job}.jsonl").open(encoding="utf-8") as stream:
                found = parse_json(stream.readline())
            shift = float(found.pop("frame_shift_sec"))
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            found, shift = None, 0.0
        if found != wanted:
            reason = "has not ended" if found is None else "ran under other options or on other emissions"
            raise UsageError(f"job {job} of {num_jobs} {reason}", fix=f"run it again with --job {job}/{num_jobs}")
        return shift


def _ctm(utt: str, words: Sequence[tuple[str, int, int, float]], shift: float) -> Iterator[str]:
    for word, first, end, confidence in words:
        yield f"{utt} 1 {first * shift:.3f} {(end - first) * shift:.3f} {word} {confidence:.3f}\n"


def _row(one: Hypothesis) -> list[Any]:
    words = [[word.text, word.first_frame, word.end_frame, round(word.confidence, 6)] for word in one.words]
    return [one.text, one.score, one.acoustic, one.language, words]


def _silence(units: Units) -> FloatArray:
    """(1, V) a frame of blank: what an utterance too short for any is kept as, for no archive holds nothing."""
    found = np.full((1, units.size), LOWEST, dtype=np.float32)
    found[0, BLANK_ID] = 0.0
    return found


def _rows(out: Path, num_jobs: int) -> Iterator[tuple[str, list[Any], str]]:
    for job in range(1, num_jobs + 1):
        with ordinary(out / _JOBS / f"{job}.jsonl").open(encoding="utf-8") as stream:
            next(stream)
            for line in stream:
                utt, best, entry = parse_json(line)
                yield utt, best, entry
