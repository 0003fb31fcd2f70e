"""lhotse's records as utterances: recordings, supervisions, cuts."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from masr.corpora.ids import MOST_KIND, safe_id, safe_kind
from masr.corpora.languages import to_iso
from masr.corpora.sidecar import RESERVED
from masr.types import Span, Utterance

ROUNDING_SEC = 0.01
"""Manifests round times; a supervision so near to its recording's ends is the whole of it."""
_GENDERS = {"m": "male", "f": "female", "male": "male", "female": "female"}
_MAX_LABEL = 200
_MAX_SHOWN = 60
Record = Mapping[str, Any]


class BadLineError(Exception):
    """A record that cannot be used, and why."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recording: which file holds which channel."""

    id: str
    duration_sec: float
    files: tuple[tuple[Path, tuple[int, ...]], ...]

    def file_of(self, channel: int | None) -> tuple[Path, int | None]:
        """The file that holds a channel, and the channel's place in it where it is not alone there."""
        for path, channels in self.files:
            if channel is None or channel in channels:
                place = 0 if channel is None else channels.index(channel)
                return path, place if len(channels) > 1 else None
        raise BadLineError(f"no channel {channel}: the recording does not have it")

    @property
    def num_channels(self) -> int:
        """How many channels all its files have together."""
        return sum(len(channels) for _, channels in self.files)


def recorded(record: Record, folder: Path) -> Recorded:
    """A recording, its files found from the working folder or the manifest's."""
    if record.get("transforms"):
        raise BadLineError("transforms: the recording is to be changed while it is read; write it to a file first")
    files = []
    for source in _records(record, "sources"):
        kind = source.get("type")
        if kind == "command":
            raise BadLineError("command: the source would run it; write its output to a file first")
        if kind != "file":
            raise BadLineError(f"source of type {kind!r}: only files are read")
        path = Path(_word(source, "source"))
        if not path.is_absolute() and not os.path.exists(path):  # noqa: PTH110 (says no to names that Path raises for)
            path = folder / path
        files.append((path, _channels(source) or (0,)))
    if not files:
        raise BadLineError("no source")
    return Recorded(_word(record, "id"), _number(record, "duration"), tuple(files))


def inside(record: Record, member: str) -> Recorded:
    """A recording whose audio is a file in a shard: `member` is its name there."""
    sources = _records(record, "sources")
    channels = tuple(channel for source in sources for channel in _channels(source))
    return Recorded(_word(record, "id"), _number(record, "duration"), ((Path(member), channels or (0,)),))


def whole(one: Recorded) -> Utterance:
    """A whole recording as an utterance, where nobody described it."""
    path, channel = one.file_of(None)
    return Utterance(safe_id(one.id), safe_id(one.id), path, channel=channel)


def utterance(record: Record, one: Recorded, phones: tuple[str, ...], offset_sec: float = 0.0) -> Utterance:
    """The utterance of a supervision, which starts `offset_sec` later than it says."""
    utt = safe_id(_word(record, "id"))
    start_sec = _number(record, "start") + offset_sec
    end_sec = start_sec + _number(record, "duration")
    if -ROUNDING_SEC < start_sec < 0:
        start_sec = 0.0
    chosen = _channel(record)
    path, channel = one.file_of(chosen)
    is_whole = start_sec < ROUNDING_SEC and abs(end_sec - one.duration_sec) < ROUNDING_SEC
    several = one.num_channels > 1
    recording = safe_id(f"{one.id}-c{chosen or 0}" if several else one.id)
    has_speaker = record.get("speaker") not in (None, "")
    labels = _labels(record)
    if several:
        labels["channel"] = str(chosen or 0)
    return Utterance(
        utt=utt,
        speaker=safe_id(_word(record, "speaker")).replace("-", "_") if has_speaker else utt,
        audio=path,
        text=_word(record, "text") if record.get("text") else record.get("text"),
        labels=labels,
        recording=None if is_whole else recording,
        start_sec=None if is_whole else start_sec,
        end_sec=None if is_whole else end_sec,
        channel=channel,
        phones=_phones(record, phones, start_sec),
    )


def recording_of(record: Record) -> Record:
    """The recording that a cut is cut from."""
    kind = record.get("type")
    if kind not in ("MonoCut", "MultiCut", "Cut", None):
        raise BadLineError(f"{kind}: only cuts of one recording are read")
    recording = _mapping(record, "recording")
    if not recording:
        raise BadLineError("cut without recording: it may hold features alone")
    return recording


def cut_utterances(record: Record, one: Recorded, phones: tuple[str, ...]) -> Iterator[Utterance]:
    """The utterances of a cut: its supervisions, or the cut itself where it has none."""
    start_sec = _number(record, "start")
    supervisions = _records(record, "supervisions")
    for supervision in supervisions:
        inner = {"channel": record.get("channel"), **supervision}
        yield utterance(inner, one, phones, start_sec)
    if not supervisions:
        yield utterance({**record, "custom": record.get("custom")}, one, phones)


def _labels(record: Record) -> dict[str, str]:
    labels = {}
    if record.get("language"):
        labels["lang"] = to_iso(str(record["language"]))
    if record.get("gender"):
        labels["gender"] = _GENDERS.get(str(record["gender"]).strip().lower(), "other")
    for name, value in _mapping(record, "custom").items():
        kind = safe_kind(str(name))
        if isinstance(value, str | int | float) and not isinstance(value, bool) and kind:
            text = " ".join(str(value).split())
            if text and len(text) <= _MAX_LABEL and len(kind) <= MOST_KIND:
                labels.setdefault(f"custom_{kind}" if kind in RESERVED else kind, text)
    return labels


def _phones(record: Record, names: tuple[str, ...], start_sec: float) -> tuple[Span, ...]:
    """Phones of an alignment, which lhotse counts from the recording's start, and we from the utterance's."""
    alignment = _mapping(record, "alignment")
    for name in names:
        if alignment.get(name):
            return tuple(_phone(item, start_sec) for item in _list(alignment, name))
    return ()


def _phone(item: object, start_sec: float) -> Span:
    """[label, start, length, ...], or an object of the same in this order."""
    values = list(item.values()) if isinstance(item, dict) else item
    if not isinstance(values, list) or len(values) < 3:
        raise BadLineError(f"bad alignment: {_shown(item)}")
    times = dict(zip(("start", "duration"), values[1:3], strict=True))
    start = _number(times, "start") - start_sec
    return Span(str(values[0]), start, start + _number(times, "duration"))


def _channel(record: Record) -> int | None:
    """The channel of a supervision, the first of them where there are several."""
    value = record.get("channel")
    if value is None:
        return None
    return next(iter(_channels({"channels": value if isinstance(value, list) else [value]})), None)


def _channels(record: Record) -> tuple[int, ...]:
    channels = tuple(c for c in _list(record, "channels") if isinstance(c, int) and not isinstance(c, bool) and c >= 0)
    if len(channels) < len(_list(record, "channels")):
        raise BadLineError(f"bad channels: {_shown(record['channels'])}")
    return channels


def _records(record: Record, name: str) -> list[Record]:
    """A list of objects, empty where there is none."""
    values = _list(record, name)
    if not all(isinstance(value, dict) for value in values):
        raise BadLineError(f"bad {name}: {_shown(values)}")
    return values


def _list(record: Record, name: str) -> list[Any]:
    value = record.get(name) or []
    if not isinstance(value, list):
        raise BadLineError(f"bad {name}: {_shown(value)}")
    return value


def _mapping(record: Record, name: str) -> Record:
    value = record.get(name) or {}
    if not isinstance(value, dict):
        raise BadLineError(f"bad {name}: {_shown(value)}")
    return value


def _word(record: Record, name: str) -> str:
    """A text, or a whole number as one."""
    value = record.get(name)
    if value is None or value == "":
        raise BadLineError(f"no {name}")
    if not isinstance(value, str | int) or isinstance(value, bool):
        raise BadLineError(f"bad {name}: {_shown(value)}")
    return str(value)


def _number(record: Record, name: str) -> float:
    value = record.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= sys.float_info.max:
        raise BadLineError(f"bad {name}: {_shown(value)}")
    return float(value)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}..."
