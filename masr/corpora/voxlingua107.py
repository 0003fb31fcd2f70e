"""VoxLingua107: speech of 107 languages from YouTube, one zip a language.

    <code>.zip         <code>/<video>---<start>-<end>.wav       (or the unpacked folder <code>/)
    dev.zip            dev/<code>/<video>---<start>-<end>.wav   1609 verified utterances of 33 languages
    ...

Zips are read where they lie. The language is the name of the folder that a file lies in, a video is a speaker. Labels
of the training part come from what the videos were found by: about one in fifty is wrong, as its authors measured. A
video that lies under two languages is left out of both, and a list of further ones can be given.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath

from masr.config import option
from masr.corpora.archive import MAX_MEMBER_BYTES
from masr.corpora.asked import require_there
from masr.corpora.iso_codes import VOXLINGUA107 as CODES
from masr.corpora.languages import to_iso
from masr.corpora.zip_archive import folder_of, zip_members, zip_names
from masr.errors import ArchiveError, CorpusError, near
from masr.files import ordinary
from masr.types import Corpus, Part, Problem, Utterance

FILES_PER_PART = 4096
TRAIN, DEV = "train", "dev"
_NAME = re.compile(r"(?P<video>.{11}).*?---(?P<start>[0-9.]+)-(?P<end>[0-9.]+)\.wav", re.IGNORECASE)
_DAMAGED = "damaged"
LAYOUT = """SOURCE/
    af.zip  am.zip  ar.zip ...      <code>/<video>---<start>-<end>.wav   (or folders af/ am/ ...)
    dev.zip                         dev/<code>/<video>---...             (or a folder dev/)"""


@dataclass(frozen=True)
class Config:
    """Which languages are read, and what is known to be labelled wrong."""

    languages: tuple[str, ...] = option((), "codes to take, such as [hi, ur]; all that are there by default")
    splits: tuple[str, ...] = option((TRAIN, DEV), "train: the languages' own archives; dev: dev.zip")
    wrong_labels: str = option("", "a file that names videos or files, one a line, whose language is known to be wrong")

    def __post_init__(self) -> None:
        for code in self.languages:
            if code not in CODES:
                raise ValueError(f"languages: {code!r} is not one of VoxLingua107's; {near(code, CODES)}")
        for split in self.splits:
            if split not in (TRAIN, DEV):
                raise ValueError(f"splits: {split!r}; {near(split, (TRAIN, DEV))}")


@dataclass(frozen=True)
class VoxLingua107:
    """The corpus as its archives or folders say."""

    config: Config

    def parts(self, source: Path) -> list[Part]:
        """The parts of the corpus: each is some thousands of files of an archive or a folder."""
        _names.cache_clear()
        _videos_in_two.cache_clear()
        self._wrong()
        places = self._places(source)
        parts = []
        for split, place in places:
            try:
                count = len(self._wanted(place))
            except ArchiveError:
                parts.append(Part(split, f"{place.stem}.{_DAMAGED}", place))
                continue
            parts += [Part(split, f"{place.stem}.{k}", place) for k in range(-(-count // FILES_PER_PART))]
        if not parts:
            raise _no_layout(source, "its archives and folders have no .wav of a language that is wanted")
        return parts

    def inputs(self, part: Part) -> list[Path]:
        """The files a part is read from: its own, and all others, which may hold its videos under another language."""
        listed = [Path(self.config.wrong_labels)] if self.config.wrong_labels else []
        own = [] if part.source.suffix == ".zip" else [part.source.parent / name for name in _names(part.source)]
        return [*sorted(part.source.parent.iterdir()), *own, *listed]

    def read(self, part: Part) -> Iterator[Utterance | Problem]:
        """The utterances of a part."""
        _, _, position = part.name.rpartition(".")
        where = f"{part.source.parent.name}/{part.source.name}"
        if position == _DAMAGED:
            try:
                _names(part.source)
            except ArchiveError as error:
                yield Problem(where, error.what.removeprefix(f"{part.source}: "))
            return
        first = int(position) * FILES_PER_PART
        names = self._wanted(part.source)[first : first + FILES_PER_PART]
        in_two, wrong = _videos_in_two(part.source.parent), self._wrong()
        kept: dict[str, re.Match[str]] = {}
        for name in names:
            piece = _piece(name, in_two, wrong)
            if isinstance(piece, str):
                yield Problem(f"{where}:{name}", piece)
            else:
                kept[name] = piece
        for name, audio in _audio(part.source, list(kept)):
            yield audio if isinstance(audio, Problem) else _utterance(name, kept[name], audio)

    def survey(self, source: Path) -> Iterable[tuple[str, ...]]:
        """Rows for `masr corpus`: for each archive or folder its languages and files."""
        yield ("split", "place", "languages", "iso", "files", "because")
        for split, place in self._places(source):
            try:
                names = self._wanted(place)
            except ArchiveError as error:
                yield (split, place.name, "0", "", "0", error.what.removeprefix(f"{place}: "))
                continue
            codes = sorted({folder_of(name) for name in names})
            iso = to_iso(codes[0]) if len(codes) == 1 else ""
            yield (split, place.name, str(len(codes)), iso, str(len(names)), "")

    def _places(self, source: Path) -> list[tuple[str, Path]]:
        """Split and path of each archive and folder that is wanted; a folder goes before the archive it came from."""
        if not source.is_dir():
            raise _no_layout(source, "there is no such folder")
        found = {stem: place for stem in (*CODES, DEV) if (place := _place(source, stem))}
        if not found:
            raise _no_layout(source, "no archive or folder is named by a language")
        if self.config.languages:
            require_there(self.config.languages, self._languages(found), source)
        wanted = self.config.languages or CODES
        places = [(TRAIN, place) for stem, place in found.items() if stem in wanted]
        places += [(DEV, found[DEV])] if DEV in found else []
        return [(split, place) for split, place in places if split in self.config.splits]

    def _languages(self, found: dict[str, Path]) -> set[str]:
        """The languages to train on; where none of their archives is there, or wanted, those of dev.zip."""
        own = found.keys() - {DEV} if TRAIN in self.config.splits else set()
        return own or ({folder_of(name) for name in _names(found[DEV])} if DEV in found else set())

    def _wanted(self, place: Path) -> list[str]:
        languages = self.config.languages
        return [name for name in _names(place) if not languages or folder_of(name) in languages]

    def _wrong(self) -> frozenset[str]:
        if not self.config.wrong_labels:
            return frozenset()
        path = Path(self.config.wrong_labels)
        try:
            lines = ordinary(path).read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise CorpusError(f"{path}: cannot be read: {error}", fix="give --set wrong_labels= a text file") from None
        return frozenset(line.strip().removesuffix(".wav") for line in lines if line.strip())


def build(config: Config) -> Corpus:
    """The corpus."""
    return VoxLingua107(config)


def _place(source: Path, stem: str) -> Path | None:
    folder, archive = source / stem, source / f"{stem}.zip"
    if folder.is_dir() and next(folder.rglob("*.wav"), None):
        return folder
    return archive if archive.is_file() else None


@lru_cache(maxsize=2)
def _names(place: Path) -> list[str]:
    """The .wav files of an archive or a folder, as <code>/<name>, sorted."""
    if place.suffix == ".zip":
        return zip_names(place)
    return sorted(str(path.relative_to(place.parent)) for path in place.rglob("*.wav") if not path.is_dir())


@lru_cache(maxsize=1)
def _videos_in_two(source: Path) -> frozenset[str]:
    """The videos that lie under several languages of the training part; archives that are damaged say nothing."""
    seen: dict[str, str] = {}
    several: set[str] = set()
    for stem in CODES:
        place = _place(source, stem)
        if place is None:
            continue
        try:
            names = _names(place)
        except ArchiveError:
            continue
        for video in {match["video"] for name in names if (match := _NAME.fullmatch(PurePosixPath(name).name))}:
            if seen.setdefault(video, stem) != stem:
                several.add(video)
    return frozenset(several)


def _piece(name: str, in_two: frozenset[str], wrong: frozenset[str]) -> re.Match[str] | str:
    """Video and times in a file's name, or why the file is left out before it is read."""
    pure = PurePosixPath(name)
    match = _NAME.fullmatch(pure.name)
    if match is None:
        return "no video id and times in the file's name"
    if pure.parent.name not in CODES:
        return f"in no folder of a language: {pure.parent.name[:40]!r}"
    if match["video"] in in_two:
        return "video under two languages"
    return "language known to be wrong" if {match["video"], pure.stem} & wrong else match


def _audio(place: Path, names: list[str]) -> Iterator[tuple[str, Path | bytes | Problem]]:
    if place.suffix == ".zip":
        for name, member in zip_members(place, names):
            yield name, member if isinstance(member, Problem) else member.content
        return
    for name in names:
        path = place.parent / name
        size = path.stat().st_size if path.is_file() else 0
        yield name, Problem(name, f"too large: {size} bytes") if size > MAX_MEMBER_BYTES else path


def _utterance(name: str, match: re.Match[str], audio: Path | bytes) -> Utterance:
    iso = to_iso(PurePosixPath(name).parent.name)
    speaker = f"{iso}-{match['video']}"
    return Utterance(
        utt=f"{speaker}-{match['start']}-{match['end']}",
        speaker=speaker,
        audio=audio,
        labels={"lang": iso, "video": match["video"]},
        member=name if isinstance(audio, bytes) else None,
    )


def _no_layout(source: Path, found: str) -> CorpusError:
    return CorpusError(
        f"{source} does not hold VoxLingua107: {found}",
        why=f"looked for\n{LAYOUT}",
        fix="give the folder that holds the archives, as downloaded",
    )
