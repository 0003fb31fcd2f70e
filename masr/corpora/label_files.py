"""Labels of audio files in the tables that people have: TSV, CSV, JSON lines, Hugging Face's metadata.csv.

One column names the file; language, speaker, text, split and place are known under their usual names, and any other
column is a label of its own.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from masr.corpora.ids import MOST_KIND, safe_kind
from masr.corpora.sidecar import RESERVED
from masr.errors import CorpusError
from masr.files import ordinary, parse_json

FORMATS = {".tsv": "\t", ".csv": ",", ".jsonl": "", ".json": ""}
"""Extension -> what parts the columns; JSON lines have keys in their place."""
MEANINGS = {
    "file": ("file_name", "file", "filename", "path", "audio", "audio_file"),
    "lang": ("lang", "language", "locale"),
    "speaker": ("speaker", "speaker_id", "spk", "client_id"),
    "text": ("text", "transcription", "transcript", "sentence"),
    "split": ("split", "subset"),
    "loc": ("loc", "location", "place"),
}
"""What a column means -> the names it goes by."""
_PLACE = re.compile(r"(-?\d+(?:\.\d+)?)[\s,;]+(-?\d+(?:\.\d+)?)")
_EXAMPLE = "write a header, `file<TAB>language<TAB>speaker<TAB>text`, then one line a file with as many columns"


@dataclass(frozen=True, slots=True)
class FileRow:
    """What a table says of one file."""

    where: str
    """Table and line."""
    file: str
    """As it is written there."""
    said: Mapping[str, str] = field(default_factory=dict)
    """lang, speaker, text, split, loc and any other kind -> value; what is empty is left out."""


def read_label_file(path: Path) -> Iterator[FileRow]:
    """The rows of a table; CorpusError, with the line, where it cannot be one."""
    if path.suffix.lower() not in FORMATS:
        raise CorpusError(f"{path}: labels are read from {', '.join(FORMATS)}", fix=_EXAMPLE)
    try:
        text = ordinary(path).read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise CorpusError(f"{path}: no such file", fix="give --labels the table's path") from None
    except UnicodeDecodeError as error:
        raise CorpusError(f"{path}: not valid UTF-8: {error.reason}", fix="save it as UTF-8") from None
    separator = FORMATS[path.suffix.lower()]
    meant: dict[tuple[str, ...], list[str]] = {}
    for line, cells in _cells(path, text, separator) if separator else _json(path, text):
        names = tuple(cells)
        if names not in meant:
            meant[names] = _kinds(f"{path}:{line}" if not separator else f"{path}:1", names)
        pairs = zip(meant[names], (" ".join(value.split()) for value in cells.values()), strict=True)
        yield _row(f"{path}:{line}", {kind: value for kind, value in pairs if value})


def _row(where: str, said: dict[str, str]) -> FileRow:
    file = said.pop("file", "")
    if not file:
        raise CorpusError(f"{where}: names no file", fix=_EXAMPLE)
    if "loc" in said:
        place = _PLACE.fullmatch(said["loc"])
        kind = "loc" if place and abs(float(place[1])) <= 90 and abs(float(place[2])) <= 180 else "place"
        value = said.pop("loc")
        said[kind] = f"{place[1]} {place[2]}" if place and kind == "loc" else value
    return FileRow(where, file, said)


def _cells(path: Path, text: str, separator: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Line -> column -> cell. A TSV has no quotes, as its writers seldom know of them; a CSV may."""
    lines = text.splitlines(keepends=True)
    if separator == ",":
        reader = csv.reader(lines)
    else:
        reader = csv.reader(lines, delimiter=separator, quoting=csv.QUOTE_NONE)
    header: list[str] = []
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if not header:
                header = [cell.strip() for cell in cells]
                if len(set(header)) < len(header):
                    raise CorpusError(f"{path}:1: a column is given twice", fix=_EXAMPLE)
                continue
            if len(cells) != len(header):
                raise CorpusError(
                    f"{path}:{reader.line_num}: {len(cells)} columns, the header has {len(header)}", fix=_EXAMPLE
                )
            yield reader.line_num, dict(zip(header, cells, strict=True))
    except csv.Error as error:
        raise CorpusError(f"{path}:{reader.line_num}: {error}", fix=_EXAMPLE) from None
    if not header:
        raise CorpusError(f"{path} is empty", fix=_EXAMPLE)


def _json(path: Path, text: str) -> Iterator[tuple[int, dict[str, str]]]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            values = parse_json(line)
        except ValueError as error:
            raise CorpusError(f"{path}:{number}: not JSON: {error}", fix="write one JSON object a line") from None
        if not isinstance(values, dict):
            raise CorpusError(f"{path}:{number}: no JSON object", fix="write one JSON object a line")
        nested = [key for key, value in values.items() if isinstance(value, list | dict)]
        if nested:
            raise CorpusError(
                f"{path}:{number}: {nested[0]!r} is a list or an object, and a label is one value",
                fix="leave the key out, or write it as text",
            )
        yield number, {key: "" if value is None else str(value) for key, value in values.items()}


def _kinds(where: str, names: tuple[str, ...]) -> list[str]:
    """What each column means: a key of MEANINGS, or a kind of its own."""
    known = {name: meaning for meaning, spelled in MEANINGS.items() for name in spelled}
    kinds = [known.get(safe_kind(name), safe_kind(name)) for name in names]
    for kind, name in zip(kinds, names, strict=True):
        if kinds.count(kind) > 1:
            both = " and ".join(repr(n) for k, n in zip(kinds, names, strict=True) if k == kind)
            raise CorpusError(f"{where}: {both} both say {kind}", fix="keep one of the columns")
        if not kind or kind in RESERVED or len(kind) > MOST_KIND:
            raise CorpusError(
                f"{where}: the column {name[:40]!r} cannot be a label",
                why="a table utt2NAME is named by it, and utt2dur and the like are written by the program itself",
                fix="give it another name",
            )
    if "file" not in kinds:
        raise CorpusError(f"{where}: no column names the file: {', '.join(names[:8])}", fix=_EXAMPLE)
    return kinds
