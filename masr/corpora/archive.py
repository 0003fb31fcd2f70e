"""Members of a tar archive, one after another as they come: nothing is unpacked, nothing is kept."""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from masr.errors import ArchiveError
from masr.types import Problem

MAX_MEMBER_BYTES = 256 << 20
"""More than two hours of 16 kHz mono; a larger member is skipped without reading it into memory."""


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
    """The members that end in `suffix`, and what had to be passed over; any compression that Python knows.

    ArchiveError where a member's path leaves the folder: no honest archive has one.
    """
    where = f"{path.parent.name}/{path.name}"
    num_read = 0
    try:
        with tarfile.open(path, mode="r|*") as archive:
            for info in archive:
                _refuse_escapes(path, info)
                if info.isdir() or not info.name.lower().endswith(suffix):
                    continue
                if not info.isreg():
                    yield Problem(f"{where}:{info.name}", "not a regular file: a link or a device")
                elif info.size > max_bytes:
                    yield Problem(f"{where}:{info.name}", f"too large: {info.size} bytes, more than {max_bytes}")
                else:
                    stream = archive.extractfile(info)
                    content = stream.read() if stream is not None else b""
                    if len(content) < info.size:
                        raise EOFError
                    num_read += 1
                    yield Member(info.name, content)
                archive.members.clear()  # type: ignore[attr-defined]  # a million headers would be kept otherwise
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        if isinstance(error, FileNotFoundError):
            raise ArchiveError(f"{path}: no such file") from None
        reason = str(error) or "unexpected end"
        yield Problem(where, f"damaged archive: ends after {num_read} members ({reason}); download it again")


def _refuse_escapes(path: Path, info: tarfile.TarInfo) -> None:
    pure = PurePosixPath(info.name.replace("\\", "/"))
    if pure.is_absolute() or ".." in pure.parts or "\0" in info.name:
        raise ArchiveError(
            f"{path}: the member {info.name!r} would leave the folder",
            why="archives of the real corpora hold no such path; this one was made to overwrite files",
            fix="delete the archive and download it again from its publisher",
        )
