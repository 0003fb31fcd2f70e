from __future__ import annotations

import base64
import struct
import zlib

import numpy as np

from masr.report.png import data_address


def chunks(data: bytes) -> dict[bytes, bytes]:
    """A PNG's parts, each with its checksum checked."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    found, place = {}, 8
    while place < len(data):
        (size,) = struct.unpack(">I", data[place : place + 4])
        kind, body = data[place + 4 : place + 8], data[place + 8 : place + 8 + size]
        assert struct.unpack(">I", data[place + 8 + size : place + 12 + size])[0] == zlib.crc32(kind + body)
        found[kind] = body
        place += 12 + size
    return found


def test_the_picture_holds_the_levels_and_the_palette() -> None:
    random = np.random.default_rng(0)
    levels = random.integers(0, 256, (7, 5)).astype(np.uint8)
    palette = random.integers(0, 256, (256, 3)).astype(np.uint8)
    address = data_address(levels, palette)
    assert address.startswith("data:image/png;base64,")
    parts = chunks(base64.b64decode(address.partition(",")[2]))
    assert struct.unpack(">IIBBBBB", parts[b"IHDR"]) == (5, 7, 8, 3, 0, 0, 0)
    assert parts[b"PLTE"] == palette.tobytes()
    assert parts[b"tRNS"] == b"\xff" * 255 + b"\x00"
    rows = np.frombuffer(zlib.decompress(parts[b"IDAT"]), dtype=np.uint8).reshape(7, 6)
    assert not rows[:, 0].any()
    np.testing.assert_array_equal(rows[:, 1:], levels)
