"""Samples as wav bytes; tar.gz archives whose bytes depend on nothing but what is put in.

A large archive is made of pieces, which independent processes write: each holds some members as a stretch of a
deflate stream that ends on a byte. Put one after another they are the one stream of an ordinary .tar.gz, so joining
them only copies bytes, and every reader sees a single archive.
"""

from __future__ import annotations

import shutil
import struct
import tarfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np

from masr.io.atomic import atomic_path
from masr.types import Int16Array

SAMPLE_RATE = 16000


def wav_bytes(samples: Int16Array, sample_rate: int = SAMPLE_RATE) -> bytes:
    """A RIFF wav file: 44 bytes of header, then mono int16."""
    if samples.dtype != np.int16 or samples.ndim != 1:
        raise ValueError(f"a wav file holds one row of int16, not {samples.ndim} dimensions of {samples.dtype}")
    data = samples.astype("<i2", copy=False).tobytes()
    header = struct.pack("<4sI4s", b"RIFF", 36 + len(data), b"WAVE")
    header += struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, sample_rate, 2 * sample_rate, 2, 16)
    return header + struct.pack("<4sI", b"data", len(data)) + data


def write_wav(path: Path, samples: Int16Array, sample_rate: int = SAMPLE_RATE) -> None:
    """Writes one wav file, and makes its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(wav_bytes(samples, sample_rate))


_GZIP_HEADER = struct.pack("<4BIBB", 0x1F, 0x8B, 8, 0, 0, 4, 255)
"""The header of a gzip file: no file name, no time, fastest compression, no operating system."""
_TRAILER = struct.Struct("<IQ")
"""What ends a piece: CRC-32 and number of the bytes before compression."""
_END_OF_TAR = bytes(10240)


class Piece:
    """A stretch of a tar.gz under way. Level 1: speech hardly compresses, and higher levels cost ten times more."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._packer = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
        self._crc = 0
        self._num_bytes = 0

    def add(self, name: str, content: bytes) -> None:
        """Adds one regular file; no clock, no owner and no place enters the bytes."""
        member = tarfile.TarInfo(name)
        member.size = len(content)
        member.mode = 0o644
        self.write(member.tobuf(tarfile.USTAR_FORMAT) + content + bytes(-len(content) % 512))

    def write(self, data: bytes) -> None:
        """Adds bytes of the tar file."""
        self._crc = zlib.crc32(data, self._crc)
        self._num_bytes += len(data)
        self._stream.write(self._packer.compress(data))

    def end(self, last: bool) -> tuple[int, int]:
        """Flushes to a whole byte; returns CRC-32 and number of the bytes put in."""
        self._stream.write(self._packer.flush(zlib.Z_FINISH if last else zlib.Z_SYNC_FLUSH))
        return self._crc, self._num_bytes


@contextmanager
def tar_piece(path: Path) -> Iterator[Piece]:
    """A piece to write to, which `join_pieces` takes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as stream:
        piece = Piece(stream)
        yield piece
        stream.write(_TRAILER.pack(*piece.end(last=False)))


def join_pieces(pieces: Sequence[Path], path: Path) -> None:
    """Writes the archive of all members of the pieces, in that order."""
    crc, num_bytes = 0, 0
    with atomic_path(path) as temporary, temporary.open("wb") as out:
        out.write(_GZIP_HEADER)
        for source in pieces:
            with source.open("rb") as stream:
                stream.seek(-_TRAILER.size, 2)
                piece_crc, piece_bytes = _TRAILER.unpack(stream.read())
                stream.seek(0)
                _copy(stream, out, source.stat().st_size - _TRAILER.size)
            crc = joined_crc(crc, piece_crc, piece_bytes)
            num_bytes += piece_bytes
        end = Piece(out)
        end.write(_END_OF_TAR)
        end_crc, end_bytes = end.end(last=True)
        crc = joined_crc(crc, end_crc, end_bytes)
        out.write(struct.pack("<II", crc, (num_bytes + end_bytes) & 0xFFFFFFFF))


def _copy(source: IO[bytes], out: IO[bytes], num_bytes: int) -> None:
    """Copies a piece without its trailer: all of it goes over at once, then the end is cut off."""
    start = out.tell()
    shutil.copyfileobj(source, out, 1 << 20)
    out.truncate(start + num_bytes)
    out.seek(start + num_bytes)


def joined_crc(first: int, second: int, second_bytes: int) -> int:
    """CRC-32 of two stretches one after the other, from those of each.

    A CRC is a remainder of polynomials over GF(2): the first is moved up by x^(8 n), then the second is added.
    """
    return _times(_power_of_x(8 * second_bytes), first) ^ second


_CRC_POLYNOMIAL = 0xEDB88320
"""The polynomial of CRC-32 with its bits reversed: the highest bit is the coefficient of 1."""


def _times(a: int, b: int) -> int:
    product = 0
    for bit in range(31, -1, -1):
        if a >> bit & 1:
            product ^= b
        b = b >> 1 ^ (_CRC_POLYNOMIAL if b & 1 else 0)
    return product


def _power_of_x(exponent: int) -> int:
    power, square = 1 << 31, 1 << 30
    while exponent:
        if exponent & 1:
            power = _times(square, power)
        square = _times(square, square)
        exponent >>= 1
    return power
