"""Human speech out of Debian's packages: games, telephone prompts, a Russian voice; `apt-get download` fetches them.

    SOURCE/NAME_VERSION_all.deb      as fetched; read as they are
    SOURCE/usr/share/...             or unpacked (`dpkg-deb -x`), into SOURCE or into a folder of SOURCE each

masr/corpora/debian_sources.py says which. Each kind of package is a split. What is no speech by its name is left out,
and in games what does not sound like a voice (masr/corpora/listening.py); both are counted with the problems.
Wav and Ogg are read by libsndfile; G.722, GSM and A-law, which have no header, by PyAV.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

import numpy as np

from masr.config import option
from masr.corpora.archive import MAX_MEMBER_BYTES, Member
from masr.corpora.asked import require_there
from masr.corpora.deb_archive import deb_members
from masr.corpora.debian_sources import SOURCES, PackageSource, Said
from masr.corpora.debian_texts import Texts
from masr.corpora.listening import RATE, listen
from masr.corpora.telephone import RATES, to_wav
from masr.errors import AudioError, CorpusError, near
from masr.io.audio import int16_blocks, loudest_channel
from masr.types import Corpus, Int16Array, Part, Problem, Utterance

NUM_FOLDS = 10
"""Each sentence falls into one by its name, so that it is held out in every language and by every voice at once."""
_BY_NAME = {source.name: source for source in SOURCES}
_SOUNDS = (".ogg", ".wav", *RATES)
LAYOUT = """SOURCE/
    festvox-ru_0.5+dfsg-6_all.deb      (asterisk-core-sounds-ru-g722, klettres-data, tuxpaint-stamps-default, ...)
    usr/share/klettres/ru/alpha/a.ogg  (or unpacked, into SOURCE itself or a folder of SOURCE for each package)"""


@dataclass(frozen=True)
class Config:
    """Which packages are read, and how."""

    sources: tuple[str, ...] = option((), "kinds of package to take, such as [tuxpaint, asterisk]; all by default")
    channels: Literal["mono", "loudest"] = option(
        "mono", "of a recording with several channels: leave it out, or take the loudest (in some the first is silent)"
    )
    listen: bool = option(True, "leave out recordings of games in which no voice is heard")
    least_voiced_sec: float = option(0.1, "a voice is heard where so many seconds are periodic, as vowels are")
    least_voiced_share: float = option(0.25, "and so much of what is loud")

    def __post_init__(self) -> None:
        for name in self.sources:
            if name not in _BY_NAME:
                raise ValueError(f"sources: {name!r}; {near(name, _BY_NAME)}")
        if self.least_voiced_sec < 0 or not 0 <= self.least_voiced_share <= 1:
            raise ValueError("least_voiced_sec must not be negative, and least_voiced_share is between 0 and 1")


@dataclass(frozen=True)
class Debian:
    """The packages as their files say."""

    config: Config

    def parts(self, source: Path) -> list[Part]:
        """The parts of the corpus: each is a package, or what is unpacked of a kind of package."""
        if not source.is_dir():
            raise _no_layout(source, "there is no such folder")
        parts = [
            Part(kind.name, _part_name(path), path)
            for kind in SOURCES
            if kind.name in (self.config.sources or _BY_NAME)
            for path in (*_packages(source, kind.packages), *_folders(source, kind))
        ]
        if not parts:
            names = sorted(p.name for p in source.iterdir())[:5]
            raise _no_layout(source, f"it holds {', '.join(names) or 'nothing'}")
        require_there(self.config.sources, (part.split for part in parts), source)
        return parts

    def read(self, part: Part) -> Iterator[Utterance | Problem]:
        """The utterances of a part: its texts first, then its recordings."""
        source = _BY_NAME[part.split]
        texts = Texts()
        for member in _text_members(part.source, source):
            problem = member if isinstance(member, Problem) else texts.add(source.name, member)
            if problem is not None:
                yield problem
                if problem.spoils_part:
                    return
        pattern, root = re.compile(source.audio), source.root + "/"
        for item in _audio_members(part.source, source):
            if isinstance(item, Problem):
                yield item
                continue
            name, audio = item
            match = pattern.fullmatch(name.removeprefix(root))
            if match is None:
                continue
            said = source.said(match)
            if isinstance(said, str):
                yield Problem(f"{part.name}:{name}", said)
            else:
                yield self._utterance(source, match, said, name, audio, texts)

    def _utterance(
        self, source: PackageSource, match: re.Match[str], said: Said, name: str, audio: Path | bytes, texts: Texts
    ) -> Utterance | Problem:
        path = PurePosixPath(name)
        codec = path.suffix.lower().lstrip(".")
        try:
            if path.suffix in RATES:
                audio = to_wav(audio if isinstance(audio, bytes) else audio.read_bytes(), path.suffix)
            channel = loudest_channel(audio) if self.config.channels == "loudest" else None
            reason = self._unheard(audio, channel) if source.is_listened_to and self.config.listen else ""
        except AudioError as error:
            channel, reason = None, error.what
        if reason:
            return Problem(name, reason)
        code = match.groupdict().get("code") or ("en" if source.name == "tuxpaint" else "")
        speaker = said.speaker.replace("-", "_")
        known = {
            "lang": said.language,
            "source": source.name,
            "channel": f"{source.name.removesuffix('_codecs')}_{codec}",
            "codec": codec,
            "sentence": said.sentence,
            "fold": str(int.from_bytes(hashlib.sha256(said.sentence.encode()).digest()[:4], "big") % NUM_FOLDS),
        }
        return Utterance(
            utt=f"{speaker}-{said.language}-{codec}-{said.key}",
            speaker=speaker,
            audio=audio,
            text=texts.text(code, said.sentence),
            labels={**known, **said.labels},
            phones=texts.phones.get(said.sentence, ()),
            channel=channel,
            member=None if isinstance(audio, Path) else name,
        )

    def _unheard(self, audio: Path | bytes, channel: int | None) -> str:
        """Why there is no voice in a recording; empty where there is one."""
        heard = listen(_samples(audio, channel))
        if heard.voiced_sec >= self.config.least_voiced_sec and heard.voiced_share >= self.config.least_voiced_share:
            return ""
        return f"no voice is heard: {heard.voiced_sec:.2f} s are voiced, {heard.voiced_share:.2f} of what is loud"


def build(config: Config) -> Corpus:
    """The corpus."""
    return Debian(config)


def _samples(audio: Path | bytes, channel: int | None) -> Int16Array:
    """(n,) samples at RATE."""
    return np.concatenate(list(int16_blocks(audio, RATE, channel, resample=True)))


def _packages(folder: Path, pattern: str) -> list[Path]:
    """The .deb files of the packages that the pattern names."""
    name = re.compile(rf"(?:{pattern})(?:_.*)?\.deb")
    return sorted(p for p in folder.iterdir() if name.fullmatch(p.name) and not p.is_dir())


def _folders(folder: Path, source: PackageSource) -> list[Path]:
    """The unpacked folders that hold recordings of the source."""
    pattern = re.compile(source.audio)
    bases = [folder, *sorted(p for p in folder.iterdir() if p.is_dir())]
    return [
        base
        for base in bases
        if any(pattern.fullmatch(path.relative_to(base / source.root).as_posix()) for path in _files(base, source.root))
    ]


def _files(base: Path, root: str) -> Iterator[Path]:
    return iter(sorted(p for p in (base / root).rglob("*") if not p.is_dir())) if (base / root).is_dir() else iter(())


def _part_name(path: Path) -> str:
    """The package's name, or `unpacked` and the folder's."""
    if path.is_dir():
        return "unpacked_" + re.sub("[^A-Za-z0-9_.+-]", "_", path.name)
    return path.name.removesuffix(".deb").partition("_")[0]


def _text_members(path: Path, source: PackageSource) -> Iterator[Member | Problem]:
    """The files of transcripts and labels, of the part itself or of the package beside it that has them."""
    if not source.texts:
        return
    pattern = re.compile("usr/" + source.texts)
    beside = path if path.is_dir() else path.parent
    places = [*_packages(beside, source.texts_in)] if source.texts_in else []
    places += [p for p in (beside, *sorted(beside.iterdir())) if source.texts_in and (p / "usr").is_dir()]
    for place in places or [path]:
        if place.is_dir():
            for file in sorted((place / "usr").rglob("*")):
                name = file.relative_to(place).as_posix()
                if pattern.fullmatch(name) and file.is_file():
                    yield Member(name, file.read_bytes())
        else:
            for item in deb_members(place, lambda name: pattern.fullmatch(name) is not None):
                if isinstance(item, Problem):
                    # what is a link has its text under another name
                    if not item.reason.startswith("not a regular file"):
                        yield item
                else:
                    yield Member(item.name.removeprefix("./"), item.content)


def _audio_members(path: Path, source: PackageSource) -> Iterator[tuple[str, Path | bytes] | Problem]:
    """Name, and file or content, of all that could be a recording."""
    if path.is_dir():
        for file in _files(path, source.root):
            if file.suffix in _SOUNDS:
                size = file.stat().st_size if file.is_file() else 0
                name = file.relative_to(path).as_posix()
                yield Problem(str(file), f"too large: {size} bytes") if size > MAX_MEMBER_BYTES else (name, file)
        return
    root = source.root + "/"
    for item in deb_members(path, lambda name: name.startswith(root) and name.endswith(_SOUNDS)):
        yield item if isinstance(item, Problem) else (item.name.removeprefix("./"), item.content)


def _no_layout(source: Path, found: str) -> CorpusError:
    return CorpusError(
        f"{source} holds none of Debian's packages of speech: {found}",
        why=f"looked for\n{LAYOUT}",
        fix="fetch them into it: apt-get download klettres-data asterisk-core-sounds-it-g722 festvox-ru",
    )
