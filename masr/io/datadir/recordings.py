"""Which recording an utterance is of, and data directories that hold whole recordings, dealt out in turn."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from itertools import count

from masr.errors import DataError
from masr.io.datadir.directory import DataDir
from masr.io.layout import SEGMENTS, label_table

RECORDING = "recording"
"""The kind of metadata that says which recording an utterance is of."""


def recording_of(data: DataDir) -> Mapping[str, str]:
    """Utterance -> recording: from utt2recording, else from segments, else each utterance is its own."""
    if data.has(label_table(RECORDING)):
        return data.labels(RECORDING)
    if data.has(SEGMENTS):
        return {utt: value.split()[0] for utt, value in data.table(SEGMENTS).items()}
    return {utt: utt for utt in data.utts}


def dealt_out(data: DataDir, num: int, whole: str, within: str | None = None) -> list[list[str]]:
    """`num` lists of utterances, all that share a label of `whole` in one of them.

    Labels are dealt out in the order of their names, in turn; one label of `within` after another, so that each of
    these, as a series, comes to every list in equal numbers as far as it goes.
    """
    labels = recording_of(data) if whole == RECORDING else data.labels(whole)
    outer = {} if within is None else data.labels(within)
    utts: dict[str, list[str]] = defaultdict(list)
    homes: dict[str, set[str]] = defaultdict(set)
    for utt in data.utts:
        label = labels.get(utt, "")
        if not label:
            raise DataError(f"{data.folder}: {utt} has no {whole}", fix="masr data subset can leave it out")
        utts[label].append(utt)
        homes[label].add(outer.get(utt, ""))
    torn = next((label for label, found in homes.items() if len(found) > 1), None)
    if torn is not None:
        raise DataError(
            f"{data.folder}: {whole} {torn} has several labels of {within}: {', '.join(sorted(homes[torn]))}",
            fix="leave --within out",
        )
    if num < 1 or len(utts) < num:
        raise DataError(f"{data.folder} cannot be split into {num}: it has {len(utts)} of {whole}")
    parts: list[list[str]] = [[] for _ in range(num)]
    turns = count()
    for label in sorted(utts, key=lambda label: (min(homes[label]), label)):
        parts[next(turns) % num] += utts[label]
    return parts
