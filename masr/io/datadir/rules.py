"""The rules that every table keeps: bytes, lines, order, and the same ids as the others."""

from __future__ import annotations

import re

import numpy as np

from masr.io.datadir.lines import BLANKS, BOM, IdArray, Lines, in_order, shown
from masr.io.datadir.report import Checks, Findings
from masr.io.datadir.tables import CTM
from masr.io.layout import TEXT
from masr.types import IntArray

_UNICODE_BLANK = re.compile("[\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]")
_CONTROL = np.array([(byte < 32 and byte not in (9, 10)) or byte == 127 for byte in range(256)])
_SYMBOLS = (b"<s>", b"</s>", b"#0")
_WHOLE_SYMBOL = re.compile(rb"(?<![0-9A-Za-z_])(<s>|</s>|#0)(?![0-9A-Za-z_])")


class TableCheck:
    """One table under the rules; findings go to the report."""

    def __init__(self, name: str, lines: Lines, checks: Checks, report: Findings) -> None:
        self.name, self.lines, self.checks, self.report = name, lines, checks, report
        self.lengths: IntArray = np.zeros(0, dtype=np.int64)
        self.blanks: IntArray = np.zeros(0, dtype=np.int64)

    def structure(self) -> IdArray:
        """Checks bytes, lines and order; the table's ids in the file's order."""
        self._mark()
        if self.lines.has_controls():
            self._controls()
        self._characters()
        data = self.lines.data
        if len(data) and data[-1:] != b"\n":
            self.report.add(self.name, len(self.lines), "last-newline", "the last line has no newline")
        self.lengths, self.blanks = self.lines.id_lengths()
        empty = np.flatnonzero(self.lengths == 0)
        self.report.add_rows(self.name, empty, "no-id", "the line is empty or begins with a blank")
        ids = self.lines.ids(self.lengths)
        if self.name in CTM:
            ids = ids[np.concatenate([[True], ids[1:] != ids[:-1]])] if len(ids) else ids
        self._order(ids)
        return ids

    def same_ids(self, ids: IdArray, wanted: IdArray, origin: str, complete: bool) -> None:
        """Reports ids that the table has too many or too few, against those of `origin`."""
        if len(ids) == len(wanted) and bool((ids == wanted).all()):
            return
        extra = np.flatnonzero(~_among(ids, wanted) & (ids != b""))
        if self.name in CTM:
            first = {value: row for row, value in reversed(list(enumerate(self.lines.ids(self.lengths).tolist())))}
            extra = np.array([first[ids[row]] for row in extra], dtype=np.int64)
        self.report.add_rows(self.name, extra, "unknown-id", lambda row: f"{self.id_at(row)} is not in {origin}")
        if complete:
            self._missing(ids, np.unique(wanted[~_among(wanted, ids)]), origin)

    def _missing(self, ids: IdArray, missing: IdArray, origin: str) -> None:
        """Reports each missing id at the line where it belongs, or of the file as a whole where lines have no order."""
        rows = np.flatnonzero(ids != b"")
        sorted_ids = ids[rows]
        lines = np.zeros(len(missing), dtype=np.int64)
        if bool((sorted_ids[1:] >= sorted_ids[:-1]).all()):
            lines = np.append(rows, len(ids))[np.searchsorted(sorted_ids, missing)] + 1
        for value, line in zip(missing.tolist(), lines.tolist()):
            self.report.add(self.name, line, "missing-id", f"{shown(value)}, which is in {origin}, has no row here")

    def id_at(self, row: int) -> str:
        """A row's id as the screen shows it."""
        return shown(self.lines.line(row)[: int(self.lengths[row])])

    def rest(self, row: int) -> bytes:
        """The bytes that follow the id in a row."""
        return self.lines.line(row)[int(self.lengths[row]) :].strip(BLANKS)

    def _mark(self) -> None:
        if self.lines.data[:3] == BOM:
            self.report.add(self.name, 1, "byte-order-mark", "the file begins with a byte order mark")
            self.lines = Lines(bytes(self.lines.data[3:]))

    def _controls(self) -> None:
        found = [
            np.flatnonzero(_CONTROL[self.lines.buffer[low : low + (1 << 23)]]) + low
            for low in range(0, len(self.lines.buffer), 1 << 23)
        ]
        places = np.concatenate(found)
        rows = np.searchsorted(self.lines.starts, places, side="right") - 1
        after = np.append(self.lines.buffer, np.uint8(10))[places + 1]
        ending = (self.lines.buffer[places] == 13) & (after == 10)
        self.report.add_rows(self.name, rows[ending], "line-ending", "Windows line ending (CR LF)")
        others = np.unique(rows[~ending])
        self.report.add_rows(self.name, others, "control-character", self._control_at)
        if ending.any():  # a blank in its place, so that the other rules see what the row was meant to be
            self.lines = Lines((bytes(self.lines.data) + b"\n").replace(b"\r\n", b" \n")[: len(self.lines.data)])

    def _control_at(self, row: int) -> str:
        line = self.lines.line(row)
        place = next((i for i, byte in enumerate(line) if _CONTROL[byte]), 0)
        return f"control character 0x{line[place]:02x} at byte {place + 1} of the line"

    def _characters(self) -> None:
        """Reports bytes that are not UTF-8, blanks that only Unicode knows, and symbols that Kaldi keeps for itself."""
        for low, high in self.lines.blocks():
            block = bytes(self.lines.data[int(self.lines.starts[low]) : int(self.lines.starts[high])])
            if self.name == TEXT and any(symbol in block for symbol in _SYMBOLS):
                self._symbols(low, high)
            if block.isascii():
                continue
            try:
                suspect = _UNICODE_BLANK.search(block.decode("utf-8")) is not None
            except UnicodeDecodeError:
                suspect = True
            if suspect:
                for row in range(low, high):
                    self._line_characters(row)

    def _line_characters(self, row: int) -> None:
        line = self.lines.line(row)
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError as error:
            what = f"not valid UTF-8: {error.reason} at byte {error.start + 1} of the line"
            self.report.add(self.name, row + 1, "utf-8", what)
            return
        key = re.split("[ \t]", text, maxsplit=1)[0]
        found = _UNICODE_BLANK.search(key)
        if found:
            self.report.add(self.name, row + 1, "blank-in-id", f"U+{ord(found[0]):04X} in the id {key!r}")
        elif self.name == TEXT and (found := _UNICODE_BLANK.search(text)):
            what = f"U+{ord(found[0]):04X} is a blank that Kaldi refuses in transcripts"
            self.report.add(self.name, row + 1, "text-blank", what)

    def _symbols(self, low: int, high: int) -> None:
        for row in range(low, high):
            found = _WHOLE_SYMBOL.search(self.lines.line(row))
            if found:
                self.report.add(self.name, row + 1, "text-symbol", f"{found[0].decode()} in a transcript")

    def _order(self, ids: IdArray) -> None:
        if in_order(ids).all():
            return
        if self.name in CTM:  # rows are groups of lines here
            whole = self.lines.ids(self.lengths)
            late = np.flatnonzero(whole[1:] < whole[:-1]) + 1
        else:
            late = np.flatnonzero(ids[1:] < ids[:-1]) + 1
            seen = np.argsort(ids, kind="stable")
            twice = np.sort(seen[1:][(ids[seen][1:] == ids[seen][:-1]) & (ids[seen][1:] != b"")])
            self.report.add_rows(self.name, twice, "duplicate", lambda row: f"{self.id_at(row)} is there already")
        self.report.add_rows(
            self.name,
            late[self.lengths[late] > 0],
            "order",
            lambda row: f"{self.id_at(row)} comes after {self.id_at(row - 1)}, against C-locale order",
        )


def _among(values: IdArray, wanted: IdArray) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """(N,) whether each value is one of `wanted`."""
    if values.dtype == object or wanted.dtype == object:
        known = set(wanted.tolist())
        return np.fromiter((value in known for value in values.tolist()), dtype=np.bool_, count=len(values))
    if not len(wanted):
        return np.zeros(len(values), dtype=np.bool_)
    ordered = wanted if in_order(wanted).all() else np.sort(wanted)
    places = np.minimum(np.searchsorted(ordered, values), len(ordered) - 1)
    return np.asarray(ordered[places] == values, dtype=np.bool_)
