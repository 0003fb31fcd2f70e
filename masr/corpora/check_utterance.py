"""One utterance on its way into a data directory: its audio is checked, its names and labels are made safe."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from masr.corpora.ids import safe_id, safe_kind, speaker_first
from masr.corpora.sidecar import RESERVED, SPEAKER, Sidecar
from masr.errors import AudioError
from masr.io.audio import OVERSHOOT_SEC, SAMPLE_RATE, audio_info, check_audio, int16_blocks
from masr.io.datadir import clean_text
from masr.io.shards import ShardWriter
from masr.types import Problem, Span, Utterance

MIN_SEC = 0.025
"""The length of one frame: less makes no features."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
SILENCE = "sil"
"""What an alignment's unnamed stretch is called: a CTM line cannot leave it out."""


@dataclass(frozen=True, slots=True)
class UtteranceRow:
    """What the tables say of one utterance."""

    utt: str
    speaker: str
    recording: str
    """Key of wav.scp; the utterance itself where it is no segment."""
    entry: str
    recording_sec: float
    duration_sec: float
    start_sec: float | None = None
    end_sec: float | None = None
    text: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    phones: tuple[tuple[str, float, float], ...] = ()
    words: tuple[tuple[str, float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Recording:
    """Audio that was checked."""

    entry: str
    duration_sec: float


class Admission:
    """Turns the utterances of one part into rows; a recording with many segments is checked once."""

    def __init__(self, shard: ShardWriter, sidecar: Sidecar, shards: bool, resample: bool) -> None:
        self.shard = shard
        self.sidecar = sidecar
        self.shards = shards or resample
        self.resample = resample
        self._recordings: dict[str, Recording | str] = {}

    def row(self, item: Utterance) -> UtteranceRow | Problem:
        """The utterance's row, or why it has none."""
        utterance = self._named(item)
        where = f"{utterance.utt} ({self._where(utterance)})"
        recording = self._recording(utterance)
        if isinstance(recording, str):
            return Problem(where, recording)
        start_sec, end_sec, duration_sec = None, None, recording.duration_sec
        if utterance.recording is not None:
            start_sec, end_sec = utterance.start_sec or 0.0, utterance.end_sec
            end_sec = recording.duration_sec if end_sec is None else end_sec
            reason = _segment_problem(start_sec, end_sec, recording.duration_sec)
            if reason:
                return Problem(where, reason)
            end_sec = min(end_sec, recording.duration_sec)
            duration_sec = end_sec - start_sec
        if duration_sec < MIN_SEC:
            return Problem(where, f"too short: {duration_sec:.4f} s, less than one frame")
        return UtteranceRow(
            utt=utterance.utt,
            speaker=utterance.speaker,
            recording=utterance.recording or utterance.utt,
            entry=recording.entry,
            recording_sec=recording.duration_sec,
            duration_sec=duration_sec,
            start_sec=start_sec,
            end_sec=end_sec,
            text=None if utterance.text is None else clean_text(utterance.text),
            labels=utterance.labels,
            phones=_aligned(utterance.phones, duration_sec),
            words=_aligned(utterance.words, duration_sec),
        )

    def _named(self, item: Utterance) -> Utterance:
        """Safe ids and labels; what metadata.tsv says goes before what the corpus says."""
        said = self.sidecar.get(base_name(item), {})
        speaker = safe_id(item.speaker)
        if SPEAKER in said:
            speaker = safe_id(said[SPEAKER]).replace("-", "_")
        labels = {safe_kind(kind): clean_text(value) for kind, value in {**item.labels, **said}.items()}
        labels = {k: v for k, v in labels.items() if k and v and k not in RESERVED and k != SPEAKER}
        return replace(
            item,
            utt=speaker_first(safe_id(item.utt), speaker),
            speaker=speaker,
            labels=labels,
            recording=None if item.recording is None else safe_id(item.recording),
        )

    def _recording(self, utterance: Utterance) -> Recording | str:
        """The recording after its audio was checked, or the reason against it."""
        if utterance.recording is None:
            return self._checked(utterance.utt, utterance)
        key = f"{utterance.recording} {utterance.channel}"
        if key not in self._recordings:
            self._recordings[key] = self._checked(utterance.recording, utterance)
        return self._recordings[key]

    def _checked(self, key: str, utterance: Utterance) -> Recording | str:
        try:
            return self._kept(key, utterance)
        except AudioError as error:
            return error.what

    def _kept(self, key: str, utterance: Utterance) -> Recording:
        audio, channel = utterance.audio, utterance.channel
        if isinstance(audio, Path):
            entry = _entry(audio)
            if not self.shards and (channel is None or audio_info(audio).num_channels == 1):
                return Recording(entry, check_audio(audio, channel=channel).duration_sec)
        elif utterance.entry and not self.shards:
            return Recording(_writable(utterance.entry), check_audio(audio, channel=channel).duration_sec)
        blocks = int16_blocks(audio, SAMPLE_RATE, channel, self.resample)
        entry, num_samples = self.shard.append(key, blocks)
        return Recording(entry, num_samples / SAMPLE_RATE)

    @staticmethod
    def _where(utterance: Utterance) -> str:
        if isinstance(utterance.audio, Path):
            return str(utterance.audio).encode("utf-8", "backslashreplace").decode()
        return utterance.member or "archive"


def base_name(utterance: Utterance) -> str:
    """The audio file's name as metadata.tsv gives it: without folder and extension."""
    if isinstance(utterance.audio, Path):
        return utterance.audio.stem
    return PurePosixPath(utterance.member or utterance.utt).stem


def _entry(path: Path) -> str:
    """The file's absolute path, for it has to be found from any folder; what wav.scp cannot hold is refused."""
    return _writable(str(path.absolute()))


def _writable(entry: str) -> str:
    """The entry, where a line of wav.scp can hold it; else AudioError."""
    try:
        entry.encode()
    except UnicodeEncodeError:
        raise AudioError("file name: not valid UTF-8, which wav.scp has to be") from None
    if entry != entry.strip(" \t") or entry.endswith("|") or _CONTROL.search(entry):
        raise AudioError("file name: ends in a blank or '|', or holds a line break, which wav.scp cannot hold")
    return entry


def _segment_problem(start_sec: float, end_sec: float, duration_sec: float) -> str:
    if not (math.isfinite(start_sec) and math.isfinite(end_sec) and 0 <= start_sec < end_sec):
        return f"segment times: {start_sec} to {end_sec} s"
    if start_sec >= duration_sec or end_sec > duration_sec + OVERSHOOT_SEC:
        return f"segment ends after its recording: {end_sec:.3f} s of {duration_sec:.3f}"
    return ""


def _aligned(spans: tuple[Span, ...], duration_sec: float) -> tuple[tuple[str, float, float], ...]:
    """Label, start and duration of each phone or word, cut at the utterance's end."""
    rows = []
    for span in spans:
        start_sec, end_sec = max(0.0, span.start_sec), min(span.end_sec, duration_sec)
        if end_sec > start_sec:
            rows.append((safe_label(span.label), start_sec, end_sec - start_sec))
    return tuple(rows)


def safe_label(label: str) -> str:
    """A phone or a word as one word."""
    return "_".join(clean_text(label).split()) or SILENCE
