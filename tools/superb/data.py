"""Data directories as s3prl's problems read them: WAV files, and a CSV file for train, valid and test."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import soundfile

from masr.data.samples import Samples
from masr.errors import DataError
from masr.io.alignment import stretches_of
from masr.io.datadir import DataDir
from masr.io.layout import PHONES_CTM, WORDS_CTM
from masr.io.progress import track
from masr.objectives.frames import Config as FramesConfig

RATE = 16000
SPLITS = ("train", "valid", "test")
_KEYWORDS, _LETTERS = 10, 4
Row = dict[str, str | float]


@dataclass(frozen=True)
class Written:
    """What the CSV files hold."""

    counts: dict[str, int]
    """Split -> rows."""
    classes: int
    chance: float
    """Score of the best answer that hears nothing: the commonest label of train; of phones, none at all."""


def write(task: str, data: list[Path], label: str, out: Path) -> Written:
    """train.csv, valid.csv and test.csv in `out`, of the data directories for these; sid divides the first."""
    opened = [DataDir.open(folder) for folder in (data[:1] if task == "sid" else data)]
    names = SPLITS[: len(opened)]
    audio = {name: _audio(one, out / "audio" / name) for name, one in zip(names, opened, strict=True)}
    rows: dict[str, list[Row]] = {}
    if task == "sid":
        rows = _divided(_labelled(opened[0], audio["train"], label))
    elif task == "ks":
        keywords = _commonest(opened[0])
        rows = {name: _words(one, audio[name], keywords) for name, one in zip(names, opened, strict=True)}
    else:
        read = _phones if task == "pr" else _labelled
        rows = {name: list(read(one, audio[name], label)) for name, one in zip(names, opened, strict=True)}
    for name in SPLITS:
        if not rows[name]:
            raise DataError(f"{data[0].parent}: nothing for {task} in {name}", fix="take more or other data")
        with (out / f"{name}.csv").open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, list(rows[name][0]))
            writer.writeheader()
            writer.writerows(rows[name])
    counts = {name: len(rows[name]) for name in SPLITS}
    if task == "pr":
        phones = {phone for row in rows["train"] for phone in str(row["transcription"]).split()}
        return Written(counts, len(phones), 1.0)
    commonest = Counter(row["label"] for row in rows["train"]).most_common(1)[0][0]
    classes = {row["label"] for name in SPLITS for row in rows[name]}
    return Written(counts, len(classes), sum(row["label"] == commonest for row in rows["test"]) / counts["test"])


def _audio(data: DataDir, folder: Path) -> list[str]:
    """The path of each utterance's WAV file, written here, for audio may lie in archives and segments."""
    folder.mkdir(parents=True, exist_ok=True)
    samples = Samples(data, RATE)
    paths = [str((folder / f"{place}.wav").resolve()) for place in range(len(data))]
    for place in track(range(len(data)), f"audio of {data.folder.name}", unit="utt"):
        count = int(samples.num_samples[place])
        soundfile.write(paths[place], samples.read(place, 0, count), RATE, subtype="FLOAT")
    return paths


def _phones(data: DataDir, paths: list[str], _: str) -> Iterator[Row]:
    silences = FramesConfig().silences
    for utt, path in zip(data.utts, paths, strict=True):
        said = [phone for phone in stretches_of(data, PHONES_CTM, utt).labels if phone not in silences]
        if said:
            yield {"id": utt, "wav_path": path, "transcription": " ".join(said)}


def _labelled(data: DataDir, paths: list[str], label: str) -> Iterator[Row]:
    """The kind stands before the label: pandas takes `nan`, a language, for nothing at all."""
    known = data.labels(label)
    for utt, path in zip(data.utts, paths, strict=True):
        if utt in known:
            yield {"id": utt, "wav_path": path, "label": f"{label} {known[utt]}"}


def _divided(rows: Iterator[Row]) -> dict[str, list[Row]]:
    """Of each label the fourth of every five utterances validates, and the fifth is tested."""
    found: dict[str, list[Row]] = {name: [] for name in SPLITS}
    seen = Counter[str]()
    for row in rows:
        place = seen[str(row["label"])] % 5
        seen[str(row["label"])] += 1
        found["train" if place < 3 else SPLITS[place - 2]].append(row)
    return found


def _commonest(data: DataDir) -> set[str]:
    """The ten commonest words that have four letters or more."""
    counts = Counter(word for utt in data.utts for word in stretches_of(data, WORDS_CTM, utt).labels)
    return {word for word, _ in [one for one in counts.most_common() if len(one[0]) >= _LETTERS][:_KEYWORDS]}


def _words(data: DataDir, paths: list[str], keywords: set[str]) -> list[Row]:
    """Keywords, and other words, spread evenly, once to twice as many as the commonest has: stretches of WAV files."""
    found: defaultdict[str, list[Row]] = defaultdict(list)
    for utt, path in zip(data.utts, paths, strict=True):
        for start, end, word in stretches_of(data, WORDS_CTM, utt).rows():
            label = f"word {word}" if word in keywords else "unknown"
            if label != "unknown" or len(word) >= _LETTERS:
                name = f"{utt}-{start:.3f}"
                row: Row = {"id": name, "wav_path": path, "label": label, "start_sec": start, "end_sec": end}
                found[label].append(row)
    unknown = found.pop("unknown", [])
    most = max(map(len, found.values()), default=0)
    return [row for rows in found.values() for row in rows] + unknown[:: max(1, len(unknown) // max(1, most))]
