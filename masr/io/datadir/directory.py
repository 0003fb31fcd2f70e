"""Kaldi's data directories: read, written, and opened at any size.

A data directory is a folder of tables, one `id value` a line in C-locale order: utt2spk names every utterance,
wav.scp says where its audio is, text what was said, utt2<kind> anything else that is known of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from masr.errors import DataError, near
from masr.io.atomic import atomic_open, atomic_write
from masr.io.datadir.index import open_views
from masr.io.datadir.tables import CTM, keyed_by, label_kinds, tables_in
from masr.io.datadir.view import Ids, TableView, open_table
from masr.io.layout import INDEX, SPK2UTT, TEXT, UTT2SPK, label_table

Table = dict[str, str]

_NOT_IN_ID = re.compile(r"[\s\x00-\x1f\x7f-\x9f\ud800-\udfff\ufeff]")
_NOT_IN_VALUE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\ud800-\udfff]")
_NOT_IN_TEXT = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufeff]")


class DataDir:
    """A data directory, opened through its index: no table is parsed, every lookup goes to the mapped file."""

    def __init__(self, folder: Path, views: Mapping[str, TableView]) -> None:
        self.folder = folder
        self._views = views
        self.utts: Sequence[str] = Ids(views[UTT2SPK])
        """Ids of the utterances in C-locale order."""

    @classmethod
    def open(cls, folder: Path) -> DataDir:
        """The directory's tables; DataError where it has no utt2spk or a table cannot be one."""
        folder = Path(folder)
        return cls(folder, open_views(folder, tables_in(folder)))

    def __reduce__(self) -> tuple[object, ...]:
        """Another process opens the directory again."""
        return (DataDir.open, (self.folder,))

    def __len__(self) -> int:
        return len(self.utts)

    def tables(self) -> list[str]:
        """File names of the tables there are."""
        return list(self._views)

    def has(self, name: str) -> bool:
        """Whether there is a table of this file name."""
        return name in self._views

    def table(self, name: str) -> TableView:
        """A lazy mapping from id to value; of an alignment, an utterance's lines joined by newlines."""
        if name not in self._views:
            raise DataError(f"{self.folder} has no {name}", fix=near(name, self._views))
        return self._views[name]

    def complete(self, name: str) -> bool:
        """Whether a table has exactly the utterances' ids, so that `table(name).at(n)` belongs to `utts[n]`."""
        return name == UTT2SPK or self.table(name).same_ids(self.table(UTT2SPK))

    def labels(self, kind: str) -> TableView:
        """Utterance -> label, from utt2<kind>."""
        if not self.has(label_table(kind)):
            known = label_kinds(self.tables())
            raise DataError(
                f"{self.folder} has no {label_table(kind)}: nothing is known of the {kind} of its utterances",
                fix=near(kind, known),
            )
        return self._views[label_table(kind)]

    def kinds(self) -> list[str]:
        """Kinds of metadata that are known: lang where there is utt2lang."""
        return label_kinds(self.tables())


def read_table(path: Path) -> Table:
    """A whole table in memory; DataError, with the line, where the file is no table."""
    return dict(open_table(Path(path)).items())


def write_table(path: Path, rows: Mapping[str, str]) -> None:
    """Writes a table in C-locale order, whole or not at all; the directory's index is dropped.

    A value may be free-form; blanks around it are not kept. A line break or another control character in it is
    refused, but for alignments, where it separates the lines of an utterance.
    """
    path = Path(path)
    with atomic_open(path) as stream:
        stream.writelines(_lines(path, rows))
    (path.parent / INDEX).unlink(missing_ok=True)


def write_datadir(folder: Path, tables: Mapping[str, Mapping[str, str]]) -> None:
    """Writes a data directory from file name -> rows, and removes the tables it had before.

    spk2utt is derived from utt2spk. In `text`, control characters and Unicode's other blanks become one space,
    as Kaldi refuses them. utt2spk is written last: without it the folder is no data directory, so that a run
    that was killed half-way leaves nothing that looks finished.
    """
    if UTT2SPK not in tables:
        raise DataError(f"{folder} cannot be written without {UTT2SPK}", fix="give every utterance a speaker")
    writer = DataDirWriter(folder, tables)
    for name, rows in tables.items():
        writer.add(name, rows)
    writer.finish(tables[UTT2SPK])


class DataDirWriter:
    """Writes a data directory table by table, for when all of them at once would not fit in memory."""

    def __init__(self, folder: Path, names: Iterable[str]) -> None:
        for name in names:
            if keyed_by(name) is None:
                usual = [TEXT, UTT2SPK, "wav.scp", "segments", "utt2dur", "utt2lang", "feats.scp", "phones.ctm"]
                raise DataError(f"{name} is not the name of a table", fix=near(name, usual))
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / UTT2SPK).unlink(missing_ok=True)
        self._written = {UTT2SPK, SPK2UTT}

    def add(self, name: str, rows: Mapping[str, str]) -> None:
        """Writes one table; utt2spk and spk2utt wait for `finish`."""
        if name not in (UTT2SPK, SPK2UTT):
            write_table(self.folder / name, _CleanText(rows) if name == TEXT else rows)
            self._written.add(name)

    def add_lines(self, name: str, lines: bytes) -> None:
        """Writes one table from lines that are known to be as `add` would write them."""
        atomic_write(self.folder / name, lines)
        self._written.add(name)

    def finish(self, utt2spk: Mapping[str, str]) -> None:
        """Removes what is left of an older directory and makes this one whole."""
        self._remove_others()
        write_table(self.folder / SPK2UTT, speakers(utt2spk))
        write_table(self.folder / UTT2SPK, utt2spk)

    def finish_lines(self, utt2spk: bytes, spk2utt: bytes) -> None:
        """As `finish`, from lines that are known to be right."""
        self._remove_others()
        atomic_write(self.folder / SPK2UTT, spk2utt)
        atomic_write(self.folder / UTT2SPK, utt2spk)

    def _remove_others(self) -> None:
        (self.folder / INDEX).unlink(missing_ok=True)
        for path in self.folder.iterdir():
            if keyed_by(path.name) and path.name not in self._written and path.is_file():
                path.unlink()


def speakers(utt2spk: Mapping[str, str]) -> Table:
    """spk2utt from utt2spk: each speaker's utterances in C-locale order, with spaces between."""
    utts_of: dict[str, list[str]] = {}
    for utt, speaker in utt2spk.items():
        utts_of.setdefault(speaker, []).append(utt)
    return {speaker: " ".join(sorted(utts)) for speaker, utts in utts_of.items()}


def clean_text(text: str) -> str:
    """Text as Kaldi takes it: single spaces, no control characters, no half surrogates, no byte order mark."""
    return " ".join(_NOT_IN_TEXT.sub(" ", text).split())


class _CleanText(Mapping[str, str]):
    """Transcripts cleaned one by one as they are written."""

    def __init__(self, rows: Mapping[str, str]) -> None:
        self._rows = rows

    def __getitem__(self, key: str) -> str:
        return clean_text(self._rows[key])

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


def _lines(path: Path, rows: Mapping[str, str]) -> Iterator[str]:
    for key in sorted(rows):
        value = rows[key].strip(" \t")
        if not key or _NOT_IN_ID.search(key):
            raise DataError(
                f"{path}: {key!r} cannot be an id",
                why="an id ends at the first blank, so it holds no blank, line break or control character",
                fix="make the id from letters, digits, '-' and '_'",
            )
        if path.name in CTM:
            yield from (f"{key} {line}\n" for line in _checked(path, key, value.split("\n")) if line)
        elif value:
            yield f"{key} {_checked(path, key, [value])[0]}\n"
        else:
            yield f"{key}\n"


def _checked(path: Path, key: str, values: list[str]) -> list[str]:
    for value in values:
        if _NOT_IN_VALUE.search(value):
            raise DataError(
                f"{path}: the value of {key} cannot be written: {value!r}",
                why="a row is one line of UTF-8: no line break, no control character, no undecodable file name",
                fix="take the character out, or rename the file",
            )
    return values
