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
from masr.types import Problem

MAX_MEMBER_BYTES = 256 << 20
"""More than two hours of 16 kHz mono; a larger member is skipped without reading it into memory."""
DAMAGED = "damaged archive"
_UNPACKERS: dict[bytes, Callable[[BinaryIO], Any]] = {
    b"\x1f\x8b": lambda raw: gzip.GzipFile(fileobj=raw),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\0": lzma.LZMAFile,
}


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
    where = f"{path.parent.name}/{path.name}"
    num_read, has_checksum = 0, False
    try:
        with _unpacked(path) as (stream, has_checksum):
            tar = TarReader(stream, has_checksum)
            for info in tar.headers():
                _refuse_escapes(path, info.name)
                if info.isdir() or not info.name.lower().endswith(suffix):
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
    except (DamagedTarError, EOFError, zlib.error, lzma.LZMAError, OSError) as error:
        if isinstance(error, FileNotFoundError):
            raise ArchiveError(f"{path}: no such file") from None
        reason = str(error) or "unexpected end"
        ends = f"{DAMAGED}: ends after {num_read} members ({reason}); download it again"
        yield Problem(where, ends, spoils_part=has_checksum)


@contextmanager
def _unpacked(path: Path) -> Iterator[tuple[IO[bytes], bool]]:
    """What the file holds once unpacked, and whether a checksum is compared at its end."""
    with open_ordinary(path) as raw:
        head = raw.read(6)
        raw.seek(0)
        for magic, unpacker in _UNPACKERS.items():
            if head.startswith(magic):
                with unpacker(raw) as stream:
                    yield stream, True
                return
        yield raw, False


def _refuse_escapes(path: Path, name: str) -> None:
    pure = PurePosixPath(name.replace("\\", "/"))
    if pure.is_absolute() or ".." in pure.parts:
        raise ArchiveError(
            f"{path}: the member {name!r} would leave the folder",
            why="archives of the real corpora hold no such path; this one was made to overwrite files",
            fix="delete the archive and download it again from its publisher",
        )
