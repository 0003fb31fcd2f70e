"""What a run cannot learn from, counted before it begins: a loss leaves such utterances and pairs out without a word.

Transcripts have a list of their own (masr/training/transcripts.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch

from masr.data.batching import Int64Array
from masr.data.collate import Labels
from masr.data.labels import Column
from masr.errors import DataError
from masr.io.datadir import DataDir
from masr.losses.triplet import needs_similarity
from masr.training.batches import named_streams
from masr.training.config import TrainConfig
from masr.training.transcripts import transcribes
from masr.types import Stream

_MOST_LABELS = 100
"""So many labels of a stream are compared with each other: a stream of transcripts has as many as utterances."""


def left_out(config: TrainConfig, data: DataDir, labels: Mapping[str, Labels], lengths: Int64Array) -> Iterator[str]:
    """A line for each reason why utterances, or pairs of labels, of a data directory are left out; how many they are.

    DataError where a stream that counts finds no label at all.
    """
    for name, found in labels.items():
        missing = np.flatnonzero(found.ids < 0)
        if isinstance(found.values, Column):  # those that are taken away on purpose are no news
            missing = np.array([place for place in missing if place not in found.values.changed], dtype=np.int64)
        if len(missing):
            what = "no label" if found.stream is not None else "no label, or one that is no class of the training data,"
            yield _line(data, missing, f"have {what} of {name}: its loss leaves them out")
    short = lengths < config.batching.min_frames
    long = (lengths > config.batching.max_frames) & (not config.batching.crop)
    for rule, wrong in (("shorter than batching.min_frames", short), ("longer than batching.max_frames", long)):
        if wrong.any() and not transcribes(config):
            yield _line(data, np.flatnonzero(wrong), f"are {rule} and left out")
    yield from _streams(config, data, labels)


def _line(data: DataDir, places: Int64Array, why: str) -> str:
    return f"{data.folder}: {len(places)} of {len(data)} utterances {why}, such as {data.utts[int(places[0])]}"


def _streams(config: TrainConfig, data: DataDir, labels: Mapping[str, Labels]) -> Iterator[str]:
    """What is said of the labels of the streams that count."""
    for name, named in named_streams(config):
        found = labels[name]
        if not named.common.weight or found.stream is None:
            continue
        numbers, firsts = np.unique(found.ids, return_index=True)
        names = [str(found.values[int(place)]) for place in firsts[numbers >= 0][:_MOST_LABELS]]
        taken_away = isinstance(found.values, Column) and found.values.changed
        if not names and data.folder == config.train and not taken_away:
            raise DataError(
                f"{data.folder}: no utterance has a label of {name}, so that its loss is nothing at all",
                why=f"its labels stand in {' or '.join(found.stream.tables)}",
                fix="leave the stream out, or give its weight as 0 to measure alone",
            )
        if len(names) == 1:
            yield f"{data.folder}: all utterances have the same label of {name}, {names[0]}: its loss has no negatives"
        if needs_similarity(named.common):
            yield from _unknown_pairs(name, data, found.stream, names)


def _unknown_pairs(name: str, data: DataDir, stream: Stream, names: Sequence[str]) -> Iterator[str]:
    """A line where labels in use cannot be compared with each other."""
    codes = torch.from_numpy(stream.codes(names))
    absent = stream.similarity(codes, codes).isnan().triu(1).nonzero().tolist()
    if absent:
        one, other = absent[0]
        yield (
            f"{data.folder}: {len(absent)} of {len(names) * (len(names) - 1) // 2} pairs of labels of {name} have no "
            f"similarity: its loss leaves them out, such as {names[one]} and {names[other]}"
        )
