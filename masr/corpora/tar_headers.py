"""The headers of a tar archive, one after another from a stream that is only read forwards.

Python's tarfile follows a header wherever it points: it waits for members of 2^62 bytes, calls itself for each of a
thousand long names, and takes the first hole for the archive's end. Here every claim has a bound, and the end a proof.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from typing import IO

MAX_HEADER_BYTES = 1 << 20
"""What a long name or a pax header may hold; real ones have some hundred bytes."""
MAX_HEADERS = 16
"""How many of them may stand before one member."""
MAX_PADDING_BYTES = 64 << 20
"""Zeros after the archive's end; tar fills up its last record, of 10 KiB by default."""
_CHUNK_BYTES = 1 << 18
_LONG_NAME, _LONG_LINK = tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK
_PAX = (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE)
_EXTENSIONS = (_LONG_NAME, _LONG_LINK, tarfile.XGLTYPE, *_PAX)


class DamagedTarError(Exception):
    """The archive is not as its writer left it, or was made to do harm; in few words."""


class TarReader:
    """Headers and contents, in their order."""

    def __init__(self, stream: IO[bytes], has_checksum: bool) -> None:
        self._stream = stream
        self._has_checksum = has_checksum
        self._member = "its first header"
        self._unread = 0
        """Bytes of the last member's content, and of what fills its last block, that were not read."""

    def headers(self) -> Iterator[tarfile.TarInfo]:
        """Each member's header, its content not yet read; the whole stream is read when they end without an error."""
        while (info := self._next()) is not None:
            yield info
            self._skip()

    def content(self, info: tarfile.TarInfo) -> bytes:
        """What the member whose header came last holds."""
        self._unread -= info.size
        return self._exactly(info.size)

    def _next(self) -> tarfile.TarInfo | None:
        """The next member's header with all that stands before it applied; None at the archive's proven end."""
        name, size, sparse = None, None, False
        for _ in range(MAX_HEADERS):
            info = self._block()
            if info is None:
                return None
            if info.type not in _EXTENSIONS:
                info.name = info.name if name is None else name
                info.size = info.size if size is None else size
                self._enter(info, sparse)
                return info
            content = self._extension(info)
            if info.type == _LONG_NAME:
                name = _text(content)
            elif info.type in _PAX:
                records = _pax_records(content)
                name = _text(records[b"path"]) if b"path" in records else name
                size = _size(records[b"size"], name or info.name) if b"size" in records else size
                sparse = sparse or any(key.startswith(b"GNU.sparse.") for key in records)
        raise DamagedTarError(f"more than {MAX_HEADERS} headers stand before the member {name or ''!r}")

    def _block(self) -> tarfile.TarInfo | None:
        block = self._stream.read(tarfile.BLOCKSIZE)
        if not block and self._has_checksum:
            return None  # some writers leave the mark of the end out, and the checksum says that nothing is missing
        try:
            info = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]
            self._end()
            return None
        except tarfile.EmptyHeaderError:  # type: ignore[attr-defined]
            raise DamagedTarError("it stops without the mark of its end") from None
        except tarfile.HeaderError as error:
            raise DamagedTarError(str(error)) from None
        if info.size < 0:
            raise DamagedTarError(f"the member {info.name!r} claims {info.size} bytes")
        return info

    def _enter(self, info: tarfile.TarInfo, sparse: bool) -> None:
        """Stands before a member's content. A sparse one becomes no regular file: its holes are not in the archive."""
        self._member = f"the member {info.name!r} of {info.size} bytes"
        extended = info.type == tarfile.GNUTYPE_SPARSE and info._sparse_structs[1]  # type: ignore[attr-defined]
        while extended:
            extended = self._exactly(tarfile.BLOCKSIZE)[504]
        has_content = info.isreg() or info.type not in tarfile.SUPPORTED_TYPES
        self._unread = _blocks(info.size) if has_content else 0
        if sparse:
            info.type = tarfile.GNUTYPE_SPARSE

    def _extension(self, info: tarfile.TarInfo) -> bytes:
        if info.size > MAX_HEADER_BYTES:
            raise DamagedTarError(f"the header of {info.name!r} claims {info.size} bytes, more than {MAX_HEADER_BYTES}")
        return self._exactly(_blocks(info.size))[: info.size]

    def _exactly(self, num_bytes: int) -> bytes:
        content = self._stream.read(num_bytes)
        if len(content) < num_bytes:
            raise DamagedTarError(f"unexpected end in {self._member}")
        return content

    def _skip(self) -> None:
        while self._unread:
            self._unread -= len(self._exactly(min(self._unread, _CHUNK_BYTES)))

    def _end(self) -> None:
        """Reads on to the stream's end, where its checksum is; a hole in an archive looks like its end."""
        num_bytes = 0
        while chunk := self._stream.read(_CHUNK_BYTES):
            num_bytes += len(chunk)
            if chunk.count(0) != len(chunk):
                raise DamagedTarError("more follows the mark of its end")
            if num_bytes > MAX_PADDING_BYTES:
                raise DamagedTarError(f"more than {MAX_PADDING_BYTES} zeros follow the mark of its end")


def _blocks(num_bytes: int) -> int:
    return -(-num_bytes // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE


def _text(name: bytes) -> str:
    text = name.rstrip(b"\0").decode("utf-8", "surrogateescape")
    if "\0" in text:
        raise DamagedTarError("a member's name holds a NUL")
    return text


def _size(digits: bytes, name: str) -> int:
    if not digits.isdigit() or len(digits) > 18:
        raise DamagedTarError(f"the member {name!r} claims {_text(digits)[:40]} bytes")
    return int(digits)


def _pax_records(content: bytes) -> dict[bytes, bytes]:
    """Key -> value of records `LENGTH KEY=VALUE\\n`."""
    records: dict[bytes, bytes] = {}
    start = 0
    while start < len(content) and content[start]:
        digits = content[start : start + 8].partition(b" ")[0]
        end = start + int(digits) if digits.isdigit() else 0
        key, found, value = content[start + len(digits) + 1 : end - 1].partition(b"=")
        if not found or content[end - 1 : end] != b"\n":
            raise DamagedTarError("a pax header is broken")
        records[key] = value
        start = end
    return records
