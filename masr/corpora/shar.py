"""lhotse's Shar: cuts as JSON lines, and beside them the audio of these cuts, in the same order, as tar files.

    train/  cuts.000000.jsonl.gz  recording.000000.tar   cuts.000001.jsonl.gz  recording.000001.tar  ...

Audio that is 16 kHz mono is not copied: wav.scp says in which bytes of which tar it lies. Features and other arrays of
a Shar are passed over.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from masr.config import option
from masr.corpora.archive import MAX_MEMBER_BYTES
from masr.corpora.asked import require_there
from masr.corpora.lhotse_lines import json_lines
from masr.corpora.lhotse_segments import BadLineError, cut_utterances, inside, recording_of
from masr.corpora.splits import named_split, place_of
from masr.corpora.tar_shards import Member, members
from masr.errors import ArchiveError, AudioError, CorpusError
from masr.io.audio_folder import EXTENSIONS
from masr.types import Corpus, Part, Problem, Utterance

_AHEAD = 100
"""Cuts in a row that may be without audio."""
_CUTS = re.compile(r"cuts\.(?P<number>\d+)\.jsonl(\.gz)?")
LAYOUT = """SOURCE/
    cuts.000000.jsonl.gz   recording.000000.tar     as lhotse's to_shar writes them; or in folders:
    train/cuts.000000.jsonl.gz ...   dev/... """


@dataclass(frozen=True)
class Config:
    """Which cuts are read."""

    splits: tuple[str, ...] = option((), "splits to take; all that are there by default")
    split: str = option("train", "the split of shards whose folder says none")
    phones: tuple[str, ...] = option(("phone", "phones"), "names of the alignment that becomes phones.ctm")


@dataclass(frozen=True)
class Shar:
    """The corpus as its shards say."""

    config: Config

    def parts(self, source: Path) -> list[Part]:
        """The parts of the corpus: each is a shard."""
        files = sorted(path for path in source.rglob("cuts.*") if _CUTS.fullmatch(path.name) and path.is_file())
        if not files:
            raise CorpusError(
                f"{source} holds no Shar", why=f"looked for\n{LAYOUT}", fix="give the folder that to_shar wrote to"
            )
        found = [Part(self._split_of(path, source), f"{k:06d}", path) for k, path in enumerate(files)]
        require_there(self.config.splits, (part.split for part in found), source)
        wanted = self.config.splits or {part.split for part in found}
        return sorted(
            (part for part in found if part.split in wanted),
            key=lambda part: (place_of(part.split), part.split, part.name),
        )

    def inputs(self, part: Part) -> list[Path]:
        """The files a part is read from."""
        tar = _tar_of(part.source)
        return [part.source, *([tar] if tar is not None else [])]

    def read(self, part: Part) -> Iterator[Utterance | Problem]:
        """The utterances of a part, in the order of their audio."""
        tar, where = _tar_of(part.source), part.source.name
        if tar is None:
            yield Problem(where, "no recording beside it: a Shar of features, or its tar is missing")
            return
        cuts = _Cuts(part.source)
        try:
            for member in members(str(tar.absolute()), tar.name, _most_bytes):
                yield from [member] if isinstance(member, Problem) else self._of_cut(tar, member, cuts)
                yield from cuts.problems()
            cuts.read_all()
            yield from cuts.problems()
        except ArchiveError as error:
            yield Problem(where, f"damaged: {error.what.rpartition(': damaged ')[2]}", spoils_part=True)
        except AudioError as error:
            raise CorpusError(f"{tar}: {error.what}", why=error.why, fix=error.fix) from None

    def _of_cut(self, tar: Path, member: Member, cuts: _Cuts) -> Iterator[Utterance | Problem]:
        """The utterances in one file of audio."""
        where = f"{tar.name}:{member.name}"
        cut = cuts.take(member.name.removesuffix(PurePosixPath(member.name).suffix))
        if cut is None:
            yield Problem(where, "audio without a cut")
            return
        try:
            for utterance in cut_utterances(cut, inside(recording_of(cut), member.name), self.config.phones):
                yield replace(utterance, audio=member.content, member=member.name, entry=member.entry)
        except BadLineError as error:
            yield Problem(where, str(error))

    def _split_of(self, path: Path, source: Path) -> str:
        """The split that a folder on the way is called after, the innermost first."""
        return named_split(reversed(path.relative_to(source).parts[:-1])) or self.config.split


class _Cuts:
    """The cuts of a shard, in the order of their audio: a few are held, as some may have none."""

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self._lines = json_lines(path, 0, sys.maxsize)
        self._held: dict[str, dict[str, Any]] = {}
        self._problems: list[Problem] = []

    def take(self, cut: str) -> dict[str, Any] | None:
        """The cut of that name, if it is among the next."""
        while cut not in self._held and len(self._held) < _AHEAD and self._read():
            pass
        if cut not in self._held:
            return None
        before = list(self._held)
        self._leave_out(before[: before.index(cut)])
        return self._held.pop(cut)

    def read_all(self) -> None:
        """What is left of them, which has no audio."""
        while self._read():
            self._leave_out(list(self._held))
        self._leave_out(list(self._held))

    def problems(self) -> list[Problem]:
        """What was wrong since this was last asked."""
        found, self._problems = self._problems, []
        return found

    def _read(self) -> bool:
        """Reads one line; whether there was one."""
        number, line = next(self._lines, (0, ""))
        if not number:
            return False
        cut = "" if isinstance(line, str) else str(line.get("id", ""))
        if isinstance(line, str) or not cut or cut in self._held:
            reason = line if isinstance(line, str) else "no id, or one that is there"
            self._problems.append(Problem(f"{self.name}:{number}", reason))
        else:
            self._held[cut] = line
        return True

    def _leave_out(self, cuts: list[str]) -> None:
        self._problems += [Problem(f"{self.name}:{cut}", "cut without audio") for cut in cuts]
        for cut in cuts:
            del self._held[cut]


def build(config: Config) -> Corpus:
    """The corpus."""
    return Shar(config)


def _tar_of(cuts: Path) -> Path | None:
    """The tar that holds the audio of a file of cuts."""
    number = cuts.name.split(".")[1]
    found = (cuts.with_name(f"recording.{number}.tar{packed}") for packed in ("", ".gz"))
    return next((path for path in found if path.is_file()), None)


def _most_bytes(name: str) -> int:
    """Audio is read; what lhotse says of it stands in the cut too."""
    return MAX_MEMBER_BYTES if PurePosixPath(name).suffix.lower() in EXTENSIONS else 0
