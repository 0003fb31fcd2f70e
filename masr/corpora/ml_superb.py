"""ML-SUPERB 1, a benchmark of speech recognition and language identification in 143 languages.

    eighth_version/<source corpus>/<language>/transcript_{10min,1h}_train.txt      <utterance> <seconds> <text>
                                             transcript_10min_{dev,test}.txt
                                             wav/<utterance>.wav

Two rules of the benchmark decide what a training may see, and are kept unless one asks for other: of twenty languages
only five utterances are trained on, and none that is longer than 20 s. ML-SUPERB 2 is distributed as Parquet files:
`masr prepare parquet` reads it.
"""

from __future__ import annotations

import math
import re
import string
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from masr.config import option
from masr.corpora.asked import require_there
from masr.corpora.languages import to_iso
from masr.corpora.text_lines import bounded_lines
from masr.errors import CorpusError
from masr.types import Corpus, Part, Problem, Utterance

SPLITS = ("train", "dev", "test")
_FEW_SHOT = """
    lit cv 26 105 fleurs 97 mls 40 voxpopuli 1707; dan NST 7 72 cv 158 fleurs 58 71; tur cv 95 101 fleurs 60 69 95
    srp cv 78 145 fleurs 68 93 105; vie cv 105 128 fleurs 67 68 77; kaz cv 80 97 111 fleurs 36 66
    zul fleurs 49 57 nchlt 27 90 104; tsn googlei18n-tts 26 44 108 nchlt 1 32; epo cv 6 39 63 66 76
    frr cv 23 86 95 102 104; tok cv 4 11 30 84 101; umb fleurs 28 29 33 40 47; bos fleurs 67 78 80 88 90
    ful fleurs 55 59 67 76 81; ceb fleurs 54 64 69 71 80; luo fleurs 56 62 67 73 77; kea fleurs 52 70 78 83 85
    sun googlei18n-asr 1 7 41 99 106; tso nchlt 35 40 89 104 125; tos mexico-el 6 122 152 496 563
"""
"""Language, then the prefix of an utterance's name and its numbers: what the benchmark's own recipe trains on."""
_BRACKETS = re.compile(r"\[[^()]*\]")
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)
LAYOUT = """SOURCE/                 (or SOURCE/eighth_version/)
    commonvoice/
      abk/
        transcript_10min_train.txt  transcript_1h_train.txt  transcript_10min_dev.txt  transcript_10min_test.txt
        wav/cv_abk_000001.wav ...
    fleurs/ mls/ nchlt/ ..."""


@dataclass(frozen=True)
class Config:
    """Which of the benchmark's sets are read."""

    duration: Literal["10min", "1h"] = option("10min", "how much of each language is trained on")
    languages: tuple[str, ...] = option((), "languages to take, such as [eng, xty]; all that are there by default")
    sources: tuple[str, ...] = option((), "source corpora to take, such as [mls, fleurs]; all by default")
    text: Literal["normalised", "raw"] = option(
        "normalised", "normalised: as the benchmark scores, upper case without ASCII punctuation or brackets"
    )
    few_shot: bool = option(True, "train on five utterances of each of the twenty few-shot languages, as the benchmark")
    most_train_sec: float = option(20.0, "leave longer utterances out of train, as the benchmark; 0: keep them")

    def __post_init__(self) -> None:
        if not self.most_train_sec >= 0:
            raise ValueError("most_train_sec is 0 or more")


@dataclass(frozen=True)
class MlSuperb:
    """The benchmark as its transcripts say."""

    config: Config

    def parts(self, source: Path) -> list[Part]:
        """The parts of the corpus: each is a split of a language in a source corpus."""
        folders = _folders(source)
        root = folders[0].parent.parent
        require_there(self.config.languages, (folder.name for folder in folders), root)
        require_there(self.config.sources, (folder.parent.name for folder in folders), root)
        parts = [
            Part(split, f"{folder.parent.name}.{folder.name}", folder)
            for split in SPLITS
            for folder in folders
            if self._is_wanted(folder) and self._transcript(folder, split).is_file()
        ]
        if not parts:
            raise _no_layout(source, f"none of its languages has a transcript_{self.config.duration}_train.txt")
        return parts

    def inputs(self, part: Part) -> list[Path]:
        """The files a part is read from."""
        return [self._transcript(part.source, part.split), *sorted((part.source / "wav").glob("*.wav"))]

    def read(self, part: Part) -> Iterator[Utterance | Problem]:
        """The utterances of a part: the lines of its transcript."""
        path = self._transcript(part.source, part.split)
        language = to_iso(part.source.name)
        chosen = FEW_SHOT.get(part.source.name) if self.config.few_shot and part.split == "train" else None
        for where, line in bounded_lines(path, f"{part.name}/{path.name}"):
            item = line if isinstance(line, Problem) else self._utterance(part, language, where, line)
            if isinstance(item, Utterance) and chosen is not None and item.utt not in chosen:
                continue
            yield item

    def _utterance(self, part: Part, language: str, where: str, line: str) -> Utterance | Problem:
        cells = line.strip().split(maxsplit=2)
        if len(cells) < 2:
            return Problem(where, f"wrong number of columns: {len(cells)}, not 3")
        utt, said_sec, text = cells[0], _seconds(cells[1]), cells[2] if len(cells) == 3 else ""
        if "/" in utt or utt.startswith("."):
            return Problem(where, f"bad file name: {utt[:40]!r}")
        if said_sec is None:
            return Problem(where, f"bad duration: {cells[1][:40]!r}")
        most_sec = self.config.most_train_sec if part.split == "train" else 0
        if most_sec and said_sec > most_sec:
            return Problem(where, f"longer than most_train_sec: {said_sec:g} s")
        return Utterance(
            utt=utt,
            speaker=utt,
            audio=part.source / "wav" / f"{utt}.wav",
            text=text if self.config.text == "raw" else normalised(text),
            labels={"lang": language, "source": part.source.parent.name},
        )

    def _transcript(self, folder: Path, split: str) -> Path:
        return folder / f"transcript_{self.config.duration if split == 'train' else '10min'}_{split}.txt"

    def _is_wanted(self, folder: Path) -> bool:
        languages, sources = self.config.languages, self.config.sources
        return folder.name in (languages or (folder.name,)) and folder.parent.name in (sources or (folder.parent.name,))


def build(config: Config) -> Corpus:
    """The corpus."""
    return MlSuperb(config)


def normalised(text: str) -> str:
    """The text as the benchmark scores it."""
    return " ".join(_BRACKETS.sub("", text).translate(_NO_PUNCTUATION).upper().split())


def _few_shot() -> dict[str, frozenset[str]]:
    found = {}
    for row in _FEW_SHOT.replace("\n", ";").split(";"):
        language, *rest = row.split() or [""]
        prefix, names = "", []
        for word in rest:
            if word.isdigit():
                names.append(f"{prefix}_{language}_{int(word):06d}")
            else:
                prefix = word
        if language:
            found[language] = frozenset(names)
    return found


FEW_SHOT = _few_shot()
"""Few-shot language -> the utterances that are trained on."""


def _seconds(text: str) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def _folders(source: Path) -> list[Path]:
    """The languages' folders, sorted by source corpus and language."""
    if not source.is_dir():
        raise _no_layout(source, "there is no such folder")
    root = source / "eighth_version" if (source / "eighth_version").is_dir() else source
    folders = {path.parent for path in root.glob("*/*/transcript_*.txt")}
    if not folders:
        raise _no_layout(source, "no folder of a language has a transcript")
    return sorted(folders)


def _no_layout(source: Path, found: str) -> CorpusError:
    return CorpusError(
        f"{source} does not hold ML-SUPERB: {found}",
        why=f"looked for\n{LAYOUT}",
        fix="give the unpacked eighth_version; ML-SUPERB 2 is Parquet: masr prepare parquet",
    )
