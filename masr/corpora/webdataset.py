"""WebDataset: shards of tar files, in which the files of a sample have one name and lie side by side.

    train-000000.tar            000017.flac  000017.json  000017.txt  000017.lang ...
    validation/0000.tar
    shards.txt                  in place of the shards: a path or an address (s3://, https://) a line

Audio that is 16 kHz mono is not copied: wav.scp says in which bytes of which shard it lies, on this machine or on
another, so that a training reads any utterance at any time and goes on after a stop as with any other data. Of a
sample, .txt is the transcript; .lang, .speaker and the like are labels, and so is every word and number in .json.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path, PurePosixPath

from masr.config import option
from masr.corpora.archive import MAX_MEMBER_BYTES
from masr.corpora.asked import require_there
from masr.corpora.ids import MOST_KIND, safe_id, safe_kind
from masr.corpora.label_files import MEANINGS
from masr.corpora.languages import to_iso
from masr.corpora.sidecar import RESERVED
from masr.corpora.splits import named_split, place_of
from masr.corpora.tar_shards import Member, members
from masr.errors import AudioError, CorpusError
from masr.files import ordinary, parse_json
from masr.io.audio_folder import EXTENSIONS
from masr.io.elsewhere import is_elsewhere
from masr.types import Corpus, Part, Problem, Utterance

LIST = "shards.txt"
MOST_TEXT_BYTES = 1 << 20
"""Of a sample's .json or .txt."""
_SHARD = re.compile(r"\.tar(\.gz|\.bz2|\.xz)?$")
_KNOWN = {name: kind for kind, names in MEANINGS.items() for name in names} | {"txt": "text", "cls": "cls"}
_PASSED_OVER = frozenset({"file", "split"})
LAYOUT = """SOURCE/
    train-000000.tar ...            <sample>.flac, <sample>.json, <sample>.txt ... side by side
    shards.txt                      (or) a path or an address of a shard a line"""


@dataclass(frozen=True)
class Config:
    """Which shards are read."""

    splits: tuple[str, ...] = option((), "splits to take; all that are there by default")
    split: str = option("train", "the split of shards whose name says none")


@dataclass(frozen=True)
class WebDataset:
    """The data set as its shards say."""

    config: Config

    def parts(self, source: Path) -> list[Part]:
        """The parts of the corpus: each is a shard."""
        _shards.cache_clear()
        shards = _shards(source)
        if not shards:
            raise CorpusError(
                f"{source} holds no shard", why=f"looked for\n{LAYOUT}", fix="give the folder that holds the shards"
            )
        found = [(self._split_of(shard, source), k) for k, shard in enumerate(shards)]
        require_there(self.config.splits, (split for split, _ in found), source)
        return [
            Part(split, f"{k:06d}.{safe_id(PurePosixPath(shards[k]).name)[:80]}", source)
            for split, k in sorted(found, key=lambda pair: (place_of(pair[0]), pair))
            if split in (self.config.splits or (split,))
        ]

    def inputs(self, part: Part) -> list[Path]:
        """The files a part is read from; of a shard elsewhere, the list that names it."""
        shard = _shard_of(part)
        return [part.source / LIST] if is_elsewhere(shard) else [Path(shard)]

    def read(self, part: Part) -> Iterator[Utterance | Problem]:
        """The utterances of a part."""
        shard, sample = _shard_of(part), _Sample("")
        where = PurePosixPath(shard).name
        try:
            for member in members(shard, where, _most_bytes):
                if isinstance(member, Problem):
                    yield member
                    continue
                if _sample_of(member.name) != sample.name:
                    yield from sample.utterances(where)
                    sample = _Sample(_sample_of(member.name))
                problem = sample.take(member)
                if problem:
                    yield Problem(f"{where}:{member.name}", problem)
            yield from sample.utterances(where)
        except AudioError as error:
            raise CorpusError(f"{shard}: {error.what}", why=error.why, fix=error.fix) from None

    def survey(self, source: Path) -> Iterable[tuple[str, ...]]:
        """Rows for `masr corpus`: for each shard its split and where it lies; none is opened."""
        yield ("split", "shard")
        for part in self.parts(source):
            yield (part.split, _shard_of(part))

    def _split_of(self, shard: str, source: Path) -> str:
        """The split that a shard's name begins with, or the folder that it lies in below the source."""
        path = PurePosixPath(shard)
        is_below = path.is_relative_to(source.absolute())
        words = path.relative_to(source.absolute()).parts if is_below else path.parts
        return named_split(reversed(words[-2:])) or self.config.split


def build(config: Config) -> Corpus:
    """The corpus."""
    return WebDataset(config)


def _sample_of(name: str) -> str:
    """The sample that a file is of: folders count, and what follows the first dot of the file's name does not."""
    folder, slash, file = name.rpartition("/")
    return folder + slash + file.partition(".")[0]


def _kind_of(name: str) -> str:
    """What follows the first dot."""
    return PurePosixPath(name).name.partition(".")[2].lower()


def _most_bytes(name: str) -> int | str:
    """How large a file may be, 0 where it says nothing; or why it cannot be of a sample."""
    kind = _kind_of(name)
    if f".{kind}" in EXTENSIONS:
        return MAX_MEMBER_BYTES
    if kind == "json" or kind in _KNOWN:
        return MOST_TEXT_BYTES
    if PurePosixPath(name).suffix.lower() in EXTENSIONS:
        return f"of the kind .{kind[:40]}: a sample's name has no dot"
    return 0


@dataclass
class _Sample:
    """The files that have one name."""

    name: str
    audio: Member | None = None
    said: dict[str, str] = field(default_factory=dict)

    def take(self, member: Member) -> str:
        """Takes a file; why it cannot, or ""."""
        kind = _kind_of(member.name)
        if f".{kind}" in EXTENSIONS:
            if self.audio is not None:
                return "the second audio of its sample: kept the first"
            self.audio = member
            return ""
        try:
            text = member.content.decode("utf-8-sig")
            said = _labels(parse_json(text)) if kind == "json" else {_KNOWN[kind]: text.strip()}
        except (UnicodeDecodeError, ValueError) as error:
            return f"cannot be read: {str(error).splitlines()[0][:120]}"
        self.said = {**self.said, **said} if kind == "json" else {**said, **self.said}
        return ""

    def utterances(self, where: str) -> Iterator[Utterance | Problem]:
        """The utterance; nothing of no file at all."""
        if not self.name:
            return
        if self.audio is None:
            yield Problem(f"{where}:{self.name}", "sample without audio")
            return
        labels = {kind: value for kind, value in self.said.items() if value and kind not in _PASSED_OVER}
        text, speaker = labels.pop("text", None), labels.pop("speaker", "")
        if "lang" in labels:
            labels["lang"] = to_iso(labels["lang"])
        utt = safe_id(f"{_SHARD.sub('', where)}-{self.name}")
        spoken_by = safe_id(speaker).replace("-", "_") if speaker else utt
        yield Utterance(
            utt=utt if spoken_by == utt else f"{spoken_by}-{utt}",
            speaker=spoken_by,
            audio=self.audio.content,
            text=text,
            labels=labels,
            member=self.audio.name,
            entry=self.audio.entry,
        )


def _labels(values: object) -> Mapping[str, str]:
    """What the JSON of a sample says in words, whole numbers and truth values."""
    if not isinstance(values, dict):
        raise ValueError("no JSON object")
    said = {}
    for name, value in values.items():
        kind = _KNOWN.get(safe_kind(name), safe_kind(name))
        if isinstance(value, str | int) and kind and kind not in RESERVED and len(kind) <= MOST_KIND:
            said[kind] = str(value).strip()
    return said


@lru_cache(maxsize=1)
def _shards(source: Path) -> list[str]:
    """The shards that a folder holds or lists, each as an absolute path or an address."""
    listed = source / LIST
    if listed.is_file():
        try:
            lines = ordinary(listed).read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise CorpusError(f"{listed}: cannot be read: {error}", fix="write one path or address a line") from None
        names = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
        shards = [name if is_elsewhere(name) else str((source / name).absolute()) for name in names]
        for shard, count in Counter(shards).items():
            if not _SHARD.search(shard) or count > 1:
                why = "named twice" if count > 1 else "no .tar"
                raise CorpusError(f"{listed}: {shard}: {why}", fix="write the path or address of each shard once")
        return shards
    if not source.is_dir():
        return []
    found = (path for path in sorted(source.rglob("*.tar*")) if _SHARD.search(path.name) and path.is_file())
    return [str(path.absolute()) for path in found]


def _shard_of(part: Part) -> str:
    return _shards(part.source)[int(part.name.partition(".")[0])]
