"""A data directory of whole recordings, or of windows of them, out of one whose utterances are segments.

ABX of recordings wants all of a recording, pauses too, and an encoder rather sees pieces of bounded length.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from masr.errors import DataError, UsageError
from masr.io.datadir import DataDir, Table
from masr.io.datadir.recordings import RECORDING, recording_of
from masr.io.layout import RECO2DUR, SEGMENTS, UTT2DUR, UTT2SPK, WAV_SCP, label_table

_LEAST_SEC = 0.5
"""A rest at the end of a recording that is shorter is left out."""


def recordings(data: DataDir, window_sec: float | None = None) -> dict[str, Table]:
    """Tables of a data directory with an utterance for each recording, or for each window of `window_sec`.

    A label that all utterances of a recording have in common is the recording's.
    """
    if window_sec is not None and not window_sec >= 2 * _LEAST_SEC:
        raise UsageError(f"windows of {window_sec:g} s are too short", fix=f"give {2 * _LEAST_SEC:g} or more")
    of = recording_of(data)
    durations = _durations(data, of)
    speakers = _shared(data.table(UTT2SPK), of)
    labels = {label_table(kind): _shared(data.labels(kind), of) for kind in data.kinds()}
    names = [SEGMENTS, UTT2SPK, UTT2DUR, label_table(RECORDING), *labels]
    tables: dict[str, Table] = {name: {} for name in names}
    for recording, seconds in durations.items():
        speaker = speakers.get(recording, recording)
        for number, (start, end) in enumerate(_windows(seconds, window_sec)):
            utt = f"{speaker}-{recording}-{number:05d}"
            tables[SEGMENTS][utt] = f"{recording} {start:.4f} {end:.4f}"
            tables[UTT2SPK][utt] = speaker
            tables[UTT2DUR][utt] = f"{end - start:.4f}"
            tables[label_table(RECORDING)][utt] = recording
            for name, values in labels.items():
                if recording in values and name != label_table(RECORDING):
                    tables[name][utt] = values[recording]
    wavs = data.table(WAV_SCP)
    tables[WAV_SCP] = {recording: wavs[recording] for recording in durations}
    tables[RECO2DUR] = {recording: f"{seconds:.6f}" for recording, seconds in durations.items()}
    return {name: rows for name, rows in tables.items() if rows}


def _durations(data: DataDir, of: Mapping[str, str]) -> dict[str, float]:
    """Recording -> its length in seconds."""
    names = sorted(set(of.values()))
    table = next((name for name in (RECO2DUR, UTT2DUR) if data.has(name) and _has_all(data, name, names)), None)
    if table is None:
        raise DataError(
            f"{data.folder} does not say how long its recordings are: {RECO2DUR} is missing or lacks some",
            fix=f"masr data fix {data.folder}, or prepare it again",
        )
    if not _has_all(data, WAV_SCP, names):
        raise DataError(f"{data.folder}: {WAV_SCP} lacks recordings that {SEGMENTS} names", fix="masr data validate")
    values = data.table(table)
    return {name: float(values[name]) for name in names}


def _has_all(data: DataDir, name: str, ids: list[str]) -> bool:
    table = data.table(name)
    return all(key in table for key in ids)


def _shared(labels: Mapping[str, str], of: Mapping[str, str]) -> Table:
    """Recording -> the label that all its utterances share; recordings without such a label are left out."""
    found: dict[str, set[str]] = {}
    for utt, recording in of.items():
        found.setdefault(recording, set()).add(labels.get(utt, ""))
    return {recording: next(iter(some)) for recording, some in found.items() if len(some) == 1 and some != {""}}


def _windows(seconds: float, window_sec: float | None) -> list[tuple[float, float]]:
    if window_sec is None:
        return [(0.0, seconds)]
    count = int((seconds - _LEAST_SEC) // window_sec) + 1
    return [(n * window_sec, min((n + 1) * window_sec, seconds)) for n in range(max(1, count))]


def folder_of(source: str, data: Path | None) -> Path | None:
    """The data directory that describes the utterances of a source; None for an array, which has none."""
    if data is not None:
        return data
    return Path(source) if Path(source).is_dir() else None
