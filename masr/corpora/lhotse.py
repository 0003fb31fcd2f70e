"""Any corpus that lhotse has prepared: AMI, Common Voice, TED-LIUM, CHiME-6, Libri-light, MLS, VoxPopuli, ...

    <prefix>_recordings_<part>.jsonl.gz  with  <prefix>_supervisions_<part>.jsonl.gz,  or  <prefix>_cuts_<part>.jsonl.gz

The JSON lines are read as they are. A supervision is an utterance: the whole of its recording, or a segment. A split
is <prefix>_<part>. Sources that are a command are refused: they would run it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from masr.config import option
from masr.corpora.asked import require_there
from masr.corpora.ids import safe_id
from masr.corpora.lhotse_lines import count_lines, field, json_lines, parse, raw_lines
from masr.corpora.lhotse_segments import (
    BadLineError,
    Recorded,
    cut_utterances,
    recorded,
    recording_of,
    utterance,
    whole,
)
from masr.errors import ArchiveError, CorpusError
from masr.types import Corpus, Part, Problem, Utterance

LINES_PER_PART = 20000
_DAMAGED = "damaged"
_NAME = re.compile(
    r"(?:(?P<prefix>.+?)[_-])?(?P<kind>recordings|supervisions|cuts)(?:[_-](?P<part>.+?))?\.jsonl(?:\.gz)?"
)
LAYOUT = """SOURCE/
    ami-ihm_recordings_train.jsonl.gz
    ami-ihm_supervisions_train.jsonl.gz       (.jsonl too; or ami-ihm_cuts_train.jsonl.gz instead of the two)
    ..."""


@dataclass(frozen=True)
class Config:
    """Which utterances of the manifests are taken."""

    splits: tuple[str, ...] = option((), "manifests to take, as <prefix>_<part>; all that are there by default")
    phones: tuple[str, ...] = option(("phone", "phones"), "names of the alignment that becomes phones.ctm")


@dataclass(frozen=True)
class Manifests:
    """The files of one split."""

    recordings: Path | None = None
    supervisions: Path | None = None
    cuts: Path | None = None

    @property
    def main(self) -> Path:
        """The file whose lines are dealt out to parts."""
        path = self.recordings or self.cuts
        if path is None:
            raise CorpusError(f"{self.supervisions} has no recordings beside it", why=f"looked for\n{LAYOUT}")
        return path


@dataclass(frozen=True)
class Lhotse:
    """The corpus as its manifests say."""

    config: Config

    def parts(self, source: Path) -> list[Part]:
        """The parts of the corpus: each is so many recordings, or cuts, of a split."""
        if not source.is_dir():
            raise _no_layout(source, "there is no such folder")
        splits = _splits(source)
        if not splits:
            names = sorted(p.name for p in source.iterdir())[:5]
            raise _no_layout(source, f"it holds {', '.join(names) or 'nothing'}")
        require_there(self.config.splits, splits, source)
        return [
            Part(split, name, manifests.main)
            for split, manifests in splits.items()
            if split in (self.config.splits or splits)
            for name in _part_names(manifests.main)
        ]

    def read(self, part: Part) -> Iterator[Utterance | Problem]:
        """The utterances of a part: of some lines of a manifest.

        What damage comes to shows at the end of a gzipped file, in its checksum: nothing before it is used.
        """
        manifests = _splits(part.source.parent)[part.split]
        try:
            if part.name == _DAMAGED:
                count_lines(part.source)  # which says where
            elif manifests.recordings is None:
                yield from self._cuts(part.source, int(part.name) * LINES_PER_PART)
            else:
                yield from self._recordings(manifests, part.source, int(part.name) * LINES_PER_PART)
        except ArchiveError as error:
            reason = error.what.removeprefix(f"{part.source.parent}/")
            yield Problem(part.source.name, f"damaged manifest: {reason}", spoils_part=True)

    def _cuts(self, path: Path, first: int) -> Iterator[Utterance | Problem]:
        for number, line in json_lines(path, first, first + LINES_PER_PART):
            where = f"{path.name}:{number}"
            if isinstance(line, str):
                yield Problem(where, line)
                continue
            try:
                yield from cut_utterances(line, recorded(recording_of(line), path.parent), self.config.phones)
            except BadLineError as error:
                yield Problem(where, str(error))

    def _recordings(self, manifests: Manifests, path: Path, first: int) -> Iterator[Utterance | Problem]:
        """The utterances of the recordings in some lines: their supervisions, or whole recordings without one."""
        mine: dict[str, Recorded | str] = {}
        for number, line in json_lines(path, first, first + LINES_PER_PART):
            where = f"{path.name}:{number}"
            if isinstance(line, str):
                yield Problem(where, line)
                continue
            try:
                one = recorded(line, path.parent)
            except BadLineError as error:
                mine[str(line.get("id"))] = str(error)
                yield Problem(where, str(error))
                continue
            if one.id in mine:
                yield Problem(where, "duplicate id: kept the first")
            mine.setdefault(one.id, one)
        if manifests.supervisions is None:
            yield from (whole(one) for one in mine.values() if not isinstance(one, str))
        else:
            yield from self._supervisions(manifests.supervisions, path, mine, is_first=first == 0)

    def _supervisions(
        self, path: Path, recordings: Path, mine: dict[str, Recorded | str], is_first: bool
    ) -> Iterator[Utterance | Problem]:
        known = {field(raw, "id") for _, raw in raw_lines(recordings)} if is_first else set()
        for number, raw in raw_lines(path):
            key = field(raw, "recording_id")
            where = f"{path.name}:{number}"
            if key not in mine:
                if is_first and (not key or key not in known):
                    line = parse(raw)
                    yield Problem(where, line if isinstance(line, str) else f"supervision without recording: {key}")
                continue
            yield from self._supervision(where, raw, mine[key])

    def _supervision(self, where: str, raw: bytes, one: Recorded | str) -> Iterator[Utterance | Problem]:
        line = parse(raw)
        if isinstance(line, str):
            yield Problem(where, line)
        elif isinstance(one, str):
            yield Problem(where, f"its recording is left out: {one}")
        else:
            try:
                yield utterance(line, one, self.config.phones)
            except BadLineError as error:
                yield Problem(where, str(error))


def build(config: Config) -> Corpus:
    """The corpus."""
    return Lhotse(config)


def _part_names(path: Path) -> list[str]:
    """A number for every so many lines of a manifest; one name that says so where it is damaged."""
    try:
        num_lines = count_lines(path)
    except ArchiveError:
        return [_DAMAGED]
    return [f"{k:05d}" for k in range(max(1, -(-num_lines // LINES_PER_PART)))]


def _splits(source: Path) -> dict[str, Manifests]:
    """Split -> its manifests, by name."""
    manifests: dict[str, dict[str, Path]] = {}
    for path in sorted(source.iterdir()):
        name = _NAME.fullmatch(path.name)
        if name and path.is_file():
            split = safe_id("_".join(piece for piece in (name["prefix"], name["part"]) if piece) or "all")
            manifests.setdefault(split, {}).setdefault(name["kind"], path)
    return {split: Manifests(**paths) for split, paths in sorted(manifests.items())}


def _no_layout(source: Path, found: str) -> CorpusError:
    return CorpusError(
        f"{source} holds no lhotse manifests: {found}",
        why=f"looked for\n{LAYOUT}",
        fix="run `lhotse prepare CORPUS` and give the folder it wrote to",
    )
