"""What tells a data directory from another with the same names and lengths: how loud a few of its utterances are.

A noisy copy of a corpus, or one in rooms, or a corpus that was made anew, may have the very same utterances of the very
same lengths; what was made of one, such as a scorer's confidences, says nothing of the other. Two numbers of the audio
do not change with the format that it is kept in, its folder, or the machine that features were made on, as hashes do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from masr.data.samples import item_at
from masr.errors import MasrError
from masr.io.audio import entry_info, read_audio
from masr.io.datadir import DataDir
from masr.io.layout import WAV_SCP

Loudness = tuple[float, float]
"""Root mean square of the samples, and of their differences, which are what high frequencies are made of."""

_PROBES = 32
_LISTENED_SEC = 5.0
"""Seconds of each utterance that are listened to, so that hours of one recording cost no more than a sentence."""
_SAME = 1e-3
_ROUNDING = 2e-5
"""What a sample may lose in 16 bits."""


def content_of(data: DataDir) -> dict[str, Loudness]:
    """Utterance -> loudness, for a few of them spread evenly; without those whose audio is not there."""
    places = np.unique(np.linspace(0, len(data) - 1, _PROBES).astype(int)) if len(data) else ()
    return _heard(data, places)


def first_that_differs(data: DataDir, content: Mapping[str, Sequence[float]]) -> str | None:
    """The first utterance of `content` that sounds otherwise in this data directory; None where there is none."""
    here = _heard(data, [data.utts.index(utt) for utt in content if utt in data.utts])
    for utt, found in here.items():
        if not np.allclose(found, content[utt], rtol=_SAME, atol=_ROUNDING):
            return utt
    return None


def _heard(data: DataDir, places: Iterable[int]) -> dict[str, Loudness]:
    if not data.has(WAV_SCP):
        return {}
    found = {}
    for place in places:
        loudness = _loudness(data, int(place))
        if loudness is not None:
            found[data.utts[int(place)]] = loudness
    return found


def _loudness(data: DataDir, place: int) -> Loudness | None:
    """The loudness of an utterance; None where its audio cannot be read, as features are enough to work with."""
    try:
        item = item_at(data, place)
        end = item.start_sec + _LISTENED_SEC
        end = end if item.end_sec is None else min(end, item.end_sec)
        info = entry_info(item.entry)
        end = min(end, info.duration_sec)
        samples = read_audio(item.entry, item.start_sec, end, sample_rate=info.sample_rate).astype(np.float64)
    except (MasrError, OSError):
        return None
    if len(samples) < 2:
        return None
    rms, differences = np.sqrt(np.mean(samples**2)), np.sqrt(np.mean(np.diff(samples) ** 2))
    return round(float(rms), 7), round(float(differences), 7)
