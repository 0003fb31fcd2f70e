"""A picture with up to 256 colours as a data: address, for matrices with too many cells to draw one by one."""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np
import numpy.typing as npt


def data_address(levels: npt.NDArray[np.uint8], palette: npt.NDArray[np.uint8]) -> str:
    """(H, W) places in a palette (P, 3) as a data: address; the last colour is transparent: cells without a figure."""
    return "data:image/png;base64," + base64.b64encode(png(levels, palette)).decode("ascii")


def png(levels: npt.NDArray[np.uint8], palette: npt.NDArray[np.uint8]) -> bytes:
    """The bytes of a PNG file: a header, the palette, its transparency, and the rows."""
    height, width = levels.shape
    rows = np.concatenate([np.zeros((height, 1), dtype=np.uint8), levels], axis=1)  # 0: rows are not filtered
    opacity = bytes([255] * (len(palette) - 1) + [0])
    chunks = (
        _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
        _chunk(b"PLTE", palette.astype(np.uint8).tobytes()),
        _chunk(b"tRNS", opacity),
        _chunk(b"IDAT", zlib.compress(rows.tobytes(), 9)),
        _chunk(b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
