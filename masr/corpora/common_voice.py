"""Common Voice, as Mozilla distributes it: sentences that volunteers read aloud, and voted on.

    cv-corpus-<release>/<locale>/{train,dev,test,validated,other,invalidated}.tsv
                                 clips/*.mp3

The TSVs have a header, whose columns grew over the years, and no quoting. `client_id` is the speaker: in train, dev and
test of one locale nobody speaks twice. MP3s are at 32 or 48 kHz: --resample takes them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from masr.config import option
from masr.corpora.asked import require_there
from masr.corpora.ids import safe_kind
from masr.corpora.languages import to_iso
from masr.corpora.text_lines import bounded_lines, count_lines
from masr.errors import CorpusError, near
from masr.types import Corpus, Part, Problem, Utterance

SPLITS = ("train", "dev", "test", "validated", "other", "invalidated")
NEEDED = ("client_id", "path", "sentence")
LABELS = ("age", "gender", "accents", "accent", "variant", "sentence_domain")
"""The columns that become labels, where they say something; `accent` was the name of `accents` until release 6."""
GENDERS = {"male_masculine": "male", "female_feminine": "female"}
"""What releases since 2023 write -> what the earlier ones wrote."""
ROWS_PER_PART = 8192
_SPEAKER_DIGITS = 20
"""Of the 128 of a client_id: a million speakers are told apart, but for one chance in a trillion."""
_CLIENT = re.compile(r"[0-9a-zA-Z]{8,}")
LAYOUT = """SOURCE/                  (or SOURCE/cv-corpus-<release>/, or one locale's folder)
    hi/
      train.tsv  dev.tsv  test.tsv  validated.tsv ...
      clips/common_voice_hi_23795238.mp3 ...
    zh-CN/ ..."""


@dataclass(frozen=True)
class Config:
    """Which clips are read."""

    languages: tuple[str, ...] = option((), "locales to take, such as [hi, zh-CN]; all that are there by default")
    splits: tuple[str, ...] = option(
        ("train", "dev", "test"), "TSVs to take; validated holds train, dev, test and more"
    )
    min_votes: int = option(0, "leave out clips that fewer people found right")

    def __post_init__(self) -> None:
        for split in self.splits:
            if split not in SPLITS:
                raise ValueError(f"splits: {split!r}; {near(split, SPLITS)}")


@dataclass(frozen=True)
class CommonVoice:
    """The corpus as its TSVs say."""

    config: Config

    def parts(self, source: Path) -> list[Part]:
        """The parts of the corpus: each is some thousands of rows of a TSV."""
        parts = []
        for split in self.config.splits:
            for folder in self._locales(source):
                path = folder / f"{split}.tsv"
                if path.is_file():
                    blocks = range(max(1, -(-(count_lines(path) - 1) // ROWS_PER_PART)))
                    parts += [Part(split, f"{folder.name}.{k:05d}", folder) for k in blocks]
        if not parts:
            raise _no_layout(source, f"there is no {self.config.splits[0]}.tsv")
        return parts

    def inputs(self, part: Part) -> list[Path]:
        """The files a part is read from, but for its clips, which wav.scp names or shards hold."""
        return [part.source / f"{part.split}.tsv", part.source / "clips"]

    def read(self, part: Part) -> Iterator[Utterance | Problem]:
        """The utterances of a part: some rows of a TSV."""
        path = part.source / f"{part.split}.tsv"
        where = f"{part.source.name}/{path.name}"
        header = _header(path, where)
        if isinstance(header, Problem):
            yield header
            return
        first = 1 + int(part.name.rpartition(".")[2]) * ROWS_PER_PART
        for place, line in bounded_lines(path, where, first, first + ROWS_PER_PART):
            yield line if isinstance(line, Problem) else self._utterance(part.source, place, line, header)

    def _utterance(self, folder: Path, where: str, line: str, header: tuple[str, ...]) -> Utterance | Problem:
        cells = line.split("\t")
        if len(cells) != len(header):
            return Problem(where, f"wrong number of columns: {len(cells)}, its header has {len(header)}")
        row = dict(zip(header, (cell.strip() for cell in cells), strict=True))
        name, client = row["path"], row["client_id"]
        if not name or "/" in name or "\\" in name or name.startswith("."):
            return Problem(where, f"bad file name: {name[:40]!r}")
        if not _CLIENT.fullmatch(client):
            return Problem(where, f"bad client_id: {client[:40]!r}")
        votes = row.get("up_votes", "0")
        if self.config.min_votes and not (votes.isdecimal() and int(votes[:9]) >= self.config.min_votes):
            return Problem(where, f"fewer votes than min_votes: {votes[:20]!r}")
        file = folder / "clips" / (name if Path(name).suffix else f"{name}.mp3")
        speaker = client[:_SPEAKER_DIGITS].lower()
        labels = {kind.replace("accents", "accent"): row[kind] for kind in LABELS if row.get(kind)}
        labels["lang"] = to_iso(row.get("locale") or folder.name)
        labels["locale"] = row.get("locale") or folder.name
        if "gender" in labels:
            labels["gender"] = GENDERS.get(labels["gender"], labels["gender"])
        return Utterance(f"{speaker}-{file.stem}", speaker, file, text=row["sentence"], labels=labels)

    def _locales(self, source: Path) -> list[Path]:
        """The folders of the locales that are wanted and there."""
        if not source.is_dir():
            raise _no_layout(source, "there is no such folder")
        folders = next((found for found in _levels(source) if found), None)
        if folders is None:
            raise _no_layout(source, "no folder has a TSV and clips/")
        names = [folder.name for folder in folders]
        require_there(self.config.languages, names, source)
        return [folder for folder in folders if folder.name in (self.config.languages or names)]


def build(config: Config) -> Corpus:
    """The corpus."""
    return CommonVoice(config)


def _levels(source: Path) -> Iterator[list[Path]]:
    """The locales' folders where `source` is one, holds them, or holds releases that do."""
    yield [source] if _is_locale(source) else []
    yield sorted(path for path in source.iterdir() if _is_locale(path))
    releases = [path for path in sorted(source.glob("cv-corpus-*")) if path.is_dir()]
    if len(releases) > 1:
        raise CorpusError(
            f"{source} holds {len(releases)} releases of Common Voice",
            why="the same clips are in several of them",
            fix=f"give one of them: {releases[-1]}",
        )
    yield sorted(path for release in releases for path in release.iterdir() if _is_locale(path))


def _is_locale(folder: Path) -> bool:
    return (folder / "clips").is_dir() and any((folder / f"{split}.tsv").is_file() for split in SPLITS)


def _header(path: Path, where: str) -> tuple[str, ...] | Problem:
    """The names of a TSV's columns, or what is wrong with them."""
    _, line = next(bounded_lines(path, where, 0, 1), (where, Problem(where, "empty TSV")))
    if isinstance(line, Problem):
        return line
    header = tuple(safe_kind(cell) for cell in line.split("\t"))
    missing = [name for name in NEEDED if header.count(name) != 1]
    return Problem(f"{where}:1", f"wrong header: no single column {missing[0]}") if missing else header


def _no_layout(source: Path, found: str) -> CorpusError:
    return CorpusError(
        f"{source} does not hold Common Voice: {found}",
        why=f"looked for\n{LAYOUT}",
        fix="unpack cv-corpus-*.tar.gz, and give the folder it makes",
    )
