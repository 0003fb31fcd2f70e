"""Utterances by how sure a scorer is of them, as masr confidence stored it: a filter of data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from masr.errors import DataError
from masr.io.ark import read_array
from masr.io.confidence import read_facts
from masr.io.datadir.view import open_table
from masr.io.layout import CONFIDENCE_SCP


def mean_confidences(folder: Path, utts: Sequence[str]) -> dict[str, float]:
    """Utterance -> the mean of its confidences in FOLDER/confidence.scp; -1 where it is too short to have any.

    DataError where more have none than the scorer found too short: they are of other data.
    """
    facts = read_facts(folder)
    table = open_table(folder / CONFIDENCE_SCP)
    entries = {utt: table.get(utt) for utt in utts}
    missing = [utt for utt, entry in entries.items() if entry is None]
    if len(missing) > facts.num_short:
        raise DataError(
            f"{folder / CONFIDENCE_SCP} has no confidences of {missing[0]}, nor of {len(missing) - 1} others",
            why=f"they were made of {facts.data}: other data, or these as they were",
            fix="score the data that is chosen from: masr confidence SCORER DATA",
        )
    return {utt: float(read_array(entry).mean()) if entry else -1.0 for utt, entry in entries.items()}
