"""A table of a data directory as bytes and line starts: what reading, indexing and validating share.

A table is never split into a million Python strings here. Lines are found with numpy, ids become one array of
fixed-width bytes, and a value is cut out of the mapped file when it is asked for. Bytes compare in C-locale
order, which for UTF-8 is the order of code points.
"""

from __future__ import annotations

import mmap
import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from masr.errors import DataError, near
from masr.files import open_ordinary
from masr.types import IntArray

ByteArray = npt.NDArray[np.uint8]
IdArray = npt.NDArray[Any]
"""Ids as fixed-width bytes (dtype S), or as objects where one id is so long that a matrix would not fit."""

BLANKS = b" \t"
BOM = b"\xef\xbb\xbf"
_SPACE, _TAB, _NEWLINE, _DELETE = 32, 9, 10, 127
_BLOCK_BYTES = 1 << 23
_BLOCK_LINES = 1 << 16
_MATRIX_BYTES = 1 << 29


def map_file(path: Path) -> mmap.mmap | bytes:
    """The file's bytes without reading them; b"" for an empty file, which cannot be mapped."""
    try:
        with open_ordinary(path) as stream:
            if not os.fstat(stream.fileno()).st_size:
                return b""
            return mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    except FileNotFoundError:
        siblings = [p.name for p in Path(path).parent.glob("*")] if Path(path).parent.is_dir() else []
        raise DataError(f"{path}: no such file", fix=near(Path(path).name, siblings)) from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from None


def let_go(data: mmap.mmap | bytes) -> None:
    """Lets go of the pages of a mapped file that were read: the system keeps them, this process need not."""
    if isinstance(data, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        data.madvise(mmap.MADV_DONTNEED)


class Lines:
    """A table's bytes, and where each line and its id begin and end."""

    def __init__(self, data: mmap.mmap | bytes, starts: IntArray | None = None) -> None:
        """`starts`, where they are known, spare a look for the newlines."""
        self.data = data
        self.buffer: ByteArray = np.frombuffer(data, dtype=np.uint8)
        self.starts = _line_starts(self.buffer) if starts is None else starts

    def __len__(self) -> int:
        return len(self.starts) - 1

    def line(self, row: int) -> bytes:
        """One line without its newline."""
        line = self.data[int(self.starts[row]) : int(self.starts[row + 1])]
        return line[:-1] if line.endswith(b"\n") else line

    def has_controls(self) -> bool:
        """Whether a byte other than tab and newline is an ASCII control character."""
        for start in range(0, len(self.buffer), _BLOCK_BYTES):
            block = self.buffer[start : start + _BLOCK_BYTES]
            low = np.count_nonzero(block < _SPACE) + np.count_nonzero(block == _DELETE)
            if low != np.count_nonzero(block == _NEWLINE) + np.count_nonzero(block == _TAB):
                return True
        return False

    def id_lengths(self) -> tuple[IntArray, IntArray]:
        """Bytes of each line's id (0 where a line begins with a blank), and the blanks in the line."""
        lengths = np.empty(len(self), dtype=np.int64)
        blanks = np.empty(len(self), dtype=np.int64)
        for low, high in self.blocks():
            offset = int(self.starts[low])
            block = self.buffer[offset : int(self.starts[high])]
            marks = np.flatnonzero((block == _SPACE) | (block == _TAB))
            begins = self.starts[low:high] - offset
            ends = self.starts[low + 1 : high + 1] - offset
            ends = ends - (block[ends - 1] == _NEWLINE)
            if len(marks) == high - low and (begins <= marks).all() and (marks < ends).all():
                lengths[low:high], blanks[low:high] = marks - begins, 1  # an id and a word in every line
                continue
            first = np.searchsorted(marks, begins)
            blanks[low:high] = np.searchsorted(marks, ends) - first
            firsts = marks[np.minimum(first, len(marks) - 1)] if len(marks) else ends
            lengths[low:high] = np.where(blanks[low:high] > 0, firsts, ends) - begins
        return lengths, blanks

    def ids(self, lengths: IntArray | None = None) -> IdArray:
        """Every line's id, in the file's order."""
        if lengths is None:
            lengths, _ = self.id_lengths()
        width = int(lengths.max(initial=1)) or 1
        if width * len(self) > _MATRIX_BYTES:
            found = np.empty(len(self), dtype=object)
            found[:] = [self.line(row)[:size] for row, size in enumerate(lengths.tolist())]
            return found
        return self.cut(self.starts[:-1], lengths, width)

    def cut(self, begins: IntArray, lengths: IntArray, width: int) -> IdArray:
        """Pieces of the buffer, each at most `width` bytes, as one array of fixed-width bytes."""
        matrix = np.zeros((len(begins), width), dtype=np.uint8)
        columns = np.arange(width)
        for low in range(0, len(begins), _BLOCK_LINES):
            rows = slice(low, low + _BLOCK_LINES)
            offset = int(begins[rows][0])
            block = self.buffer[offset : int(begins[rows][-1]) + width]
            missing = int(begins[rows][-1]) + width - offset - len(block)
            padded = np.concatenate([block, np.zeros(missing, dtype=np.uint8)]) if missing > 0 else block
            windows = np.lib.stride_tricks.sliding_window_view(padded, width)[begins[rows] - offset]
            even = bool((lengths[rows] == width).all())
            matrix[rows] = windows if even else np.where(columns < lengths[rows, None], windows, 0)
        return matrix.view(f"S{width}")[:, 0]

    def blocks(self) -> list[tuple[int, int]]:
        """Ranges of lines, of about `_BLOCK_BYTES` each."""
        found, low = [], 0
        while low < len(self):
            target = int(self.starts[low]) + _BLOCK_BYTES
            high = max(low + 1, int(np.searchsorted(self.starts, target, side="right")) - 1)
            found.append((low, min(high, len(self))))
            low = found[-1][1]
        return found


def in_order(ids: IdArray) -> npt.NDArray[np.bool_]:
    """(n - 1,) whether each of n ids but the first comes strictly after the one before."""
    return np.asarray(ids[1:] > ids[:-1], dtype=bool)


def _line_starts(buffer: ByteArray) -> IntArray:
    """Offsets of the lines, and the end of the last; a last line without newline is a line too."""
    blocks = range(0, len(buffer), _BLOCK_BYTES)
    pieces = [np.flatnonzero(buffer[low : low + _BLOCK_BYTES] == _NEWLINE) + (low + 1) for low in blocks]
    pieces.insert(0, np.zeros(1, dtype=np.int64))
    starts = np.concatenate(pieces)
    if int(starts[-1]) < len(buffer):
        starts = np.append(starts, np.int64(len(buffer)))
    return starts


def undecodable(path: Path, line: int, error: UnicodeDecodeError) -> DataError:
    """The error for a line that is not UTF-8."""
    return DataError(
        f"{path}:{line}: not valid UTF-8: {error.reason} at byte {error.start + 1} of the line",
        why="the file was written in another encoding, such as Latin-1 or Windows-1252",
        fix="convert it with iconv -t UTF-8, or drop such lines with `masr data fix`",
    )


def shown(value: bytes) -> str:
    """Bytes as the screen shows them, whatever they are."""
    return value.decode("utf-8", "backslashreplace")
