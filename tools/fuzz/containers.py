"""Files that hold others, or say how long they are, or carry checksums: changed inside, and closed as they should be.

Without that nearly every change would stop at the checksum, and nothing behind it would ever be asked.
"""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from random import Random

from fuzz.octets import changed_octets

Change = Callable[[bytes], bytes]
_BLOCK = 512
_MOST_INSIDE = 1 << 22


def inside(data: bytes, change: Change, random: Random) -> bytes | None:
    """The container with a change inside; None where it is none."""
    if data[:2] == b"\x1f\x8b":
        return _gzip(data, change)
    if data[:4] == b"PK\x03\x04":
        return _zip(data, change, random)
    if data[257:262] == b"ustar" and len(data) >= _BLOCK:
        return _tar(data, random)
    if data[:6] == b"\x93NUMPY" and len(data) > 10:
        return _npy(data, change)
    if len(data) > 10 and data[8:9] == b"{" and struct.unpack_from("<Q", data)[0] <= len(data) - 8:
        return _safetensors(data, change, random)
    return None


def _gzip(data: bytes, change: Change) -> bytes | None:
    try:
        inner = zlib.decompressobj(31).decompress(data, _MOST_INSIDE)
    except zlib.error:
        return None
    return gzip.compress(change(inner), 1, mtime=0)


def _zip(data: bytes, change: Change, random: Random) -> bytes | None:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            listed = [info for info in archive.infolist() if info.file_size <= _MOST_INSIDE]
            members = [(info.filename, archive.read(info)) for info in listed]
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, RuntimeError, ValueError, OSError):
        return None
    if not members:
        return None
    chosen = random.randrange(len(members))
    stream = io.BytesIO()
    method = random.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
    with zipfile.ZipFile(stream, "w", method) as archive:
        for i, (name, content) in enumerate(members):
            named = zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0))
            archive.writestr(named, change(content) if i == chosen else content, method)
    return stream.getvalue()


def _tar(data: bytes, random: Random) -> bytes:
    """A header of some member with a changed field and the checksum that belongs to it; or the same between members."""
    headers = [at for at in range(0, len(data) - _BLOCK + 1, _BLOCK) if data[at + 257 : at + 262] == b"ustar"]
    at = random.choice(headers)
    header = bytearray(data[at : at + _BLOCK])
    first, last = random.choice(
        ((0, 100), (100, 108), (124, 136), (124, 136), (136, 148), (156, 157), (157, 257), (345, 500))
    )
    kind = random.randrange(4)
    if kind == 0:
        header[first:last] = changed_octets(bytes(header[first:last]), b"", random)[: last - first].ljust(
            last - first, b"\0"
        )
    elif kind == 1:
        sizes = (
            b"77777777777\0",
            b"\x80" + bytes(3) + b"\x40" + bytes(7),
            b"\xff" * 12,
            b"-0000000001\0",
            b"00000000000\0",
        )
        header[124:136] = random.choice(sizes)
    elif kind == 2:
        header[156:157] = random.choice((b"L", b"K", b"x", b"g", b"S", b"V", b"1", b"2", b"3", b"5", b"6", b"\0", b"D"))
    else:
        name = random.choice(
            (b"../../x.wav", b"/x.wav", b"a/../../x.wav", b"x\xff.wav", b"x\n.wav", b".wav", b"a" * 100)
        )
        header[0:100] = name.ljust(100, b"\0")
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    whole = data[:at] + bytes(header) + data[at + _BLOCK :]
    return whole[: at + _BLOCK] * 2 + whole[at + _BLOCK :] if random.random() < 0.05 else whole


def _npy(data: bytes, change: Change) -> bytes:
    """An array whose description has changed and is as long as it says."""
    length = struct.unpack_from("<H", data, 8)[0]
    head = change(data[10 : 10 + length])[:65535]
    return data[:8] + struct.pack("<H", len(head)) + head + data[10 + length :]


def _safetensors(data: bytes, change: Change, random: Random) -> bytes:
    length = struct.unpack_from("<Q", data)[0]
    head, values = data[8 : 8 + length], data[8 + length :]
    if random.random() < 0.6:
        head = change(head)
    else:
        values = changed_octets(values, b"", random)
    return struct.pack("<Q", len(head)) + head + values
