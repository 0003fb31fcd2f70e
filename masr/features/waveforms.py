"""The waveforms of a data directory's utterances, and batches of them.

Segments of one recording are read in stretches: a long recording is decoded once, from front to back, and no more
than some minutes of it are held.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import isfinite

import torch
from torch import Tensor

from masr.errors import ArchiveError, AudioError, DataError
from masr.io.audio import read_audio
from masr.io.datadir import DataDir
from masr.io.layout import SEGMENTS, WAV_SCP
from masr.types import FloatArray

STRETCH_SEC = 600.0
"""The longest stretch, unless a single segment is longer."""
GAP_SEC = 5.0
"""The longest pause between two segments that is read rather than skipped."""


@dataclass(frozen=True, slots=True)
class Item:
    """Where one utterance's samples are."""

    utt: str
    entry: str
    """The entry of wav.scp that holds them."""
    start_sec: float = 0.0
    end_sec: float | None = None


@dataclass(frozen=True, slots=True)
class Unread:
    """An utterance without samples, and why."""

    utt: str
    reason: str


Read = tuple[str, FloatArray] | Unread


def items_of(data: DataDir, utts: Iterable[str]) -> Iterator[Item | Unread]:
    """What wav.scp and segments say of the utterances."""
    recordings = data.table(WAV_SCP)
    if not data.has(SEGMENTS):
        for utt in utts:
            entry = recordings.get(utt)
            yield Item(utt, entry) if entry else Unread(utt, f"not in {WAV_SCP}")
        return
    segments = data.table(SEGMENTS)
    for utt in utts:
        value = segments.get(utt)
        yield _segment(utt, value, recordings.get(value.split()[0]) if value else None)


def _segment(utt: str, value: str | None, entry: str | None) -> Item | Unread:
    if not value:
        return Unread(utt, f"not in {SEGMENTS}")
    fields = value.split()
    if entry is None:
        return Unread(utt, f"its recording {fields[0]} is not in {WAV_SCP}")
    try:
        start_sec, end_sec = float(fields[1]), float(fields[2])
    except (IndexError, ValueError):
        start_sec = end_sec = math.nan
    if not (math.isfinite(start_sec) and math.isfinite(end_sec)):
        return Unread(utt, f"its line in {SEGMENTS} is not 'recording start end'")
    if not (isfinite(start_sec) and isfinite(end_sec)):
        return Unread(utt, f"its line in {SEGMENTS} has times that are not finite")
    # Kaldi writes -1 for the end of the recording.
    return Item(utt, entry, start_sec, None if end_sec == -1 else end_sec)


def read_waveforms(found: Iterable[Item | Unread], sample_rate: int, allow_pipes: bool = False) -> Iterator[Read]:
    """Samples of each utterance, or why there are none; utterances of one recording come one after another."""
    by_entry: dict[str, list[Item]] = {}
    for item in found:
        if isinstance(item, Unread):
            yield item
        else:
            by_entry.setdefault(item.entry, []).append(item)
    for entry, items in by_entry.items():
        piped = entry.rstrip().endswith("|")
        for stretch in _stretches(items, whole=piped):
            yield from _read_stretch(stretch, sample_rate, allow_pipes)


def _stretches(items: Sequence[Item], whole: bool) -> Iterator[list[Item]]:
    """Segments that are neighbours in time; with `whole` all of a recording, as a command runs from its start."""
    stretch: list[Item] = []
    begin, end = 0.0, 0.0
    for item in sorted(items, key=lambda item: item.start_sec):
        reached = float("inf") if item.end_sec is None else item.end_sec
        joins = whole or (item.start_sec - end <= GAP_SEC and max(end, reached) - begin <= STRETCH_SEC)
        if stretch and not joins:
            yield stretch
            stretch = []
        if not stretch:
            begin, end = item.start_sec, reached
        stretch.append(item)
        end = max(end, reached)
    if stretch:
        yield stretch


def _read_stretch(items: list[Item], sample_rate: int, allow_pipes: bool) -> Iterator[Read]:
    """The samples of a stretch by one read; where that fails, each by itself, so that a bad segment spoils no other."""
    ends = [item.end_sec for item in items]
    end_sec = None if None in ends else max(end for end in ends if end is not None)
    start_sec = items[0].start_sec
    try:
        samples = read_audio(items[0].entry, start_sec, end_sec, sample_rate=sample_rate, allow_pipes=allow_pipes)
    except (AudioError, ArchiveError) as error:
        if len(items) == 1:
            yield Unread(items[0].utt, f"{error.what}; fix: {error.fix}" if error.fix else error.what)
            return
        for item in items:
            yield from _read_stretch([item], sample_rate, allow_pipes)
        return
    origin = round(start_sec * sample_rate)
    for item in items:
        last = None if item.end_sec is None else round(item.end_sec * sample_rate) - origin
        part = samples[round(item.start_sec * sample_rate) - origin : last]
        yield (item.utt, part) if len(part) else Unread(item.utt, f"{item.entry}: no samples from {item.start_sec:g} s")


@dataclass(frozen=True, slots=True)
class Batch:
    """Utterances of about one length, padded with zeros."""

    utts: list[str]
    waveforms: Tensor
    """(B, S) samples."""
    num_samples: Tensor
    """(B,) samples of each utterance."""


def batches(waveforms: Iterable[tuple[str, FloatArray]], max_samples: int, pool_samples: int) -> Iterator[Batch]:
    """Batches of at most `max_samples` with their padding (or one utterance), from pools sorted by length.

    No more than a pool and one utterance are held. `max_samples` 0 gives each utterance alone, in order.
    """
    pool: list[tuple[str, FloatArray]] = []
    held = 0
    for utt, samples in waveforms:
        if max_samples == 0:
            yield _batch([(utt, samples)])
            continue
        pool.append((utt, samples))
        held += len(samples)
        if held >= pool_samples:
            yield from _sorted_batches(pool, max_samples)
            pool, held = [], 0
    yield from _sorted_batches(pool, max_samples)


def _sorted_batches(pool: list[tuple[str, FloatArray]], max_samples: int) -> Iterator[Batch]:
    current: list[tuple[str, FloatArray]] = []
    for utt, samples in sorted(pool, key=lambda pair: (len(pair[1]), pair[0])):
        if current and (len(current) + 1) * len(samples) > max_samples:
            yield _batch(current)
            current = []
        current.append((utt, samples))
    if current:
        yield _batch(current)


def _batch(pairs: list[tuple[str, FloatArray]]) -> Batch:
    sizes = [len(samples) for _, samples in pairs]
    if len(pairs) == 1:
        waveforms = torch.from_numpy(pairs[0][1])[None]
    else:
        waveforms = torch.zeros(len(pairs), max(sizes), device="cpu")
        for row, (_, samples) in enumerate(pairs):
            waveforms[row, : len(samples)] = torch.from_numpy(samples)
    return Batch([utt for utt, _ in pairs], waveforms, torch.tensor(sizes, device="cpu"))


def require_audio(data: DataDir) -> None:
    """DataError where the directory has no wav.scp."""
    if not data.has(WAV_SCP):
        raise DataError(
            f"{data.folder} has no {WAV_SCP}",
            why="features are computed from the audio that it names",
            fix="make the directory with `masr prepare`",
        )
