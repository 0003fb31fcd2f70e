"""Dhwani: speech of 40 Indian languages from the web, as the pipeline of its authors leaves it on disk.

    data_refined/<language>/*.wav      after voice activity detection, noise rejection and cutting; or, before,
    raw_data/<language>/<id>.wav
    urls/<language>.txt                the public lists of video ids, where they are kept beside
    test_videos.txt                    ids of videos that are test, one a line, where somebody chose some

Files are named by their 11-character video id: <id>.wav, vad_<n>_<id>.wav, broken-<name>-<i>.wav. A video is a
speaker, and all of it goes to one split: the videos of a language are put in an order by a seeded hash, and the
first of them are test, the next dev. Those of test_videos.txt are test beside them, and take no part in that. A video
that is listed under two languages is left out.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from masr.config import option, seed_option
from masr.corpora.asked import require_there
from masr.corpora.languages import DHWANI
from masr.corpora.splits import split_of_each
from masr.errors import CorpusError, near
from masr.files import ordinary
from masr.types import Corpus, Part, Problem, Utterance

FOLDERS = ("data_refined", "raw_data")
URLS = "urls"
TEST_LIST = "test_videos.txt"
VIDEOS_PER_PART = 64
_ID = re.compile(r"[A-Za-z0-9_-]{11}")
_BROKEN = re.compile(r"broken-(.+)-(\d+)")
_VAD = re.compile(r"vad_\d+_")
LAYOUT = """SOURCE/
    data_refined/        (or raw_data/)
      hindi/
        <id>.wav  vad_00_<id>.wav  broken-<id>-0.wav ...
      tamil/ ...
    urls/
      hindi.txt ..."""


@dataclass(frozen=True)
class Config:
    """How the videos are split."""

    languages: tuple[str, ...] = option((), "folders to take, such as [hindi, tamil]; all that are there by default")
    seed: int = seed_option("of the order in which videos go to splits")
    dev_share: float = option(0.1, "share of each language's videos for dev; at least one of three or more")
    test_share: float = option(0.1, "share of each language's videos for test; at least one of three or more")

    def __post_init__(self) -> None:
        if min(self.dev_share, self.test_share) < 0 or self.dev_share + self.test_share >= 1:
            raise ValueError("dev_share and test_share are 0 or more and leave something for train")
        for language in self.languages:
            if language not in DHWANI:
                raise ValueError(f"languages: {language!r} is not one of Dhwani's; {near(language, DHWANI)}")


@dataclass(frozen=True)
class Dhwani:
    """The corpus as its folders say."""

    config: Config

    def parts(self, source: Path) -> list[Part]:
        """The parts of the corpus: each is some of a language's videos of one split."""
        root = self._root(source)
        _videos.cache_clear()
        _listed.cache_clear()
        _test_list.cache_clear()
        names = [p.name for p in sorted(root.iterdir()) if p.is_dir() and p.name in DHWANI]
        require_there(self.config.languages, names, root)
        parts = []
        for name in [n for n in names if n in (self.config.languages or names)]:
            splits = Counter(split for _, split in self._split(root / name).items())
            for split, count in splits.items():
                blocks = range(-(-count // VIDEOS_PER_PART))
                parts += [Part(split, f"{name}.{k}", root / name) for k in blocks]
        if not parts:
            raise _no_layout(source, f"no folder of {root} is a language with .wav files in it")
        return sorted(
            parts, key=lambda p: (("train", "dev", "test").index(p.split), p.source.name, len(p.name), p.name)
        )

    def read(self, part: Part) -> Iterator[Utterance | Problem]:
        """The utterances of a part: the files of its videos."""
        language, _, position = part.name.rpartition(".")
        videos = [video for video, split in self._split(part.source).items() if split == part.split]
        first = int(position) * VIDEOS_PER_PART
        wanted = set(videos[first : first + VIDEOS_PER_PART])
        others = {video: _languages_of(part.source.parent, video) for video in wanted}
        for name in _wavs(part.source):
            video = video_of(name)
            if video is None and first == 0 and part.split == "train":
                yield Problem(f"{language}/{name}", "no video id in the file's name")
            elif video in wanted and len(others[video]) > 1:
                yield Problem(f"{language}/{name}", f"video under two languages: {' '.join(sorted(others[video]))}")
            elif video in wanted:
                yield _utterance(part.source / name, video, DHWANI[language])

    def _split(self, folder: Path) -> dict[str, str]:
        """Video -> split, in the order of the hash; a function of the seed, of which videos there are and the list."""
        videos, test = _videos(folder), _test_list(folder.parent.parent)
        dealt = split_of_each(videos - test, self.config.dev_share, self.config.test_share, self.config.seed)
        return dealt | dict.fromkeys(sorted(videos & test), "test")

    def survey(self, source: Path) -> Iterable[tuple[str, ...]]:
        """Rows for `masr corpus`: for each language what its list holds, and the files that are there."""
        lists = read_lists(source / URLS)
        counts = Counter(video for entry in lists.values() for video in set(entry.ids))
        try:
            root = self._root(source)
        except CorpusError:
            if not lists:
                raise
            root = source / FOLDERS[0]
        yield ("language", "iso", "lines", "ids", "unique", "in two languages", "videos here", "files here")
        folders = {p.name for p in root.iterdir() if p.is_dir() and p.name in DHWANI} if root.is_dir() else set()
        for name in sorted(folders | lists.keys()):
            entry = lists.get(name, UrlList(0, ()))
            shared = sum(counts[video] > 1 for video in set(entry.ids))
            here = (str(len(_videos(root / name))), str(len(_wavs(root / name)))) if name in folders else ("0", "0")
            numbers = (str(n) for n in (entry.num_lines, len(entry.ids), len(set(entry.ids)), shared))
            yield (name, DHWANI.get(name, "?"), *numbers, *here)
        ids = [video for entry in lists.values() for video in entry.ids]
        total = (sum(entry.num_lines for entry in lists.values()), len(ids), len(counts))
        yield ("total", "", *map(str, total), str(sum(n > 1 for n in counts.values())), "", "")

    def _root(self, source: Path) -> Path:
        for name in FOLDERS:
            if (source / name).is_dir():
                return source / name
        if not source.is_dir():
            raise _no_layout(source, "there is no such folder")
        raise _no_layout(source, "it has neither data_refined/ nor raw_data/")


def build(config: Config) -> Corpus:
    """The corpus."""
    return Dhwani(config)


def video_of(name: str) -> str | None:
    """The video id in a file's name; None where it has none."""
    stem = name.rpartition(".")[0]
    if len(stem) != 11:
        broken = _BROKEN.fullmatch(stem)
        stem = broken[1] if broken else stem
        if len(stem) != 11:
            stem = _VAD.sub("", stem, count=1)
    match = _ID.match(stem)
    return match[0] if match else None


@dataclass(frozen=True, slots=True)
class UrlList:
    """One of the public lists."""

    num_lines: int
    ids: tuple[str, ...]
    """The lines that are a video id; blank lines and stray text are not."""


def read_lists(folder: Path) -> dict[str, UrlList]:
    """Language -> its list."""
    lists = {}
    for path in sorted(folder.glob("*.txt")) if folder.is_dir() else []:
        lists[path.stem.lower()] = _read_list(path)
    return lists


def _read_list(path: Path) -> UrlList:
    lines = ordinary(path).read_text(encoding="utf-8-sig", errors="replace").splitlines()
    return UrlList(len(lines), tuple(line.strip() for line in lines if _ID.fullmatch(line.strip())))


def _utterance(path: Path, video: str, iso: str) -> Utterance:
    speaker = f"{iso}-{video}"
    rest = path.stem.replace(video, "", 1).strip("-_") or "whole"
    return Utterance(f"{speaker}-{rest}", speaker, path, labels={"lang": iso, "video": video})


def _wavs(folder: Path) -> list[str]:
    with os.scandir(folder) as entries:
        names = [e.name for e in entries if e.name.lower().endswith(".wav") and not _is_folder(e)]
    return sorted(names)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether a folder lies there; what is neither folder nor file stays, to be left out by name and not in silence."""
    return not entry.is_file(follow_symlinks=False) and os.path.isdir(entry.path)  # noqa: PTH112 (never raises)


@lru_cache(maxsize=64)
def _videos(folder: Path) -> frozenset[str]:
    return frozenset(video for video in map(video_of, _wavs(folder)) if video is not None)


@lru_cache(maxsize=2)
def _listed(root: Path) -> dict[str, frozenset[str]]:
    """Video -> the languages (ISO) it is found under, on disk or in the lists."""
    languages_of: dict[str, set[str]] = {}
    for folder in root.iterdir():
        if folder.is_dir() and folder.name in DHWANI:
            for video in _videos(folder):
                languages_of.setdefault(video, set()).add(DHWANI[folder.name])
    for name, entry in read_lists(root.parent / URLS).items():
        for video in entry.ids:
            languages_of.setdefault(video, set()).add(DHWANI.get(name, name))
    return {video: frozenset(languages) for video, languages in languages_of.items()}


@lru_cache(maxsize=2)
def _test_list(source: Path) -> frozenset[str]:
    path = source / TEST_LIST
    if not path.exists():
        return frozenset()
    lines = [line.strip() for line in ordinary(path).read_text(encoding="utf-8-sig", errors="replace").splitlines()]
    wrong = [line for line in lines if line and not _ID.fullmatch(line)]
    if wrong:
        why = "what it should name would be split by the hash, and might be learnt from"
        raise CorpusError(
            f"{path}: {wrong[0][:40]!r} is no video id", why=why, fix="write one id of 11 characters a line"
        )
    return frozenset(filter(None, lines))


def _languages_of(root: Path, video: str) -> frozenset[str]:
    return _listed(root)[video]


def _no_layout(source: Path, found: str) -> CorpusError:
    return CorpusError(
        f"{source} does not hold Dhwani: {found}",
        why=f"looked for\n{LAYOUT}",
        fix="run the authors' download pipeline into it, or build the embedded one with `masr corpus dhwani mini`",
    )
