"""Segments without labels as items of ABX: borders where frames change, and clusters in the place of phones.

Shapes: K segments, D width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch

from masr.analysis.abx.boundaries import Agreement, Detector, borders_of, hits, standardised
from masr.errors import AnalysisError
from masr.io.alignment import stretches_of
from masr.io.atomic import atomic_open
from masr.io.datadir import DataDir
from masr.io.frames import Frames
from masr.io.json_file import write_json
from masr.io.layout import PHONES_CTM, UTT2SPK
from masr.io.progress import track
from masr.io.provenance import write_provenance
from masr.maths.kmeans import Config, fit
from masr.types import Float64Array, FloatArray, IntArray

TOLERANCE_SEC = 0.02
"""A border is right where one of the alignment lies that near, as the literature has it."""
ITEMS, FIGURES = "segments.item", "segments.json"
_HEADER = "#file onset offset #phone prev-phone next-phone speaker\n"


@dataclass(frozen=True)
class Segments:
    """The segments of a data directory, in the order of its utterances."""

    utts: tuple[str, ...]
    speakers: tuple[str, ...]
    starts: tuple[Float64Array, ...]
    """Of each utterance, when its segments begin, and one more: when the last one ends."""
    labels: IntArray
    """(K,) the cluster of each segment, all utterances one after another."""
    num_clusters: int
    agreement: Agreement | None
    """Borders beside those of phones.ctm; None where there is none."""

    @property
    def mean_sec(self) -> float:
        """The mean length of a segment."""
        return float(sum(start[-1] - start[0] for start in self.starts) / max(1, len(self.labels)))


def segments_of(frames: Frames, data: DataDir, detector: Detector, num_clusters: int, seed: int = 0) -> Segments:
    """Cuts every utterance, and clusters the means of its standardised frames in each segment."""
    if frames.utts is None or frames.grid is None:
        raise AnalysisError(
            f"{frames.name} does not say which utterances its frames are of, and when they are",
            fix="give a folder (masr extract MODEL DATA OUT --pool none), a model with --data, or archives",
        )
    grid, speakers = frames.grid, data.table(UTT2SPK)
    starts: list[Float64Array] = []
    means: list[FloatArray] = []
    kept: list[str] = []
    for place, utt in enumerate(track(frames.utts, frames.name, unit="utterance")):
        values = frames.read(place)
        if not len(values):
            continue
        edges = np.concatenate([[0], borders_of(values, grid, detector), [len(values)]])
        found = np.add.reduceat(standardised(values), edges[:-1], axis=0) / np.diff(edges)[:, None]
        kept.append(utt)
        means.append(found.astype(np.float32))
        starts.append(np.maximum(grid.start_sec + grid.shift_sec * (edges - 0.5), 0.0))
    labels = _clusters(means, num_clusters, seed)
    return Segments(
        tuple(kept),
        tuple(speakers[utt] for utt in kept),
        tuple(starts),
        labels,
        num_clusters,
        _agreement(data, kept, starts),
    )


def _clusters(means: Sequence[FloatArray], count: int, seed: int) -> IntArray:
    rows = torch.from_numpy(np.concatenate(means)) if means else torch.zeros(0, 1)
    if len(rows) < count:
        raise AnalysisError(
            f"{len(rows)} segments cannot be {count} clusters", fix="give more speech, or --clusters less"
        )
    found = fit([rows], Config(num_clusters=count, sample=max(count, len(rows)), sample_steps=50, passes=0, seed=seed))
    return found.labels(rows).numpy()


def _agreement(data: DataDir, utts: Sequence[str], starts: Sequence[Float64Array]) -> Agreement | None:
    """Inner borders beside those of the alignment, over the utterances that have one."""
    if not data.has(PHONES_CTM):
        return None
    counts = np.zeros(3, dtype=np.int64)
    for utt, own in zip(utts, starts, strict=True):
        phones = stretches_of(data, PHONES_CTM, utt)
        if not phones.labels:
            continue
        true = np.unique(np.round(np.concatenate([phones.starts, phones.ends]), 6))[1:-1]
        counts += (hits(own[1:-1], true, TOLERANCE_SEC), len(own) - 2, len(true))
    return Agreement(*counts.tolist()) if counts[2] else None


def as_json(found: Segments, facts: dict[str, Any]) -> dict[str, Any]:
    """All figures; `facts` are what they are of."""
    return {**facts, "num_segments": len(found.labels), "mean_sec": found.mean_sec, **_agreed(found.agreement)}


def _agreed(agreement: Agreement | None) -> dict[str, Any]:
    if agreement is None:
        return {}
    names = ("precision", "recall", "f1", "r_value", "num_found", "num_true")
    return {"borders": {"tolerance_sec": TOLERANCE_SEC, **{name: getattr(agreement, name) for name in names}}}


def render(found: Segments) -> str:
    """A line or two for people."""
    line = f"{len(found.labels)} segments of {len(found.utts)} utterances, {1000 * found.mean_sec:.0f} ms on average, "
    line += f"in {found.num_clusters} clusters"
    if found.agreement is None:
        return line
    own = found.agreement
    shares = {"precision": own.precision, "recall": own.recall, "F1": own.f1, "R": own.r_value}
    figures = ", ".join(f"{name} {100 * share:.1f} %" for name, share in shares.items())
    return f"{line}\n  borders within {1000 * TOLERANCE_SEC:.0f} ms of the alignment's: {figures}"


def write(out: Path, found: Segments, facts: dict[str, Any]) -> None:
    """OUT/segments.item, a segment with the two around it a line, as ZeroSpeech's; OUT/segments.json, the figures."""
    out.mkdir(parents=True, exist_ok=True)
    with atomic_open(out / ITEMS) as stream:
        stream.write(_HEADER)
        first = 0
        for utt, speaker, starts in zip(found.utts, found.speakers, found.starts, strict=True):
            names = [f"c{label}" for label in found.labels[first : first + len(starts) - 1].tolist()]
            first += len(names)
            around = zip(["-", *names], names, [*names[1:], "-"], strict=False)
            for (start, end), (before, name, behind) in zip(pairwise(starts.tolist()), around, strict=True):
                stream.write(f"{utt} {start:.4f} {end:.4f} {name} {before} {behind} {speaker}\n")
    write_json(str(out / FIGURES), as_json(found, facts))
    write_provenance(out, **facts)
