"""FLEURS 2.0.0: one sentence list read aloud in 102 languages.

    data/<code>/{train,dev,test}.tsv
    data/<code>/audio/{train,dev,test}.tar.gz      or unpacked, audio/<split>/*.wav

The archives are read as a stream; members and rows meet by base name. There are no speaker ids: each utterance is
its own speaker, as Kaldi asks where none is known.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from masr.config import option
from masr.corpora.archive import DAMAGED, MAX_MEMBER_BYTES, Member, tar_members
from masr.corpora.asked import require_there
from masr.corpora.languages import FLEURS
from masr.errors import AudioError, CorpusError, near
from masr.files import ordinary
from masr.io.audio import audio_info
from masr.types import Corpus, Part, Problem, Utterance

SPLITS = ("train", "dev", "test")
GENDERS = ("male", "female", "other")
NUM_COLUMNS = 7
_SENTENCE = re.compile("[0-9]{1,18}")
_NUM_SAMPLES = re.compile("(?=0*[1-9])[0-9]{1,18}")
LAYOUT = """SOURCE/
    data/
      hi_in/
        train.tsv  dev.tsv  test.tsv
        audio/
          train.tar.gz  dev.tar.gz  test.tar.gz      (or folders train/ dev/ test/ of .wav)
      ur_pk/ ..."""


@dataclass(frozen=True)
class Config:
    """Which part of FLEURS is read, and how."""

    languages: tuple[str, ...] = option((), "folders to take, such as [hi_in, ur_pk]; all that are there by default")
    splits: tuple[str, ...] = option(SPLITS, "splits to take")
    text: Literal["normalised", "raw"] = option("normalised", "which transcription becomes `text`")
    check_num_samples: bool = option(True, "leave out audio whose length is not the one its row gives")

    def __post_init__(self) -> None:
        for code in self.languages:
            if code not in FLEURS:
                raise ValueError(f"languages: {code!r} is not one of FLEURS's 102; {near(code, FLEURS)}")
        for split in self.splits:
            if split not in SPLITS:
                raise ValueError(f"splits: {split!r}; {near(split, SPLITS)}")


@dataclass(frozen=True, slots=True)
class Sentence:
    """One row of a TSV."""

    line: int
    id: str
    file: str
    raw: str
    normalised: str
    num_samples: int
    gender: str


@dataclass(frozen=True)
class Fleurs:
    """The corpus as its folders say."""

    config: Config

    def parts(self, source: Path) -> list[Part]:
        """The parts of the corpus: each is a split of a language."""
        parts = [
            Part(split, code, folder)
            for code, folder in self._languages(source).items()
            for split in self.config.splits
            if any(path.exists() for path in _files(folder, split))
        ]
        if not parts:
            raise _no_layout(source, "its language folders have neither TSVs nor audio")
        return sorted(parts, key=lambda part: (SPLITS.index(part.split), part.name))

    def inputs(self, part: Part) -> list[Path]:
        """The files a part is read from: an unpacked folder is read anew each time."""
        tsv, archive, folder = _files(part.source, part.split)
        return [tsv, *_wavs(folder)] if _wavs(folder) else [tsv, archive]

    def read(self, part: Part) -> Iterator[Utterance | Problem]:
        """The utterances of a part: members with their rows, then the rows that no member was found for."""
        tsv, archive, folder = _files(part.source, part.split)
        where = f"{part.name}/{tsv.name}"
        if not tsv.is_file():
            yield Problem(where, "missing TSV: its audio has no rows")
            return
        rows: dict[str, Sentence] = {}
        for item in read_tsv(tsv, where):
            if isinstance(item, Problem):
                yield item
            elif item.file in rows:
                yield Problem(f"{where}:{item.line}", f"duplicate file name: {item.file}")
            else:
                rows[item.file] = item
        seen: set[str] = set()
        lost = "row without audio"
        for audio in _audio(archive, folder):
            if isinstance(audio, Problem):
                lost = DAMAGED if audio.reason.startswith(DAMAGED) else lost
                yield audio
                continue
            yield self._meet(part, audio, rows, seen)
        for name, row in rows.items():
            if name not in seen:
                yield Problem(f"{where}:{row.line}", f"{lost}: {name}")

    def _meet(self, part: Part, audio: Member | Path, rows: dict[str, Sentence], seen: set[str]) -> Utterance | Problem:
        """The utterance that an audio file and its row make, or what is wrong with them."""
        name = audio.name if isinstance(audio, Path) else audio.base_name
        where = f"{part.name}/audio/{part.split}/{name}"
        row = rows.get(name)
        if row is None:
            return Problem(where, "audio without row")
        if name in seen:
            return Problem(where, "duplicate member")
        seen.add(name)
        content = audio if isinstance(audio, Path) else audio.content
        if self.config.check_num_samples:
            try:
                num_samples = audio_info(content).num_samples
            except AudioError as error:
                return Problem(where, error.what)
            if num_samples != row.num_samples:
                return Problem(where, f"wrong number of samples: {num_samples}, its row says {row.num_samples}")
        language = FLEURS[part.name]
        utt = f"{part.name}-{name.removesuffix('.wav')}"
        return Utterance(
            utt=utt,
            speaker=utt,
            audio=content,
            text=getattr(row, self.config.text),
            labels={"lang": language.iso, "group": language.group, "gender": row.gender, "sentence": row.id},
            member=None if isinstance(audio, Path) else audio.name,
        )

    def survey(self, source: Path) -> Iterable[tuple[str, ...]]:
        """Rows for `masr corpus`: for each language the rows of each split's TSV, and whether its audio is there."""
        yield ("language", "iso", *(f"{split} rows" for split in self.config.splits), "missing")
        for code, folder in self._languages(source).items():
            counts, missing = [], []
            for split in self.config.splits:
                tsv, archive, unpacked = _files(folder, split)
                items = list(read_tsv(tsv, code)) if tsv.is_file() else []
                counts.append(str(sum(isinstance(item, Sentence) for item in items)))
                missing += [] if tsv.is_file() else [tsv.name]
                missing += [] if archive.is_file() or _wavs(unpacked) else [f"audio/{archive.name}"]
            yield (code, FLEURS[code].iso, *counts, " ".join(missing))

    def _languages(self, source: Path) -> dict[str, Path]:
        """Code -> folder, of the languages that are wanted and there."""
        root = source / "data" if (source / "data").is_dir() else source
        if not root.is_dir():
            raise _no_layout(source, "there is no such folder")
        folders = {p.name: p for p in sorted(root.iterdir()) if p.is_dir() and _is_language(p)}
        for name in folders:
            if name not in FLEURS:
                raise CorpusError(
                    f"{root / name}: {name!r} is not one of FLEURS's 102 languages", fix=near(name, FLEURS)
                )
        if not folders:
            raise _no_layout(source, f"{root} has no language folder")
        require_there(self.config.languages, folders, root)
        return {code: folder for code, folder in folders.items() if code in (self.config.languages or folders)}


def build(config: Config) -> Corpus:
    """The corpus."""
    return Fleurs(config)


def read_tsv(path: Path, where: str) -> Iterator[Sentence | Problem]:
    """The rows of a TSV file. Fields hold quotes, so lines are split on tabs and nothing is unquoted."""
    try:
        content = ordinary(path).read_bytes().removeprefix(b"\xef\xbb\xbf")
    except OSError as error:
        yield Problem(where, f"unreadable TSV: {error.strerror}")
        return
    if not content.strip():
        yield Problem(where, "empty TSV")
        return
    for number, line in enumerate(content.split(b"\n"), 1):
        if line.strip():
            yield _sentence(number, line, f"{where}:{number}")


def _sentence(number: int, line: bytes, where: str) -> Sentence | Problem:
    try:
        cells = line.decode("utf-8").split("\t")
    except UnicodeDecodeError as error:
        return Problem(where, f"not UTF-8: {error.reason} at byte {error.start + 1}")
    if len(cells) != NUM_COLUMNS:
        return Problem(where, f"wrong number of columns: {len(cells)}, not {NUM_COLUMNS}")
    # stripped, for the last cell ends in a carriage return where Windows wrote the file
    sentence, file, raw, normalised, _, num_samples, gender = (cell.strip() for cell in cells)
    if not _SENTENCE.fullmatch(sentence):
        return Problem(where, f"bad sentence id: {sentence[:40]!r}")
    if not file or "/" in file or not file.lower().endswith(".wav"):
        return Problem(where, f"bad file name: {file!r}")
    if not _NUM_SAMPLES.fullmatch(num_samples):
        return Problem(where, f"bad number of samples: {num_samples[:40]!r}")
    if gender.lower() not in GENDERS:
        return Problem(where, f"bad gender: {gender!r}")
    return Sentence(number, sentence, file, raw, normalised, int(num_samples), gender.lower())


def _audio(archive: Path, folder: Path) -> Iterator[Member | Path | Problem]:
    """The audio files of a split: those of the unpacked folder, where it has any, else those of the archive."""
    wavs = _wavs(folder)
    if wavs:
        for path in wavs:
            size = path.stat().st_size if path.is_file() else 0
            if size > MAX_MEMBER_BYTES:
                yield Problem(str(path), f"too large: {size} bytes")
            else:
                yield path
    elif archive.is_file():
        yield from tar_members(archive)
    else:
        yield Problem(f"{archive.parent.parent.name}/audio/{archive.name}", "missing archive")


def _wavs(folder: Path) -> list[Path]:
    return sorted(p for p in folder.glob("*.wav") if not p.is_dir()) if folder.is_dir() else []


def _files(language: Path, split: str) -> tuple[Path, Path, Path]:
    """The paths of a split's TSV, archive and unpacked folder."""
    audio = language / "audio"
    return language / f"{split}.tsv", audio / f"{split}.tar.gz", audio / split


def _is_language(folder: Path) -> bool:
    return (folder / "audio").is_dir() or any((folder / f"{split}.tsv").is_file() for split in SPLITS)


def _no_layout(source: Path, found: str) -> CorpusError:
    return CorpusError(
        f"{source} does not hold FLEURS: {found}",
        why=f"looked for\n{LAYOUT}",
        fix="give the folder that holds data/, as downloaded",
    )
