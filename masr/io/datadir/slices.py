"""Consecutive utterances of a data directory as a directory of their own: lines are copied, not parsed.

What is written is what writing the same rows one by one would give: a piece of a table that would then change
(tabs, blanks at the end, characters that Kaldi refuses) is written in that way.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import numpy as np

from masr.io.datadir.columns import word_column
from masr.io.datadir.directory import DataDir, DataDirWriter, Table
from masr.io.datadir.lines import ByteArray, IdArray, Lines
from masr.io.datadir.tables import WHOLE, keyed_by
from masr.io.datadir.view import TableView
from masr.io.layout import SEGMENTS, SPK2UTT, TEXT, UTT2SPK, WAV_SCP

_PIECE_BYTES = 1 << 18
_REWRITTEN = re.compile(r"[\x80-\x9f\ufeff]|[^\S \n]")


class Slicer:
    """Writes ranges of the utterances of one directory; its tables are compared with utt2spk once for all of them."""

    def __init__(self, source: DataDir) -> None:
        self.source = source
        names = [name for name in source.tables() if keyed_by(name) != "speaker"]
        with ThreadPoolExecutor() as pool:
            self.whole = {name for name, complete in zip(names, pool.map(source.complete, names)) if complete}

    def write(self, folder: Path, low: int, high: int) -> None:
        """The directory of the utterances `low` to `high` - 1 in C-locale order."""
        writer = DataDirWriter(folder, self.source.tables())
        utts = self.source.table(UTT2SPK)
        for name in self.source.tables():
            if name in (UTT2SPK, SPK2UTT):
                continue
            table, key = self.source.table(name), keyed_by(name)
            if key == "speaker":
                _add_speakers(writer, table, _speakers(utts, low, high))
            elif key == "recording" and self.source.has(SEGMENTS):
                _add(writer, table, _found(table, self._recordings(low, high)))
            elif name not in self.whole:
                _add(writer, table, _between(table, utts, low, high))
            elif _as_written(table, low, high):
                writer.add_lines(name, table.raw(low, high))
            else:
                writer.add(name, {table.key_at(row): table.at(row) for row in range(low, high)})
        copy_whole(self.source.folder, folder)
        spk2utt = _spk2utt(utts, low, high)
        if spk2utt is None:
            writer.finish({utts.key_at(row): utts.at(row) for row in range(low, high)})
        else:
            writer.finish_lines(utts.raw(low, high), spk2utt)
        for name in self.source.tables():
            self.source.table(name).let_go()

    def _recordings(self, low: int, high: int) -> set[str]:
        segments = self.source.table(SEGMENTS)
        if SEGMENTS in self.whole:
            return {value.split()[0] for value in map(segments.at, range(low, high)) if value}
        rows = _between(segments, self.source.table(UTT2SPK), low, high)
        return {value.split()[0] for value in rows.values() if value}


def copy_whole(source: Path, out: Path) -> None:
    """Copies the files that speak of the directory as a whole."""
    for name in sorted(WHOLE):
        if (source / name).is_file():
            shutil.copyfile(source / name, out / name)


def speaker_changes(utts: TableView) -> list[int] | None:
    """Where each speaker's utterances begin in utt2spk; None where they do not sort as their speakers do."""
    if not utts.is_plain():
        return None
    changes, place, before = [0], 0, b""
    for lines in utts.pieces():
        words = word_column(lines)
        if words is None or (words[1:] < words[:-1]).any() or (place and words[0] < before):
            return None
        if place and words[0] != before:
            changes.append(place)
        changes += (np.flatnonzero(words[1:] != words[:-1]) + (place + 1)).tolist()
        place, before = place + len(words), words[-1]
    return changes


def _spk2utt(utts: TableView, low: int, high: int) -> bytes | None:
    """The lines of spk2utt; None where utt2spk has to be parsed for them, or written anew."""
    if not _as_written(utts, low, high):
        return None
    lines = Lines(utts.raw(low, high))
    words = word_column(lines)
    if words is None or (words[1:] < words[:-1]).any():
        return None
    ids = lines.ids().tolist()
    runs = _runs(words)
    return b"".join([b"%s %s\n" % (words[first], b" ".join(ids[first:last])) for first, last in runs])


def _runs(words: IdArray) -> Iterator[tuple[int, int]]:
    changes = np.flatnonzero(words[1:] != words[:-1]) + 1
    return pairwise([0, *changes.tolist(), len(words)])


def _speakers(utts: TableView, low: int, high: int) -> set[str]:
    words = word_column(Lines(utts.raw(low, high))) if utts.is_plain() else None
    if words is None:
        return {utts.at(row) for row in range(low, high)}
    return {words[first].decode("utf-8") for first, _ in _runs(words)}


def _found(table: TableView, keys: Collection[str]) -> Table:
    return {key: value for key in keys if (value := table.get(key)) is not None}


def _add_speakers(writer: DataDirWriter, table: TableView, speakers: set[str]) -> None:
    """Writes a table's rows of these speakers; where they lie together, as in sorted data, their lines are copied."""
    first = table.first_from(min(speakers))
    last = first + len(speakers)
    if table.is_plain() and last <= len(table) and _as_written(table, first, last):
        ids = Lines(table.raw(first, last)).ids().tolist()
        if ids == sorted(speaker.encode("utf-8") for speaker in speakers):
            writer.add_lines(table.path.name, table.raw(first, last))
            return
    _add(writer, table, _found(table, speakers))


def _between(table: TableView, utts: TableView, low: int, high: int) -> Table:
    """A table's rows of the utterances `low` to `high` - 1; an alignment may lack some of them."""
    wanted = {utts.key_at(row) for row in range(low, high)}
    rows: Table = {}
    for row in range(table.first_from(utts.key_at(low)), table.first_from(utts.key_at(high - 1) + "\0")):
        key = table.key_at(row)
        if key in wanted:
            rows[key] = table.at(row)
    return rows


def _add(writer: DataDirWriter, table: TableView, rows: Table) -> None:
    if rows or table.path.name in (TEXT, WAV_SCP):
        writer.add(table.path.name, rows)


def _as_written(table: TableView, low: int, high: int) -> bool:
    """Whether writing the rows anew would give the same lines."""
    if not table.is_plain():
        return False
    lines = table.raw(low, high)
    if not lines.endswith(b"\n") or b"\t" in lines or _has_idle_blanks(np.frombuffer(lines, dtype=np.uint8)):
        return False
    if lines.isascii():
        return True
    try:
        return not _REWRITTEN.search(lines.decode("utf-8"))
    except UnicodeDecodeError:
        return False


def _has_idle_blanks(buffer: ByteArray) -> bool:
    """Whether a space is followed by another one or by the line's end; in pieces that stay in the processor's cache."""
    for low in range(0, len(buffer), _PIECE_BYTES):
        piece = buffer[low : low + _PIECE_BYTES + 1]
        spaces, ends = piece == ord(" "), piece == ord("\n")
        if (spaces[:-1] & (spaces[1:] | ends[1:])).any():
            return True
    return False
