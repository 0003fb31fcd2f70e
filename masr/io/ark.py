"""Kaldi archives of matrices and vectors, through kaldiio; the only file that imports it.

kaldiio's licence allows evaluation only, so nothing else depends on it. Every value that we write is Kaldi's own
binary format, which any other reader takes. Kaldi has no IEEE half precision; what `float16` stands for here is its
16-bit linear code (CM2), each matrix scaled to its own range: the same 2 bytes a value, and at log-mel's range of
about 30 an error of 2e-4 instead of the 8e-3 that half precision has near 16.

kaldiio would also unpickle values and run pipes. Nothing reaches it here but the numeric formats: the name is
opened as a plain file, and the value's header is checked first, so that a truncated archive is an error of its own.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Literal

import numpy as np
import numpy.typing as npt

from masr.errors import ArchiveError
from masr.files import open_ordinary
from masr.io.checksums import with_sums
from masr.types import FloatArray

Storage = Literal["float32", "float16", "uint8"]
"""4, 2 or 1 bytes a value: FM, CM2, and CM, Kaldi's compression for speech features."""
_METHODS: dict[str, int | None] = {"float32": None, "float16": 3, "uint8": 1}
_ENTRY = re.compile(r"(?P<path>.+?):(?P<offset>\d{1,18})(?:\[(?P<first>\d{1,9}):(?P<last>\d{1,9})\])?", re.DOTALL)
_ITEM_BYTES = {"FM": 4, "FV": 4, "DM": 8, "DV": 8, "CM": 1, "CM2": 2, "CM3": 1}
_MAX_KEY = 4096

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Header:
    """What a value says of itself before its numbers."""

    kind: str
    shape: tuple[int, ...]
    num_bytes: int
    """Bytes of the whole value, its header included."""


class ArchiveWriter:
    """Appends arrays to one archive, which takes its name when the `with` block ends without an error.

    Its checksums lie beside it then (masr/io/checksums.py).

    `rows` is then what its scp holds. Matrices are stored as `storage` says; float64 stays float64, and vectors
    stay whole.
    """

    def __init__(self, path: Path, storage: Storage = "float32") -> None:
        self.path = Path(path)
        self.storage = storage
        self.rows: dict[str, str] = {}
        self._named = self.path.absolute()
        self._opened = ExitStack()

    def __enter__(self) -> ArchiveWriter:
        self._stream, self._ends = self._opened.enter_context(with_sums(self.path))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._opened.__exit__(kind, error, at)

    def append(self, key: str, array: Array) -> str:
        """Appends one (T, D) matrix or (T,) vector; its scp entry."""
        import kaldiio

        if not key or any(c.isspace() for c in key):
            raise ArchiveError(f"{key!r} cannot be a key of an archive: it is empty or holds a blank")
        if key in self.rows:
            raise ArchiveError(f"{self.path}: {key} is written twice")
        if array.ndim not in (1, 2) or array.size == 0:
            raise ArchiveError(f"{self.path}: {key} is no matrix or vector: its shape is {array.shape}")
        if not np.isfinite(array).all():
            raise ArchiveError(f"{self.path}: {key} holds NaN or infinite values")
        array = np.ascontiguousarray(array, dtype=np.float64 if array.dtype == np.float64 else np.float32)
        compressed = array.ndim == 2 and array.dtype == np.float32
        offset = self._stream.tell() + len(key.encode()) + 1
        kaldiio.save_ark(self._stream, {key: array}, compression_method=_METHODS[self.storage] if compressed else None)
        self._ends.append((key, self._stream.tell()))
        self.rows[key] = f"{self._named}:{offset}"
        return self.rows[key]


def read_array(entry: str) -> Array:
    """The matrix or vector behind `path:offset`, or its rows with `path:offset[first:last]`, both ends included.

    float32, or float64 where that was written. Only this value is read from the disk.
    """
    path, offset, rows = parse_entry(entry)
    with _opened(path, entry) as stream:
        size = stream.seek(0, os.SEEK_END)
        array = _read_value(stream, offset, size, entry)
    if rows is None:
        return array
    first, last = rows
    if not first <= last < len(array):
        raise ArchiveError(f"{entry}: rows {first} to {last} of {len(array)}")
    return array[first : last + 1]


def read_matrix(entry: str) -> FloatArray:
    """As `read_array`, and always (T, D) float32."""
    array = read_array(entry)
    if array.ndim != 2:
        raise ArchiveError(f"{entry}: a vector, where a matrix was expected")
    with np.errstate(over="ignore"):
        single = array.astype(np.float32, copy=False)
    if array.dtype == np.float64 and not np.isfinite(single).all():
        raise ArchiveError(f"{entry}: holds a value that float32 cannot", fix="run `masr features` again")
    return single


def read_shape(entry: str) -> tuple[int, ...]:
    """The shape of the value behind `path:offset`; its numbers are not read."""
    path, offset, rows = parse_entry(entry)
    with _opened(path, entry) as stream:
        size = stream.seek(0, os.SEEK_END)
        shape = _header(stream, offset, size, entry).shape
    return shape if rows is None else (rows[1] - rows[0] + 1, *shape[1:])


def read_archive(path: Path) -> Iterator[tuple[str, Array]]:
    """Keys and values of a whole archive, one after another, without its scp."""
    with _opened(Path(path), str(path)) as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(0)
        while (key := _key(stream, str(path))) is not None:
            yield key, _read_value(stream, stream.tell(), size, f"{path}: {key}")


def parse_entry(entry: str) -> tuple[Path, int, tuple[int, int] | None]:
    """File, byte offset and rows of an scp entry; a pipe, or a path without an offset, is refused."""
    match = _ENTRY.fullmatch(entry.strip())
    if match is None or entry.strip()[-1:] == "|":
        raise ArchiveError(f"{entry!r} is not archive:offset", fix="run `masr features` to write the archives again")
    rows = (int(match["first"]), int(match["last"])) if match["first"] is not None else None
    return Path(match["path"]), int(match["offset"]), rows


def _opened(path: Path, entry: str) -> BinaryIO:
    try:
        return open_ordinary(path)
    except OSError as error:
        raise ArchiveError(
            f"{entry}: cannot be read: {error.strerror}",
            why="the data directory was moved, or its archives were deleted",
            fix="run `masr features` again",
        ) from None


def _read_value(stream: BinaryIO, start: int, size: int, entry: str) -> Array:
    """The value at `start`; the stream's position is left behind it."""
    from kaldiio.matio import read_matrix_or_vector

    header = _header(stream, start, size, entry)
    stream.seek(start)
    if 0 in header.shape:
        stream.seek(start + header.num_bytes)
        return np.zeros(header.shape, dtype=np.float32)
    array = read_matrix_or_vector(stream)
    if not np.isfinite(array).all():
        raise ArchiveError(
            f"{entry}: damaged: it holds NaN or infinite values, which are never written",
            fix="run `masr features` again",
        )
    # An array over a buffer cannot be written to, which torch warns of.
    wanted = np.float64 if header.kind in ("DM", "DV") else np.float32
    return np.array(array, dtype=wanted, order="C", copy=not array.flags.writeable or None)


def _header(stream: BinaryIO, start: int, size: int, entry: str) -> Header:
    if start >= size:
        raise ArchiveError(
            f"{entry}: truncated: the archive ends after {size} bytes, before this value",
            why="it was cut short when it was written or copied, or replaced after the scp was written",
            fix="run `masr features` again, or copy the archive whole",
        )
    stream.seek(start)
    head = stream.read(32)
    if head[:2] != b"\0B":
        raise ArchiveError(
            f"{entry}: no binary matrix starts here",
            why="the archive was replaced after the scp was written, or it holds text or something else",
            fix="run `masr features` again, or `copy-feats` to turn a text archive into a binary one",
        )
    kind = head[2:6].split(b" ")[0].decode("ascii", "replace")
    if kind not in _ITEM_BYTES:
        raise ArchiveError(f"{entry}: {kind!r} is not a kind of matrix", fix="known: " + ", ".join(_ITEM_BYTES))
    begin = 3 + len(kind)
    try:
        shape, begin = _shape(kind, head, begin)
    except struct.error:
        raise ArchiveError(f"{entry}: truncated: the header is not whole") from None
    if min(shape) < 0:
        raise ArchiveError(f"{entry}: damaged: its shape is {shape}")
    columns = 8 * shape[1] if kind == "CM" else 0
    num_bytes = begin + columns + int(np.prod(shape, dtype=object)) * _ITEM_BYTES[kind]
    if start + num_bytes > size:
        raise ArchiveError(
            f"{entry}: truncated: {start + num_bytes - size} bytes of its {num_bytes} are missing",
            fix="run `masr features` again",
        )
    return Header(kind, shape, num_bytes)


def _shape(kind: str, head: bytes, begin: int) -> tuple[tuple[int, ...], int]:
    """The shape, and where the numbers (or the column headers of CM) begin."""
    if kind.startswith("CM"):
        return struct.unpack_from("<ii", head, begin + 8), begin + 16
    sizes = struct.unpack_from("<bibi", head, begin) if kind.endswith("M") else struct.unpack_from("<bi", head, begin)
    if any(width != 4 for width in sizes[::2]):
        raise struct.error
    return tuple(sizes[1::2]), begin + 5 * (len(sizes) // 2)


def _key(stream: BinaryIO, path: str) -> str | None:
    """The key that stands before a value; None at the end of the archive."""
    key = bytearray()
    while (character := stream.read(1)) not in (b" ", b""):
        key += character
        if len(key) > _MAX_KEY:
            raise ArchiveError(f"{path}: not an archive: no key ends within {_MAX_KEY} bytes")
    if not character and key:
        raise ArchiveError(f"{path}: truncated after the key {key.decode(errors='replace')}")
    return key.decode(errors="replace") if character else None
