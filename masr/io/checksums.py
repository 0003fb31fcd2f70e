"""A checksum of every value of a Kaldi archive, in a file beside it: NAME.ark.crc32.

An archive has none of its own, and a flipped bit in it is another number, as good as the right one. Each line is of a
value, its key and all: CRC-32 as zlib and gzip have it, first byte, number of bytes, key. Together the lines cover the
archive, whose last byte is that of the last value.

An archive without such a file, as other programs write, is read as ever; nobody can say whether it is whole.
"""

from __future__ import annotations

import errno
import os
import re
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from masr.errors import ArchiveError
from masr.files import open_ordinary
from masr.io.atomic import atomic_open, atomic_path

SUFFIX = ".crc32"
_LINE = re.compile(r"([0-9a-f]{8}) (\d{1,18}) (\d{1,18}) (\S+)")
_BLOCK_BYTES = 1 << 20
_NO_FILE = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP)
"""What opening says where no such file is, or can be."""


@dataclass(frozen=True, slots=True)
class Sum:
    """The checksum of one value of an archive, and where the value lies."""

    crc32: int
    first: int
    """Its first byte, that of its key."""
    num_bytes: int
    key: str


def sums_path(archive: Path) -> Path:
    """Where the checksums of an archive are."""
    return Path(f"{archive}{SUFFIX}")


def sums_of(archive: Path, keys: Sequence[str], ends: Sequence[int]) -> list[Sum]:
    """The checksum of each value of an archive, of which each ends where the next one's key begins."""
    with open_ordinary(archive) as stream:
        starts = [0, *ends[:-1]]
        return [
            Sum(_crc32(stream, start, end - start), start, end - start, key)
            for key, start, end in zip(keys, starts, ends, strict=True)
        ]


@contextmanager
def with_sums(archive: Path) -> Iterator[tuple[BinaryIO, list[tuple[str, int]]]]:
    """A stream for an archive to be written, and a list for each key and where its value ends.

    When the block ends without an error the archive takes its name, and its checksums are beside it; until then both
    are as they were.
    """
    ends: list[tuple[str, int]] = []
    with atomic_path(archive) as temporary:
        with temporary.open("wb") as stream:
            yield stream, ends
        sums = sums_of(temporary, *zip(*ends, strict=True)) if ends else []
        sums_path(archive).unlink(missing_ok=True)  # never is an archive beside the checksums of another
    with atomic_open(sums_path(archive)) as lines:
        lines.writelines(f"{one.crc32:08x} {one.first} {one.num_bytes} {one.key}\n" for one in sums)


def read_sums(archive: Path) -> list[Sum]:
    """As they were written; none where there is no such file. ArchiveError where the file is something else."""
    path = sums_path(archive)
    try:
        with open_ordinary(path) as stream:
            lines = stream.read().decode("utf-8", "replace").splitlines()
    except OSError as error:
        if error.errno in _NO_FILE:
            return []
        raise ArchiveError(
            f"{path}: {error.strerror or error}",
            why="the checksums of the archive are looked for there",
            fix="remove it: the archive is then not checked",
        ) from None
    found = [_LINE.fullmatch(line) for line in lines]
    if not all(found):
        line = found.index(None)
        raise ArchiveError(
            f"{path}:{line + 1}: is no line of checksums: {lines[line][:60]!r}",
            why="it was damaged, or another program wrote it",
            fix="make the archive again; or remove this file: the archive is then not checked",
        )
    return [Sum(int(m[1], 16), int(m[2]), int(m[3]), m[4]) for m in found if m]


def damaged(archive: Path, most_bytes: int | None = None) -> Iterator[Sum]:
    """Values that are not what was written; about `most_bytes` are read, of values evenly spread over the archive."""
    if not os.path.isfile(archive):  # noqa: PTH113 (that of a Path raises where no file can be; whoever reads it refuses it)
        return
    sums = read_sums(archive)
    if not sums:
        return
    total = sum(one.num_bytes for one in sums)
    step = 1 if most_bytes is None else max(1, -(-total // max(1, most_bytes)))
    with open_ordinary(archive) as stream:
        yield from (one for one in sums[::step] if _crc32(stream, one.first, one.num_bytes) != one.crc32)


def damaged_offsets(archive: Path) -> dict[int, str]:
    """Offset in an scp of every value that is not what was written -> a sentence."""
    return {
        one.first + len(one.key.encode()) + 1: f"{archive}: the value of {one.key} is not what was written"
        for one in damaged(archive)
    }


def require_whole(archive: Path, most_bytes: int) -> None:
    """ArchiveError where an archive is not what was written, as far as a part of it tells."""
    found = next(damaged(archive, most_bytes), None)
    if found is not None:
        raise ArchiveError(
            f"{archive}: {found.key}: damaged: it is not what {sums_path(archive).name} has the checksum of",
            why="the disk or a copy changed it after it was written, or it was replaced",
            fix="copy it again from where it is whole, or make it again; `masr data validate --full` finds all others",
        )


def _crc32(stream: BinaryIO, first: int, num_bytes: int) -> int:
    found = 0
    stream.seek(first)
    while num_bytes > 0:
        block = stream.read(min(num_bytes, _BLOCK_BYTES))
        if not block:
            return -1
        found = zlib.crc32(block, found)
        num_bytes -= len(block)
    return found
