"""LibriSpeech: read English, 1000 hours.

    LibriSpeech/<split>/<reader>/<chapter>/<reader>-<chapter>-<utterance>.flac
    LibriSpeech/<split>/<reader>/<chapter>/<reader>-<chapter>.trans.txt
    LibriSpeech/SPEAKERS.TXT, CHAPTERS.TXT
    alignments/<split>/<reader>/<chapter>/<reader>-<chapter>-<utterance>.TextGrid      where there are any

A speaker is a reader in a chapter, as in Kaldi's recipe: channel and voice are one there, which is what CMVN wants.
utt2reader has the person.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from masr.config import option
from masr.corpora.asked import require_there
from masr.corpora.textgrid import read_textgrid
from masr.errors import CorpusError
from masr.types import Corpus, Part, Problem, Span, Utterance

ALIGNMENTS = ("alignments", "librispeech_alignments", "LibriSpeech-Alignments", "LibriSpeech-Alignments/LibriSpeech")
"""Folders that the aligned releases unpack to."""
_SPLIT = re.compile(r"(train|dev|test)-[a-z0-9-]+")
LAYOUT = """SOURCE/
    LibriSpeech/
      SPEAKERS.TXT  CHAPTERS.TXT
      train-clean-100/
        103/1240/
          103-1240.trans.txt  103-1240-0000.flac ...
      dev-clean/ ..."""
_GENDERS = {"M": "male", "F": "female"}


@dataclass(frozen=True)
class Config:
    """Which part of LibriSpeech is read, and how."""

    splits: tuple[str, ...] = option((), "splits to take, such as [train-clean-100, dev-clean]; all by default")
    speaker: Literal["chapter", "reader"] = option("chapter", "what utt2spk means: a reader's chapter, or the reader")
    alignments: str = option(
        "", "folder of <split>/<reader>/<chapter>/*.TextGrid; looked for beside the corpus if empty"
    )


@dataclass(frozen=True)
class LibriSpeech:
    """The corpus as its folders say."""

    config: Config

    def parts(self, source: Path) -> list[Part]:
        """The parts of the corpus: each is a reader in a split."""
        root = _root(source)
        splits = sorted(p for p in root.iterdir() if p.is_dir() and _SPLIT.fullmatch(p.name))
        names = [p.name for p in splits]
        require_there(self.config.splits, names, root)
        parts = [
            Part(split.name.replace("-", "_"), reader.name, reader)
            for split in splits
            if split.name in (self.config.splits or names)
            for reader in sorted(split.iterdir(), key=_numeric)
            if reader.is_dir() and reader.name.isdecimal()
        ]
        if not parts:
            raise _no_layout(source, "its splits have no readers' folders")
        return parts

    def read(self, part: Part) -> Iterator[Utterance | Problem]:
        """The utterances of a part: every chapter of one reader."""
        chapters = [p for p in sorted(part.source.iterdir(), key=_numeric) if p.is_dir()]
        if not chapters:
            yield Problem(str(part.source), "no chapters")
        for chapter in chapters:
            yield from self._chapter(chapter)

    def _chapter(self, folder: Path) -> Iterator[Utterance | Problem]:
        reader, chapter = folder.parent.name, folder.name
        trans = folder / f"{reader}-{chapter}.trans.txt"
        texts: dict[str, str] = {}
        for item in _transcripts(trans):
            if isinstance(item, Problem):
                yield item
            elif item[0] in texts:
                yield Problem(str(trans), f"duplicate id: {item[0]}")
            else:
                texts[item[0]] = item[1]
        audio = {
            p.stem: p for p in sorted(folder.iterdir()) if p.suffix.lower() in (".flac", ".wav") and not p.is_dir()
        }
        for utt in sorted(texts.keys() | audio.keys()):
            if utt not in audio:
                yield Problem(f"{trans.name}:{utt}", "transcript without audio")
            elif utt not in texts:
                yield Problem(str(audio[utt]), "audio without transcript")
            elif not utt.startswith(f"{reader}-{chapter}-"):
                yield Problem(str(audio[utt]), f"misplaced: its name does not begin with {reader}-{chapter}-")
            else:
                yield from self._utterance(utt, audio[utt], texts[utt])

    def _utterance(self, utt: str, audio: Path, text: str) -> Iterator[Utterance | Problem]:
        chapter = audio.parent.name
        reader = audio.parent.parent.name
        root = audio.parents[3]
        tiers: dict[str, tuple[Span, ...]] = {}
        grid = self._grid(root, audio)
        if grid is not None:
            try:
                tiers = read_textgrid(grid)
            except CorpusError as error:
                yield Problem(str(grid), f"bad alignment: {error.what.rpartition(': ')[2]}")
                return
        yield Utterance(
            utt=utt,
            speaker=f"{reader}-{chapter}" if self.config.speaker == "chapter" else reader,
            audio=audio,
            text=text,
            labels={"lang": "eng", "reader": reader, "chapter": chapter, **_facts(root, reader, chapter)},
            phones=_tier(tiers, "phone"),
            words=tuple(word for word in _tier(tiers, "word") if word.label.strip()),
        )

    def _grid(self, root: Path, audio: Path) -> Path | None:
        """The utterance's TextGrid: in the folder of alignments, or beside the audio."""
        inner = audio.relative_to(root).with_suffix(".TextGrid")
        for folder in _alignment_folders(root, self.config.alignments):
            if (folder / inner).is_file():
                return folder / inner
        beside = audio.with_suffix(".TextGrid")
        return beside if beside.is_file() else None


def build(config: Config) -> Corpus:
    """The corpus."""
    return LibriSpeech(config)


def _tier(tiers: dict[str, tuple[Span, ...]], begins: str) -> tuple[Span, ...]:
    return next((spans for name, spans in tiers.items() if name.startswith(begins)), ())


@lru_cache(maxsize=8)
def _alignment_folders(root: Path, given: str) -> tuple[Path, ...]:
    if given:
        if not Path(given).is_dir():
            raise CorpusError(
                f"{given}: no such folder", why="`alignments` names it", fix="leave it empty to look around"
            )
        return (Path(given),)
    folders = [place / name for place in (root, root.parent) for name in ALIGNMENTS]
    return tuple(folder for folder in folders if folder.is_dir())


def _root(source: Path) -> Path:
    for folder in (source / "LibriSpeech", source):
        if folder.is_dir() and any(p.is_dir() and _SPLIT.fullmatch(p.name) for p in folder.iterdir()):
            return folder
    if not source.is_dir():
        raise _no_layout(source, "there is no such folder")
    names = sorted(p.name for p in source.iterdir())[:5]
    raise _no_layout(source, f"it has no split; it holds {', '.join(names) or 'nothing'}")


def _transcripts(path: Path) -> Iterator[tuple[str, str] | Problem]:
    """The id and the text of each line of a file of transcripts."""
    if not path.is_file():
        yield Problem(str(path), "missing transcripts")
        return
    content = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    if not content.strip():
        yield Problem(str(path), "empty transcripts")
    for number, raw in enumerate(content.split(b"\n"), 1):
        if not raw.strip():
            continue
        try:
            utt, _, text = raw.decode("utf-8").strip().partition(" ")
        except UnicodeDecodeError as error:
            yield Problem(f"{path}:{number}", f"not UTF-8: {error.reason}")
            continue
        if text.strip():
            yield utt, text.strip()
        else:
            yield Problem(f"{path}:{number}", "empty transcript")


def _facts(root: Path, reader: str, chapter: str) -> dict[str, str]:
    """Kind -> label, of what SPEAKERS.TXT and CHAPTERS.TXT know of a reader and a chapter."""
    facts = {}
    person = _table(root / "SPEAKERS.TXT").get(reader, ())
    if len(person) >= 5:
        facts = {"gender": _GENDERS.get(person[1].upper(), "other"), "name": " | ".join(person[4:])}
    page = _table(root / "CHAPTERS.TXT").get(chapter, ())
    if len(page) >= 6:
        facts["book"] = page[5]
    return facts


@lru_cache(maxsize=8)
def _table(path: Path) -> dict[str, tuple[str, ...]]:
    """First cell -> row, of a file with '|' between cells; ';' begins a comment."""
    if not path.is_file():
        return {}
    lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    rows = [tuple(c.strip() for c in line.split("|")) for line in lines if line.strip() and not line.startswith(";")]
    return {row[0]: row for row in rows}


def _numeric(path: Path) -> tuple[int, str]:
    return (int(path.name) if path.name.isdecimal() else 0, path.name)


def _no_layout(source: Path, found: str) -> CorpusError:
    return CorpusError(
        f"{source} does not hold LibriSpeech: {found}",
        why=f"looked for\n{LAYOUT}",
        fix="give the folder that the archives were unpacked into",
    )
