"""Parquet files with audio inside, as data sets lie on the Hugging Face Hub: ML-SUPERB 2, FLEURS, Common Voice, ...

    data/<split>-00000-of-00004.parquet      or  <configuration>/<split>/0000.parquet, or any *.parquet

A column of {bytes, path} is the audio; `language`, `text`, `speaker_id`, `id` and the like are known by their names, or
named; any other column of words or whole numbers is a label of its own. Rows are read a few at a time. pyarrow reads
the files: pip install 'masr-speech[parquet]'.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from masr.config import option
from masr.corpora.archive import DAMAGED, MAX_MEMBER_BYTES
from masr.corpora.asked import require_there
from masr.corpora.ids import MOST_KIND, safe_id, safe_kind
from masr.corpora.label_files import MEANINGS
from masr.corpora.languages import to_iso
from masr.corpora.parquet_columns import Column, columns_of, first_line
from masr.corpora.sidecar import RESERVED
from masr.corpora.splits import SPLIT_NAMES, place_of
from masr.errors import CorpusError, MissingPackageError, near
from masr.files import open_ordinary
from masr.types import Corpus, Part, Problem, Utterance

ROWS_AT_ONCE = 16
_FILE = re.compile(r"(?P<split>.+?)-\d{5}-of-\d{5}(-[0-9a-f]+)?\.parquet")
_NAMES = {
    "id": ("id", "utt_id", "utterance_id", "file_name", "segment_id"),
    "text": MEANINGS["text"],
    "lang": (*MEANINGS["lang"], "lang_id"),
    "speaker": MEANINGS["speaker"],
}
"""What a column means -> the names it goes by, the first that is there."""
_OPTIONS = {"id": "id", "text": "text", "lang": "language", "speaker": "speaker", "label": "labels"}


@dataclass(frozen=True)
class Config:
    """What the columns mean, where their names do not say."""

    audio: str = option("", "the column of the audio; empty: the first of {bytes, path}")
    id: str = option("", "the column that names an utterance; empty: id, where it is text, else the audio's path")
    text: str = option("", "the column of the transcript; empty: text, transcription, transcript or sentence")
    language: str = option("", "the column of the language; empty: language, locale and the like")
    speaker: str = option("", "the column of the speaker; empty: speaker_id, client_id and the like")
    labels: tuple[str, ...] = option((), "further columns to keep; empty: all of words and whole numbers")
    splits: tuple[str, ...] = option((), "splits to take; all that are there by default")


@dataclass(frozen=True)
class Parquet:
    """The data set as its files say."""

    config: Config

    def parts(self, source: Path) -> list[Part]:
        """The parts of the corpus: each is a file."""
        require_pyarrow()
        columns_of.cache_clear()
        files = sorted(p for p in source.rglob("*.parquet") if p.is_file()) if source.is_dir() else []
        if not files:
            raise CorpusError(
                f"{source}: no .parquet file is in this folder",
                why="looked for, at any depth, data/<split>-00000-of-00001.parquet or <split>/0000.parquet",
                fix="hf download --repo-type dataset NAME --local-dir FOLDER, then give FOLDER",
            )
        found = [(_split_of(path, source), path) for path in files]
        require_there(self.config.splits, (split for split, _ in found), source)
        found.sort(key=lambda pair: (place_of(pair[0]), pair))
        parts = [
            Part(split, f"{k:05d}.{safe_id(path.stem)[:80]}", path)
            for k, (split, path) in enumerate(found)
            if split in (self.config.splits or (split,))
        ]
        if not isinstance(columns_of(parts[0].source), str):
            _Meaning.of(self.config, parts[0].source)
        return parts

    def inputs(self, part: Part) -> list[Path]:
        """The files a part is read from."""
        return [part.source]

    def read(self, part: Part) -> Iterator[Utterance | Problem]:
        """The utterances of a part, a few rows in memory at a time; damage spoils what was read before it."""
        import pyarrow

        where = part.source.name
        try:
            meaning = _Meaning.of(self.config, part.source)
        except CorpusError as error:
            yield Problem(where, error.what.removeprefix(f"{part.source}: "))
            return
        row = 0
        try:
            for values in _rows(part.source, meaning.columns):
                row += 1
                yield meaning.utterance(part, f"{where}:{row}", row, values)
        except (pyarrow.ArrowException, OSError, EOFError, ValueError) as error:
            reason = f"{DAMAGED}: after {row} rows ({first_line(error)}); download it again"
            yield Problem(where, reason, spoils_part=True)

    def survey(self, source: Path) -> Iterable[tuple[str, ...]]:
        """Rows for `masr corpus`: for each file its rows and columns, without reading any audio."""
        import pyarrow.parquet

        yield ("split", "file", "rows", "columns")
        for part in self.parts(source):
            columns = columns_of(part.source)
            if isinstance(columns, str):
                yield (part.split, part.source.name, "0", f"{DAMAGED}: {columns}")
                continue
            with open_ordinary(part.source) as stream:
                num_rows = pyarrow.parquet.read_metadata(stream).num_rows
            yield (part.split, part.source.name, str(num_rows), " ".join(columns))


def build(config: Config) -> Corpus:
    """The corpus."""
    return Parquet(config)


def require_pyarrow() -> None:
    """MissingPackageError, naming the extra, where pyarrow is not installed."""
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError:
        raise MissingPackageError(
            "pyarrow is not installed",
            why="Parquet files are read with it",
            fix="pip install -c constraints.txt -e '.[parquet]'",
        ) from None


def _rows(path: Path, names: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    import pyarrow.parquet

    with open_ordinary(path) as stream:
        file = pyarrow.parquet.ParquetFile(stream, pre_buffer=False, page_checksum_verification=True)
        for batch in file.iter_batches(batch_size=ROWS_AT_ONCE, columns=list(names), use_threads=False):
            yield from batch.to_pylist()


@dataclass(frozen=True)
class _Meaning:
    """What the columns of one file mean."""

    audio: str
    named: Mapping[str, str]
    """id, text, lang, speaker -> its column, of those that are there."""
    kinds: Mapping[str, str]
    """Column -> the label it becomes."""
    classes: Mapping[str, tuple[str, ...]]

    @property
    def columns(self) -> tuple[str, ...]:
        """All that are read."""
        return tuple(dict.fromkeys([self.audio, *self.named.values(), *self.kinds]))

    @classmethod
    def of(cls, config: Config, path: Path) -> _Meaning:
        """The meaning of a file's columns; CorpusError where one is missing."""
        columns = columns_of(path)
        if isinstance(columns, str):
            raise CorpusError(f"{path}: {DAMAGED}: {columns}", fix="download it again")
        asked = (config.audio, config.id, config.text, config.language, config.speaker, *config.labels)
        for name in asked:
            if name and name not in columns:
                raise CorpusError(f"{path}: no column {name!r}", fix=near(name, columns))
        audio = config.audio or next((name for name, column in columns.items() if column.kind == "audio"), "")
        if not audio or columns[audio].kind != "audio":
            held = ", ".join(f"{name} ({columns[name].type})" for name in ([audio] if audio else columns))
            raise CorpusError(
                f"{path}: no column holds audio: {held}",
                why="audio is a column of {bytes, path}, as the library `datasets` writes it",
                fix="give --set audio=COLUMN, or another data set",
            )
        chosen = {"id": config.id, "text": config.text, "lang": config.language, "speaker": config.speaker}
        named = {meaning: _column(path, columns, meaning, name) for meaning, name in chosen.items()}
        named = {meaning: name for meaning, name in named.items() if name}
        for name in config.labels:
            _column(path, columns, "label", name)
        labels = (name for name, column in columns.items() if column.can_be("label"))
        rest = config.labels or tuple(name for name in labels if name not in named.values())
        kinds = {name: safe_kind(name) for name in rest}
        kinds = {n: k for n, k in kinds.items() if k and k not in RESERVED | {"path", "file"} and len(k) <= MOST_KIND}
        return cls(audio, named, kinds, {name: column.classes for name, column in columns.items()})

    def utterance(self, part: Part, where: str, row: int, values: Mapping[str, Any]) -> Utterance | Problem:
        """The utterance of a row, or why it is none."""
        cell = values[self.audio] or {}
        content, path = cell.get("bytes"), cell.get("path") or ""
        if content is None:
            return Problem(where, f"no audio in the file: {path[:80]!r} is only named" if path else "no audio")
        if len(content) > MAX_MEMBER_BYTES:
            return Problem(where, f"too large: {len(content)} bytes, more than {MAX_MEMBER_BYTES}")
        if odd := next((one for one in self.columns if self._has_no_name(one, values[one])), ""):
            return Problem(where, f"no name for a class: {values[odd]} of {odd!r}, which has {len(self.classes[odd])}")
        said = {kind: self._word(column, values[column]) for kind, column in self.named.items()}
        stem = PurePosixPath(path).stem
        number = f"{part.name.partition('.')[0]}-{row:07d}"
        utt = safe_id(said.get("id") or stem or number)
        utt = number if utt == "_" else utt
        labels = {kind: self._word(column, values[column]) for column, kind in self.kinds.items()}
        if said.get("lang"):
            labels["lang"] = to_iso(said["lang"].strip("[]"))
        speaker = safe_id(said["speaker"]).replace("-", "_") if said.get("speaker") else utt
        return Utterance(
            utt=utt if speaker == utt else f"{speaker}-{utt}",
            speaker=speaker,
            audio=bytes(content),
            text=said.get("text") if "text" in self.named else None,
            labels={kind: value for kind, value in labels.items() if value},
            member=path or f"{utt}.wav",
        )

    def _has_no_name(self, column: str, value: Any) -> bool:
        """Whether it is a class that the file names none for; -1 is what `datasets` writes for none."""
        return self._is_class(column, value) and not -1 <= value < len(self.classes[column])

    def _word(self, column: str, value: Any) -> str:
        """The value as text; "" where there is none. A class is written by its name."""
        if self._is_class(column, value):
            return self.classes[column][value] if value >= 0 else ""
        return "" if value is None else str(value)

    def _is_class(self, column: str, value: Any) -> bool:
        return bool(self.classes.get(column)) and isinstance(value, int) and not isinstance(value, bool)


def _column(path: Path, columns: Mapping[str, Column], meaning: str, name: str) -> str:
    """The column of that meaning: the one that is named, or the first known by its name and of the right type.

    Empty where there is none; CorpusError where there are some, all of another type. A number is an id where it is
    named alone.
    """
    known = [name] if name else [one for one in _NAMES[meaning] if one in columns]
    if meaning == "id" and not name:
        known = [one for one in known if columns[one].kind == "text"]
    found = next((one for one in known if columns[one].can_be(meaning)), "")
    if known and not found:
        wanted = "text" if meaning == "text" else "text or whole numbers"
        raise CorpusError(
            f"{path}: the column {known[0]!r} is {columns[known[0]].type}, and {_OPTIONS[meaning]} is {wanted}",
            fix=f"give --set {_OPTIONS[meaning]}=COLUMN, one of {wanted}",
        )
    return found


def _split_of(path: Path, source: Path) -> str:
    """The split that a file's name or its folders say; train where neither does."""
    named = _FILE.fullmatch(path.name)
    words = [named["split"]] if named else [path.stem, *reversed(path.relative_to(source).parts[:-1])]
    for word in words:
        if word.lower() in SPLIT_NAMES:
            return SPLIT_NAMES[word.lower()]
    return safe_id(words[0].lower()) if named else "train"
