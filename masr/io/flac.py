"""The MD5 that a FLAC file gives of its own samples; libsndfile decodes a file without looking at it."""

from __future__ import annotations

import hashlib
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

_BYTES_OF = {"PCM_S8": 1, "PCM_16": 2, "PCM_24": 3}
"""libsndfile's name of what FLAC holds -> bytes that each sample has in the digest."""
_MD5 = slice(26, 42)
"""Where it lies in a file: `fLaC`, the head of STREAMINFO, and the last 16 of its 34 bytes."""


class SampleDigest:
    """Digests samples as they go by, for one comparison at their end."""

    def __init__(self, stream: BinaryIO) -> None:
        """Reads what the file says of itself; the stream's position is lost."""
        stream.seek(0)
        head = stream.read(_MD5.stop)
        is_known = head[:4] == b"fLaC" and len(head) == _MD5.stop and head[4] & 0x7F == 0 and any(head[_MD5])
        self._wanted = head[_MD5] if is_known else None
        self._found = hashlib.md5(usedforsecurity=False)

    def add(self, block: npt.NDArray[Any], subtype: str) -> None:
        """Samples (n, channels) of all channels: int16, or float32 in [-1, 1] where the file has 24 bits."""
        width = _BYTES_OF.get(subtype)
        if self._wanted is None or width is None:
            self._wanted = None
        elif width == 2:
            self._found.update(np.ascontiguousarray(block, dtype="<i2").data)
        else:
            whole = block >> 8 if width == 1 else np.rint(block * np.float32(1 << 23))
            octets = np.ascontiguousarray(whole, dtype="<i4").view(np.uint8).reshape(-1, 4)
            self._found.update(octets[:, :width].tobytes())

    def differs(self) -> bool:
        """Whether the samples are not those that the file was made of; False where it does not say."""
        return self._wanted is not None and self._found.digest() != self._wanted
