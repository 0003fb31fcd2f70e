"""Where windows come from: audio files, standard input, waveforms in memory, a data directory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from masr.data.dataset import speaker_stats
from masr.errors import AudioError
from masr.inference.batches import check_make, open_speech, pools
from masr.inference.identify import Geometry, Identifier, Window, num_windows, spans
from masr.inference.speech import AudioFile, Channel, Recording, Sound, Taking
from masr.io.datadir import DataDir

_POOL = 1024
"""Utterances that are sorted by length together."""

Complain = Callable[[int, str], None]
"""Called with the number of an item that gives no windows, and why."""
Refuse = Callable[[int, AudioError], None]
"""The same, with the whole error."""


def file_windows(
    sources: Sequence[Path | bytes], geometry: Geometry, longest: int, channel: Channel | None, complain: Complain
) -> Iterator[Window]:
    """Windows of audio files at any rate; where no channel is picked, of the mean of all."""
    taking = Taking(resample=True, channel="mix" if channel is None else channel)
    files = [AudioFile(str(item), source, taking) for item, source in enumerate(sources)]
    yield from recording_windows(files, geometry, longest, lambda item, error: complain(item, error.what))


def recording_windows(
    recordings: Iterable[Recording], geometry: Geometry, longest: int, refuse: Refuse
) -> Iterator[Window]:
    """Windows of recordings, of which no more than a window and a block is held at a time."""
    for item, recording in enumerate(recordings):
        try:
            yield from _windows_of(item, recording.open(geometry.sample_rate), geometry, longest)
        except AudioError as error:
            refuse(item, error)


def data_windows(identifier: Identifier, data: DataDir, from_archives: bool, complain: Complain) -> Iterator[Window]:
    """Windows of every utterance, those of like length together."""
    model = identifier.model
    check_make(data, model, from_archives)
    source = open_speech(data, model, from_archives)
    lengths = source.num_frames
    for places in pools(0, len(data), _POOL):
        for place in places[np.argsort(-lengths[places], kind="stable")].tolist():
            if lengths[place] < 1:
                complain(place, "too short: no frame")
                continue
            stats = torch.from_numpy(speaker_stats(data, place)) if model.norm == "speaker" else None
            length, longest = int(lengths[place]), identifier.max_frames
            for first, count in spans(length, longest):
                yield Window(place, source.read(place, first, count), count, num_windows(length, longest), stats)


def _windows_of(item: int, sound: Sound, geometry: Geometry, longest: int) -> Iterator[Window]:
    """Windows of one recording, planned by what its header says; the last one takes whatever there is to the end."""
    num_frames = max(1, geometry.num_frames(sound.num_samples))
    num_parts = num_windows(num_frames, longest)
    held = np.zeros(0, dtype=np.float32)
    origin = 0  # of what is held, in the whole
    for number, (first, count) in enumerate(spans(num_frames, longest)):
        start = first * geometry.shift
        wanted = start + geometry.one + (count - 1) * geometry.shift
        is_last = number == num_parts - 1
        while is_last or origin + len(held) < wanted:
            block = next(sound.blocks, None)
            if block is None:
                break
            held = np.concatenate([held, block])
        samples = held[start - origin :] if is_last else held[start - origin : wanted - origin]
        if len(samples) < geometry.one:
            needed = geometry.one / geometry.sample_rate
            raise AudioError(f"too short: {(origin + len(held)) / geometry.sample_rate:.3f} s of {needed:.3f} needed")
        yield Window(item, samples, count, num_parts)
        kept = start + count * geometry.shift
        held, origin = held[kept - origin :], kept
