"""The rules of single tables: what may follow the id in each of them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from masr.io.datadir.columns import plain_numbers
from masr.io.datadir.lines import IdArray, shown
from masr.io.datadir.rules import TableCheck
from masr.io.datadir.tables import CTM
from masr.io.layout import SEGMENTS, TEXT, UTT2DUR, UTT2NUM_FRAMES

_NUMBER = re.compile(rb"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?")

NumberRule = tuple[Callable[[npt.NDArray[np.float64]], npt.NDArray[np.bool_]], str]
_POSITIVE: NumberRule = (lambda n: (n > 0) & np.isfinite(n), "a positive number")
_WHOLE: NumberRule = (lambda n: (n > 0) & np.isfinite(n) & (n == np.floor(n)), "a whole positive number")
_WARP: NumberRule = (lambda n: (n > 0.5) & (n < 1.5), "a number between 0.5 and 1.5")
NUMBERS: dict[str, NumberRule] = {
    UTT2DUR: _POSITIVE,
    "reco2dur": _POSITIVE,
    UTT2NUM_FRAMES: _WHOLE,
    "spk2warp": _WARP,
    "utt2warp": _WARP,
}
"""Tables of one number a row: which numbers are right, and how to say so."""


def check_values(table: TableCheck) -> None:
    """Every rule on what follows the ids of a table."""
    special = {SEGMENTS: _segments, "utt2loc": _places, "spk2gender": _genders}
    _present(table)
    if table.name in NUMBERS:
        _numbers(table, *NUMBERS[table.name])
    elif table.name in special:
        special[table.name](table)
    elif table.name in CTM:
        _alignment(table)
    elif table.name == "reco2file_and_channel":
        _channels(table)


def one_word(table: TableCheck) -> IdArray:
    """The word after the id in every row, b"" where there is none; a row with more words is a finding."""
    lines = table.lines
    ends = lines.starts[1:] - (lines.buffer[lines.starts[1:] - 1] == 10) if len(lines) else lines.starts[1:]
    begins = lines.starts[:-1] + table.lengths + 1
    lengths = np.maximum(ends - begins, 0)
    last = lines.buffer[np.maximum(ends - 1, 0)] if len(lines) else np.zeros(0, dtype=np.uint8)
    odd = np.flatnonzero((table.blanks != 1) | (last == 32) | (last == 9))
    fixed = {int(row): table.rest(int(row)) for row in odd}
    several = [row for row, value in fixed.items() if len(value.split()) > 1]
    table.report.add_rows(table.name, several, "columns", lambda row: f"{len(fixed[row].split()) + 1} columns, not 2")
    lengths[odd] = 0
    width = max([int(lengths.max(initial=1)), 1, *(len(value) for value in fixed.values())])
    if width * len(lines) > 1 << 28:
        words = np.empty(len(lines), dtype=object)
        words[:] = [table.rest(row) for row in range(len(lines))]
        return words
    words = lines.cut(np.minimum(begins, len(lines.buffer) - 1), lengths, width)
    for row, value in fixed.items():
        words[row] = value.split()[0] if value else b""
    return words


def _present(table: TableCheck) -> None:
    """Reports rows without a value; of transcripts only where empty ones are not allowed."""
    ends = table.lines.starts[1:]
    if not len(ends):
        return
    last = table.lines.buffer[np.maximum(ends - 2, 0)]
    doubtful = np.flatnonzero((table.blanks == 0) | (last == 32) | (last == 9))
    empty = [int(row) for row in doubtful if table.lengths[row] and not table.rest(int(row))]
    if table.name != TEXT:
        table.report.add_rows(table.name, empty, "no-value", lambda row: f"{table.id_at(row)} has no value")
    elif table.checks.empty_text:
        table.report.notes += [f"{len(empty)} of {len(table.lines)} transcripts are empty"] * bool(empty)
    else:
        table.report.add_rows(
            table.name, empty, "empty-text", lambda row: f"{table.id_at(row)} has an empty transcript"
        )


def _numbers(table: TableCheck, right: Callable[..., npt.NDArray[np.bool_]], wanted: str) -> None:
    words = one_word(table)
    numbers = _parse(words)
    wrong = np.flatnonzero(~right(numbers) & (words != b""))

    def what(row: int) -> str:
        return f"{words[row].decode('utf-8', 'backslashreplace')} is not {wanted}"

    table.report.add_rows(table.name, wrong, "number", what)


def _parse(words: IdArray) -> npt.NDArray[np.float64]:
    """(N,) words as numbers; NaN for a word that is not a plain decimal."""
    quick = plain_numbers(words)
    if quick is not None:
        return quick
    plain = (float(word) if _NUMBER.fullmatch(word) else math.nan for word in words.tolist())
    return np.fromiter(plain, dtype=np.float64, count=len(words))


def _segments(table: TableCheck) -> None:
    for row in range(len(table.lines)):
        parts = table.lines.line(row).split()
        if not table.lengths[row]:
            continue
        if len(parts) != 4:
            what = f"{len(parts)} columns, not 4 (utterance, recording, start, end)"
            table.report.add(table.name, row + 1, "columns", what)
            continue
        start, end = parts[2], parts[3]
        if not (_NUMBER.fullmatch(start) and _NUMBER.fullmatch(end)):
            table.report.add(table.name, row + 1, "number", f"{shown(start)} to {shown(end)}: not two numbers")
        elif not 0 <= float(start) < float(end) < math.inf:
            what = f"from {shown(start)} to {shown(end)} seconds is no segment"
            table.report.add(table.name, row + 1, "segment-times", what)


def recordings(table: TableCheck) -> IdArray:
    """The recordings that a `segments` table cuts, in C-locale order."""
    found = {parts[1] for row in range(len(table.lines)) if len(parts := table.lines.line(row).split()) == 4}
    return np.array(sorted(found)) if found else np.zeros(0, dtype="S1")


def _alignment(table: TableCheck) -> None:
    for row in range(len(table.lines)):
        parts = table.lines.line(row).split()
        if not table.lengths[row]:
            continue
        if len(parts) not in (5, 6):
            what = f"{len(parts)} columns, not 5 (utterance, channel, start, duration, label)"
            table.report.add(table.name, row + 1, "columns", what)
        elif not all(_NUMBER.fullmatch(part) and 0 <= float(part) < math.inf for part in parts[2:4]):
            what = f"{shown(parts[2])} and {shown(parts[3])}: not a start and a duration in seconds"
            table.report.add(table.name, row + 1, "number", what)


def _places(table: TableCheck) -> None:
    for row in range(len(table.lines)):
        parts = table.rest(row).split()
        numbers = [float(part) for part in parts if _NUMBER.fullmatch(part)]
        if parts and not (len(parts) == len(numbers) == 2 and abs(numbers[0]) <= 90 and abs(numbers[1]) <= 180):
            what = f"{shown(b' '.join(parts))} is not a latitude and a longitude"
            table.report.add(table.name, row + 1, "place", what)


def _genders(table: TableCheck) -> None:
    words = one_word(table)
    wrong = [row for row, word in enumerate(words.tolist()) if word not in (b"m", b"f", b"")]
    table.report.add_rows(table.name, wrong, "gender", lambda row: f"{shown(words[row])} is not m or f")


def _channels(table: TableCheck) -> None:
    for row in range(len(table.lines)):
        parts = table.lines.line(row).split()
        if len(parts) != 3:
            what = f"{len(parts)} columns, not 3 (recording, file, channel)"
            table.report.add(table.name, row + 1, "columns", what)
        elif parts[2] not in (b"A", b"B", b"1"):
            table.report.add(table.name, row + 1, "channel", f"{shown(parts[2])} is not A or B")
