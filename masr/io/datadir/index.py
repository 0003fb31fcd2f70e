"""The cached index of a data directory: where each row of each table starts, so that opening parses nothing.

`.index` is eight bytes of magic, a length, a CRC, a JSON header and raw little-endian arrays. It is used only
while every table has the size and the time of change that it had; a stale or damaged index is made anew, and
where the directory cannot be written the index stays in memory.
"""

from __future__ import annotations

import json
import mmap
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from masr.errors import DataError
from masr.files import parse_json
from masr.io.atomic import atomic_path
from masr.io.datadir.lines import let_go, map_file
from masr.io.datadir.rows import table_rows
from masr.io.datadir.view import TableView, UIntArray
from masr.io.layout import INDEX

_MAGIC = b"MASRIDX1"
_HEAD = struct.Struct("<8sQLL")  # magic, bytes of JSON, CRC of the JSON, CRC of the arrays
_ALIGNMENT = 64


@dataclass(frozen=True)
class _Rows:
    """One table's part of the index."""

    size: int
    mtime_ns: int
    starts: UIntArray
    order: UIntArray | None


def open_views(folder: Path, names: list[str]) -> dict[str, TableView]:
    """A view of each table, through the index where it still fits, which is written where it does not."""
    index, fresh = _load(folder), False
    rows: dict[str, _Rows] = {}
    views = {}
    for name in names:
        stat = (folder / name).stat()
        known = index.get(name)
        data = map_file(folder / name)
        if known is None or (known.size, known.mtime_ns) != (stat.st_size, stat.st_mtime_ns) or len(data) != known.size:
            starts, order = table_rows(folder / name, data)
            let_go(data)
            dtype = "<u4" if len(data) < 1 << 32 else "<u8"
            order_small = None if order is None else order.astype(dtype)
            known, fresh = _Rows(stat.st_size, stat.st_mtime_ns, starts.astype(dtype), order_small), True
        rows[name] = known
        views[name] = TableView(folder / name, data, known.starts, known.order)
    if fresh:
        _save(folder, rows)
    return views


def _save(folder: Path, rows: dict[str, _Rows]) -> None:
    """Writes the index; a directory that cannot be written is no reason to stop."""
    tables: dict[str, Any] = {}
    arrays: list[UIntArray] = []
    offset = 0
    for name, entry in rows.items():
        places: list[list[Any] | None] = []
        for array in (entry.starts, entry.order):
            if array is None:
                places.append(None)
                continue
            places.append([offset, len(array), array.dtype.str])
            arrays.append(array)
            offset += _aligned(array.nbytes)
        tables[name] = {"size": entry.size, "mtime_ns": entry.mtime_ns, "starts": places[0], "order": places[1]}
    header = json.dumps(tables).encode()
    header += b" " * (_aligned(_HEAD.size + len(header)) - _HEAD.size - len(header))
    try:
        with atomic_path(folder / INDEX) as temporary, temporary.open("wb") as stream:
            stream.write(bytes(_HEAD.size))
            stream.write(header)
            crc = 0
            for array in arrays:
                block = array.tobytes()
                block += bytes(_aligned(len(block)) - len(block))
                crc = zlib.crc32(block, crc)
                stream.write(block)
            stream.seek(0)
            stream.write(_HEAD.pack(_MAGIC, len(header), zlib.crc32(header), crc))
    except OSError:
        return


def _load(folder: Path) -> dict[str, _Rows]:
    """What the index holds; nothing where it is missing or damaged in any way."""
    try:
        data = map_file(folder / INDEX)
        magic, length, header_crc, arrays_crc = _HEAD.unpack_from(data)
        start = _HEAD.size + length
        header = data[_HEAD.size : start]
        body = memoryview(data)[start:]
        if magic != _MAGIC or zlib.crc32(header) != header_crc or zlib.crc32(body) != arrays_crc:
            return {}
        let_go(data)
        return {name: _rows(entry, data, start) for name, entry in parse_json(header).items()}
    except (DataError, OSError, struct.error, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _rows(entry: dict[str, Any], data: mmap.mmap | bytes, start: int) -> _Rows:
    def array(place: list[Any] | None) -> UIntArray | None:
        if place is None:
            return None
        offset, count, dtype = place
        return np.frombuffer(data, dtype=np.dtype(dtype), count=count, offset=start + offset)

    starts = array(entry["starts"])
    if starts is None or not len(starts):
        raise ValueError("no rows")
    return _Rows(int(entry["size"]), int(entry["mtime_ns"]), starts, array(entry["order"]))


def _aligned(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT
