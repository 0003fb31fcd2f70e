"""Where the rows of a table's file lie, found by one pass over it, which refuses a file that is no table."""

from __future__ import annotations

import mmap
from pathlib import Path

import numpy as np

from masr.errors import DataError
from masr.io.datadir.lines import BOM, Lines, in_order
from masr.io.datadir.tables import CTM
from masr.types import IntArray


def table_rows(path: Path, data: mmap.mmap | bytes) -> tuple[IntArray, IntArray | None]:
    """Where each row starts, and the C order of the rows where the file has another; DataError if it is no table."""
    lines = Lines(data)
    refuse_foreign_bytes(path, lines)
    lengths, _ = lines.id_lengths()
    if len(lines) and not lengths.all():
        row = int(np.argmin(lengths))
        raise _broken(path, row + 1, "the line is empty or begins with a blank, so it has no id")
    ids, starts = lines.ids(lengths), lines.starts
    if path.name in CTM and len(lines):
        first = np.concatenate([[True], ids[1:] != ids[:-1]])
        ids, starts = ids[first], np.append(starts[:-1][first], starts[-1])
    if in_order(ids).all():
        return starts, None
    order = np.argsort(ids, kind="stable")
    ids = ids[order]
    twice = np.flatnonzero(ids[1:] == ids[:-1])
    if len(twice):
        row = int(np.searchsorted(lines.starts, starts[order[twice[0] + 1]]))
        raise _broken(path, row + 1, f"{ids[twice[0]].decode('utf-8', 'replace')} is there twice")
    return starts, order


def refuse_foreign_bytes(path: Path, lines: Lines) -> None:
    """DataError for a byte order mark, a Windows line ending, a NUL or another control character."""
    if lines.data[:3] == BOM:
        raise _broken(path, 1, "the file begins with a byte order mark, which would become part of the first id")
    if not lines.has_controls():
        return
    for row in range(len(lines)):
        line = lines.line(row)
        if any((byte < 32 and byte != 9) or byte == 127 for byte in line):
            what = "Windows line ending" if line.endswith(b"\r") else "a control character"
            raise _broken(path, row + 1, f"{what} in the line")


def _broken(path: Path, line: int, what: str) -> DataError:
    folder = path.parent
    return DataError(
        f"{path}:{line}: {what}",
        fix=f"`masr data validate {folder}` lists every such line, `masr data fix {folder}` repairs them",
    )
