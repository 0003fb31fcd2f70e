"""A data directory through a scorer: OUT/confidence.scp, one number in [0, 1] for every encoded frame.

A job writes its slice in pieces, OUT/data/confidence.J.K.ark, each proved by a marker that comes last; what was killed
goes on behind its last whole piece. The merge believes markers only, and confidence.scp is the last file it writes.
OUT is the data directory itself, or a folder for one scorer of several.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from masr.config import Named
from masr.data.batching import Int64Array
from masr.data.content import content_of, first_that_differs
from masr.data.dataset import SampleSource, Source, open_frames
from masr.errors import CheckpointError, DataError, UsageError
from masr.files import parse_json
from masr.inference.batches import of_like_length, read_whole
from masr.inference.frame_scorer import FrameScorer
from masr.io.ark import ArchiveWriter, read_shape
from masr.io.atomic import atomic_open, atomic_write
from masr.io.checksums import SUFFIX
from masr.io.confidence import Facts, data_digest, stored_facts, write_facts
from masr.io.datadir import DataDir, write_table
from masr.io.layout import (
    ARCHIVES,
    CONFIDENCE_JSON,
    CONFIDENCE_SCP,
    FEATS_SCP,
    INDEX,
    UTT2DUR,
    UTT2NUM_FRAMES,
    WAV_SCP,
)
from masr.io.progress import track
from masr.types import FloatArray, slice_of

PROBLEMS = "confidence_problems.tsv"
PIECE_UTTS = 1024
"""Utterances of a piece, which are sorted by length together; a job that was killed does no more of them again."""


class ScoredData:
    """A data directory as a scorer reads it: archives of the features that it was trained on, or audio."""

    def __init__(self, scorer: FrameScorer, data: DataDir, made: Named | None) -> None:
        """`made` are the features of the archives, where that is known."""
        self.scorer, self.data = scorer, data
        self.source, self.are_frames = _open(scorer, data, made)
        counts = self.source.num_samples if isinstance(self.source, SampleSource) else self.source.num_frames
        self.counts: Int64Array = counts
        """(N,) frames or samples of every utterance."""
        self.lengths: Int64Array = scorer.emitter.num_encoded(torch.from_numpy(counts)).numpy()
        """(N,) encoded frames."""
        if not (self.lengths > 0).any():
            raise DataError(
                f"{data.folder}: none of its {len(data)} utterances is long enough for an encoded frame",
                fix=f"look at their lengths: masr data show {data.folder}",
            )

    def digest(self, first: int, last: int) -> str:
        """A digest of the utterances in these places, and of their lengths."""
        return data_digest((self.data.utts[place] for place in range(first, last)), self.lengths[first:last])

    def batches(self, first: int, last: int) -> Iterator[Int64Array]:
        """Places of utterances of like length, without those that have no encoded frame."""
        places = np.arange(first, last)
        return of_like_length(places[self.lengths[places] > 0], self.source.num_frames, self.counts)

    def score(self, places: Int64Array) -> list[FloatArray]:
        """(T,) confidences of each utterance in these places."""
        batch = read_whole(self.data, self.source, places, self.scorer.emitter.wants_speakers)
        found, encoded = self.scorer(batch, self.are_frames)
        if not np.array_equal(encoded.cpu().numpy(), self.lengths[places]):
            table = UTT2DUR if self.scorer.emitter.takes_samples else UTT2NUM_FRAMES
            raise DataError(
                f"{self.data.folder}: {batch.utts[0]} or its neighbours have other lengths than {table} says",
                why="the audio or the features changed since that was written",
                fix=f"make it again: masr {'prepare' if table == UTT2DUR else 'features'}",
            )
        values = found.float().cpu().numpy()
        if not np.isfinite(values).all():
            bad = batch.utts[int(np.flatnonzero(~np.isfinite(values).all(axis=1))[0])]
            raise CheckpointError(
                f"{self.scorer.folder}: its output is not a number for {bad}",
                why="the scorer diverged in training, or the features of this utterance are broken",
                fix=f"look at both: masr data validate {self.data.folder}",
            )
        return [row[: self.lengths[p]] for row, p in zip(values, places, strict=True)]


@dataclass(frozen=True)
class Piece:
    """Some utterances in a row, and the archive that they go to."""

    stem: str
    """Name of its files without their ending: confidence.J.K"""
    first: int
    last: int


@dataclass(frozen=True)
class Marker:
    """Proof that a piece is whole, and of what it was made of."""

    kind: str
    """Scorer and measure, as FrameScorer.kind."""
    inputs: str
    """Digest of the utterances and their lengths."""
    first: int
    last: int
    total: float
    """Sum of the confidences."""


class Scoring:
    """The job array that scores a data directory into a folder."""

    def __init__(self, speech: ScoredData, out: Path) -> None:
        self.speech, self.out = speech, out
        self.kind = speech.scorer.kind

    def pieces(self, job: int, num_jobs: int) -> list[Piece]:
        """The pieces of the J-th of N even slices."""
        first, last = slice_of(len(self.speech.data), job, num_jobs)
        starts = range(first, last, PIECE_UTTS)
        return [Piece(f"confidence.{job}.{k}", a, min(a + PIECE_UTTS, last)) for k, a in enumerate(starts, start=1)]

    def facts(self, mean: float = 0.0) -> Facts:
        """What confidence.json says of all confidences together; `mean` is theirs."""
        emitter = self.speech.scorer.emitter
        return Facts(
            self.speech.scorer.measure,
            self.speech.scorer.exclude_blank,
            emitter.frame_shift_sec,
            emitter.subsampling,
            emitter.takes_samples,
            str(self.speech.scorer.folder),
            self.speech.scorer.identity,
            str(self.speech.data.folder),
            self.speech.digest(0, len(self.speech.data)),
            len(self.speech.data),
            int(self.speech.lengths.sum()),
            int((self.speech.lengths < 1).sum()),
            mean,
            content_of(self.speech.data),
            self.speech.scorer.of,
            self.speech.scorer.temperature,
            self.speech.scorer.dropout,
        )

    def already(self, replace: bool) -> Facts | None:
        """The facts of the confidences in OUT, where they are those that are asked for; None where there are none.

        UsageError where others are there that are not to be replaced.
        """
        stored = stored_facts(self.out)
        if stored is None or replace:
            return None
        wanted, other = self.facts(), first_that_differs(self.speech.data, stored.content)
        if stored.kind() == wanted.kind() and stored.data_digest == wanted.data_digest and other is None:
            return stored
        what = f"those of {self.speech.data.folder} as it was" if stored.kind() == wanted.kind() else stored.of_what()
        raise UsageError(
            f"{self.out} holds other confidences ({what}), and asked for are {wanted.of_what()}",
            why="confidences of two scorers or measures are never mixed in one folder",
            fix="--replace writes over them; or name another folder for OUT",
        )

    def run_job(self, job: int, num_jobs: int, replace: bool = False) -> Facts | None:
        """Scores what is not there yet of the J-th of N slices; where OUT is complete already, its facts come back."""
        stored = self.already(replace)
        if stored is not None:
            return stored
        for name in (CONFIDENCE_SCP, CONFIDENCE_JSON):
            (self.out / name).unlink(missing_ok=True)
        (self.out / ARCHIVES).mkdir(parents=True, exist_ok=True)
        todo = [piece for piece in self.pieces(job, num_jobs) if not self._is_whole(piece, replace)]
        count = sum(int((self.speech.lengths[piece.first : piece.last] > 0).sum()) for piece in todo)
        for _ in track(self._score(todo), f"confidence {self.speech.data.folder.name}", count, unit="utt"):
            pass
        return None

    def merge(self, num_jobs: int) -> Facts:
        """Writes confidence.json and, last, confidence.scp out of pieces that are all there, or were merged before."""
        folder = self.out / ARCHIVES
        pieces = [(job, piece) for job in range(1, num_jobs + 1) for piece in self.pieces(job, num_jobs)]
        stored = self.already(replace=False)
        if stored is not None and not any(self._marker(piece) for _, piece in pieces):
            return stored
        total = 0.0
        for job, piece in pieces:
            total += self._require(piece, job, num_jobs).total
        for name in (CONFIDENCE_SCP, CONFIDENCE_JSON, INDEX, PROBLEMS):
            (self.out / name).unlink(missing_ok=True)
        short = [self.speech.data.utts[int(place)] for place in np.flatnonzero(self.speech.lengths < 1)]
        if short:
            reason = "too short: it gives no encoded frame"
            atomic_write(self.out / PROBLEMS, "".join(f"{utt}\t{reason}\n" for utt in short))
        facts = self.facts(total / int(self.speech.lengths.sum()))
        write_facts(self.out, facts)
        with atomic_open(self.out / CONFIDENCE_SCP) as stream:
            for _, piece in pieces:
                with (folder / f"{piece.stem}.scp").open(encoding="utf-8") as rows:
                    stream.writelines(rows)
        (self.out / INDEX).unlink(missing_ok=True)
        kept = {f"{piece.stem}.ark{end}" for _, piece in pieces for end in ("", SUFFIX)}
        for path in folder.glob("confidence.*"):
            if path.name not in kept:
                path.unlink()  # markers, tables, and archives of an earlier, larger array
        return facts

    def _score(self, pieces: Iterable[Piece]) -> Iterator[str]:
        """Scores pieces and writes them; yields each utterance as it is done."""
        folder = self.out / ARCHIVES
        for piece in pieces:
            for left in folder.glob(f".{piece.stem}.*.tmp"):
                left.unlink()  # of a job that was killed
            (folder / f"{piece.stem}.json").unlink(missing_ok=True)
            found: dict[int, FloatArray] = {}
            for places in self.speech.batches(piece.first, piece.last):
                for place, row in zip(places, self.speech.score(places), strict=True):
                    found[int(place)] = row
                    yield self.speech.data.utts[int(place)]
            with ArchiveWriter(folder / f"{piece.stem}.ark") as archive:
                for place in sorted(found):
                    archive.append(self.speech.data.utts[place], found[place])
            if archive.rows:
                write_table(folder / f"{piece.stem}.scp", archive.rows)
            else:
                atomic_write(folder / f"{piece.stem}.scp", "")
            total = float(sum(row.sum(dtype=np.float64) for row in found.values()))
            marker = Marker(self.kind, self.speech.digest(piece.first, piece.last), piece.first, piece.last, total)
            atomic_write(folder / f"{piece.stem}.json", json.dumps(asdict(marker)) + "\n")

    def _marker(self, piece: Piece) -> Marker | None:
        try:
            return Marker(**parse_json((self.out / ARCHIVES / f"{piece.stem}.json").read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def _is_whole(self, piece: Piece, replace: bool) -> bool:
        """Whether a piece is there; UsageError where it is another scorer's, and is not to be replaced."""
        found = self._marker(piece)
        if found is not None and found.kind != self.kind and not replace:
            raise UsageError(
                f"{self.out / ARCHIVES / piece.stem}.ark is of another scorer, another measure or other options",
                why="a run with those began here and did not end, or still runs",
                fix="--replace writes over it; or name another folder for OUT",
            )
        return found is not None and self._fits(found, piece)

    def _fits(self, found: Marker, piece: Piece) -> bool:
        wanted: tuple[Any, ...] = (self.kind, piece.first, piece.last)
        same = (found.kind, found.first, found.last) == wanted
        return same and found.inputs == self.speech.digest(piece.first, piece.last)

    def _require(self, piece: Piece, job: int, num_jobs: int) -> Marker:
        found = self._marker(piece)
        if found is None or not self._fits(found, piece):
            reason = "has not ended" if found is None else "ran with another scorer, other options or on other data"
            raise UsageError(
                f"{self.speech.data.folder}: job {job} of {num_jobs} {reason}",
                fix=f"run it again with --job {job}/{num_jobs}" + ("" if found is None else " --replace"),
            )
        return found


def _open(scorer: FrameScorer, data: DataDir, made: Named | None) -> tuple[Source, bool]:
    """What is read of the data directory for this scorer, and whether it is features."""
    emitter = scorer.emitter
    if emitter.takes_samples:
        if not data.has(WAV_SCP):
            raise DataError(
                f"{data.folder} has no {WAV_SCP}, and the scorer takes waveforms", fix="give a directory with its audio"
            )
        return SampleSource(data, emitter.sample_rate), False
    if not data.has(FEATS_SCP):
        if emitter.features is not None and data.has(UTT2NUM_FRAMES) and data.has(WAV_SCP):
            return open_frames(data, emitter.features), False
        raise DataError(
            f"{data.folder} has no features",
            why="the scorer takes frames",
            fix=f"run stage 2: masr features {data.folder}",
        )
    _check_features(scorer, data, made)
    return open_frames(data, None), True


def _check_features(scorer: FrameScorer, data: DataDir, made: Named | None) -> None:
    """DataError where the archives hold other features than the scorer was trained on."""
    trained = scorer.features
    if trained is not None and made != trained:
        what = "of unknown make" if made is None else str(made.config)
        raise DataError(
            f"{data.folder} holds other features than the scorer was trained on: {what}, not {trained.config}",
            why="stage 2 of this data had another configuration than that of the scorer's training data",
            fix=f"make them alike, or give a scorer of these features: masr features {data.folder} --conf CONF",
        )
    taken = int(scorer.emitter.model.encoder.num_bins)
    width = read_shape(data.table(FEATS_SCP).at(0))[1] if len(data) else taken
    if width != taken:
        raise DataError(
            f"{data.folder}: its frames have {width} values, and the scorer takes {taken}",
            why="they are of another make than those the scorer was trained on",
            fix=f"make them alike: masr features {data.folder} --conf CONF",
        )


def render(out: Path, facts: Facts) -> str:
    """What a folder holds now that all of it is joined."""
    lines = [
        f"{out / CONFIDENCE_SCP}: {facts.num_utts - facts.num_short} utterances, {facts.num_frames} frames "
        f"of {1000 * facts.frame_shift_sec:g} ms, mean confidence {facts.mean:.3f}"
    ]
    if facts.num_short:
        lines.append(f"  {facts.num_short} are too short for an encoded frame, see {out / PROBLEMS}")
    return "\n".join(lines)
