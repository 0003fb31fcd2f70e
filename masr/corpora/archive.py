"""Members of a tar archive, one after another as they come: nothing is unpacked, nothing is kept."""

from __future__ import annotations

import bz2
import gzip
import lzma
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, BinaryIO

from masr.corpora.tar_headers import DamagedTarError, TarReader
from masr.errors import ArchiveError
from masr.files import open_ordinary
from masr.io.elsewhere import MOST_BYTES
from masr.types import Problem

MAX_MEMBER_BYTES = MOST_BYTES
"""A larger member is skipped without reading it into memory."""
DAMAGED = "damaged archive"
_UNPACKERS: dict[bytes, Callable[[BinaryIO], Any]] = {
    b"\x1f\x8b": lambda raw: gzip.GzipFile(fileobj=raw),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\0": lzma.LZMAFile,
}

UNPACKING_ERRORS = (EOFError, zlib.error, lzma.LZMAError, OSError)
"""What damage to an archive can make its unpacker raise."""


@dataclass(frozen=True, slots=True)
class Member:
    """One file of an archive."""

    name: str
    content: bytes

    @property
    def base_name(self) -> str:
        """The member's name without the folders before it."""
        return PurePosixPath(self.name).name


def tar_members(path: Path, suffix: str = ".wav", max_bytes: int = MAX_MEMBER_BYTES) -> Iterator[Member | Problem]:
    """The members that end in `suffix`, and what had to be passed over; gzip, bzip2, xz or no compression.

    A compressed archive's checksum stands at its end: where it does not fit, or is never reached, the last item is a
    Problem that spoils all members before it. ArchiveError where a member's path leaves the folder: no honest archive
    has one.
    """
    try:
        with open_ordinary(path) as raw, unpacked(raw) as (stream, has_checksum):
            yield from members_of(
                stream, has_checksum, path, lambda name: name.lower().endswith(suffix), max_bytes=max_bytes
            )
    except FileNotFoundError:
        raise ArchiveError(f"{path}: no such file") from None
    except OSError as error:
        yield _end(path, 0, error, spoils_part=False)


def members_of(
    stream: IO[bytes], has_checksum: bool, path: Path, wanted: Callable[[str], bool], max_bytes: int = MAX_MEMBER_BYTES
) -> Iterator[Member | Problem]:
    """The `wanted` members of the tar archive that `stream` unpacks out of the file at `path`; as `tar_members`."""
    where = f"{path.parent.name}/{path.name}"
    num_read = 0
    try:
        tar = TarReader(stream, has_checksum)
        for info in tar.headers():
            refuse_escapes(path, info.name)
            if info.isdir() or not wanted(info.name):
                continue
            if not info.isreg() or info.type == tarfile.GNUTYPE_SPARSE:
                kind = "one with holes" if info.isreg() else "a link or a device"
                yield Problem(f"{where}:{info.name}", f"not a regular file: {kind}")
            elif info.size > max_bytes:
                yield Problem(f"{where}:{info.name}", f"too large: {info.size} bytes, more than {max_bytes}")
            else:
                member = Member(info.name, tar.content(info))
                num_read += 1
                yield member
    except (DamagedTarError, *UNPACKING_ERRORS) as error:
        yield _end(path, num_read, error, spoils_part=has_checksum)


def _end(path: Path, num_read: int, error: Exception, spoils_part: bool) -> Problem:
    ends = f"{DAMAGED}: ends after {num_read} members ({damage_of(error)}); download it again"
    return Problem(f"{path.parent.name}/{path.name}", ends, spoils_part=spoils_part)


def damage_of(error: Exception) -> str:
    """What an unpacker says of a damaged archive."""
    return str(error) or "unexpected end"


@contextmanager
def unpacked(raw: BinaryIO) -> Iterator[tuple[IO[bytes], bool]]:
    """The stream without its gzip, bzip2 or xz, and whether a checksum is compared at its end."""
    head = raw.read(6)
    raw.seek(0)
    for magic, unpacker in _UNPACKERS.items():
        if head.startswith(magic):
            with unpacker(raw) as stream:
                yield stream, True
            return
    yield raw, False


def refuse_escapes(path: Path, name: str) -> None:
    """ArchiveError where a member's path leaves the folder."""
    pure = PurePosixPath(name.replace("\\", "/"))
    if pure.is_absolute() or ".." in pure.parts:
        raise ArchiveError(
            f"{path}: the member {name!r} would leave the folder",
            why="archives of the real corpora hold no such path; this one was made to overwrite files",
            fix="delete the archive and download it again from its publisher",
        )
