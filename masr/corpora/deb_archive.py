"""The files of a Debian package: an `ar` archive whose member data.tar is read as a stream, nothing is unpacked."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO

from masr.corpora.archive import DAMAGED, Member, damage_of, members_of
from masr.corpora.tar_headers import DamagedTarError
from masr.errors import ArchiveError, MissingPackageError
from masr.files import open_ordinary
from masr.types import Problem

MAX_WINDOW_BYTES = 128 << 20
"""What unpacking zstd may keep in memory; dpkg-deb asks for 8 MiB."""
_AR, _HEADER_BYTES, _MAX_MEMBERS = b"!<arch>\n", 60, 16
_ZSTD = b"\x28\xb5\x2f\xfd"
_UNPACKERS: dict[str, Callable[[BinaryIO], Any]] = {
    ".gz": lambda raw: gzip.GzipFile(fileobj=raw),
    ".bz2": bz2.BZ2File,
    ".xz": lzma.LZMAFile,
}


def deb_members(path: Path, wanted: Callable[[str], bool]) -> Iterator[Member | Problem]:
    """The package's files whose names, such as usr/share/doc/x, are `wanted`, and what had to be passed over.

    Where the package ends early or its checksum does not fit, the last item is a Problem that spoils all before it.
    """
    try:
        with open_ordinary(path) as raw, _unpacked(path, raw) as (stream, has_checksum):
            yield from members_of(stream, has_checksum, path, lambda name: wanted(name.removeprefix("./")))
    except FileNotFoundError:
        raise ArchiveError(f"{path}: no such file") from None
    except (DamagedTarError, EOFError, lzma.LZMAError, OSError) as error:
        yield Problem(path.name, f"{DAMAGED}: {damage_of(error)}; download it again", spoils_part=True)


@contextmanager
def _unpacked(path: Path, raw: BinaryIO) -> Iterator[tuple[IO[bytes], bool]]:
    """The stream of data.tar, and whether a checksum is compared at its end."""
    suffix, data = _data(raw)
    if suffix == ".tar":
        yield data, False
    elif suffix == ".zst":
        with _zstd(path, data) as found:
            yield found
    elif suffix in _UNPACKERS:
        with _UNPACKERS[suffix](data) as stream:
            yield stream, True
    else:
        raise DamagedTarError(f"its data.tar is packed as {suffix!r}, which is not read here")


@contextmanager
def _zstd(path: Path, data: BinaryIO) -> Iterator[tuple[IO[bytes], bool]]:
    try:
        import zstandard
    except ImportError:
        raise MissingPackageError(
            f"{path}: its files are packed by zstd, as Ubuntu does, and zstandard is not installed",
            fix="pip install zstandard, or take Debian's package of the same name",
        ) from None
    head = data.read(18)
    data.seek(0)
    if not head.startswith(_ZSTD):
        raise DamagedTarError("its data.tar.zst is not zstd")
    unpacker = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW_BYTES)
    try:
        has_checksum = bool(zstandard.get_frame_parameters(head).has_checksum)
        with unpacker.stream_reader(data, read_across_frames=True, closefd=False) as stream:
            yield io.BufferedReader(_Exact(stream)), has_checksum
    except zstandard.ZstdError as error:
        raise DamagedTarError(str(error)) from None


def _data(raw: BinaryIO) -> tuple[str, BinaryIO]:
    """The ending of the member data.tar, and its content as a stream of its own."""
    size = raw.seek(0, io.SEEK_END)
    raw.seek(0)
    if raw.read(len(_AR)) != _AR:
        raise DamagedTarError("it is no Debian package: no `ar` archive")
    for place in range(_MAX_MEMBERS):
        header = raw.read(_HEADER_BYTES)
        if len(header) < _HEADER_BYTES or not header.endswith(b"`\n"):
            raise DamagedTarError(
                "it ends before data.tar" if len(header) < _HEADER_BYTES else "an `ar` header is broken"
            )
        name = header[:16].rstrip(b" ").rstrip(b"/").decode("ascii", "backslashreplace")
        digits = header[48:58].strip()
        if not digits.isdigit() or raw.tell() + int(digits) > size:
            raise DamagedTarError(f"its member {name!r} claims {digits.decode('ascii', 'replace')} bytes")
        if place == 0 and name != "debian-binary":
            raise DamagedTarError("it is no Debian package: its first member is not debian-binary")
        if name.startswith("data.tar"):
            return Path(name).suffix, io.BufferedReader(_Piece(raw, raw.tell(), int(digits)))
        raw.seek(int(digits) + int(digits) % 2, io.SEEK_CUR)
    raise DamagedTarError(f"none of its first {_MAX_MEMBERS} members is data.tar")


class _Piece(io.RawIOBase):
    """A stretch of a file as a file."""

    def __init__(self, raw: BinaryIO, start: int, size: int) -> None:
        self._raw, self._start, self._size, self._place = raw, start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence]
        self._place = min(max(0, base + offset), self._size)
        return self._place

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer)
        self._raw.seek(self._start + self._place)
        content = self._raw.read(min(len(view), self._size - self._place))
        view[: len(content)] = content
        self._place += len(content)
        return len(content)


class _Exact(io.RawIOBase):
    """What zstandard unpacks, as a raw stream of Python's."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        content = self._stream.read(len(buffer))
        buffer[: len(content)] = content
        return len(content)
