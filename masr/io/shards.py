"""Decoded audio kept once: int16 wavs one after another in a Kaldi ark.

A value of the ark is a whole RIFF wav (44-byte header, mono int16), so `path.ark:offset` is a wav.scp entry that
Kaldi and everything that follows it reads, and the samples lie at `offset + 44` for anyone to map.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType

import numpy as np

from masr.errors import ArchiveError, AudioError
from masr.io.checksums import with_sums
from masr.io.riff import HEADER_BYTES, riff_header
from masr.types import Int16Array


class _NothingError(Exception):
    """No utterance was written, so that there is to be no ark."""


class ShardWriter:
    """Appends utterances to one ark, which takes its name when the `with` block ends without an error.

    `named` is where the ark will lie once its folder is moved; entries say that path.
    """

    def __init__(self, path: Path, sample_rate: int = 16000, named: Path | None = None) -> None:
        self.path = Path(path)
        self.sample_rate = sample_rate
        self.named = Path(named or path).absolute()
        self.num_utterances = 0
        self._opened = ExitStack()

    def __enter__(self) -> ShardWriter:
        self._stream, self._ends = self._opened.enter_context(with_sums(self.path))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is None and not self.num_utterances:
            with suppress(_NothingError):
                self._opened.__exit__(_NothingError, _NothingError(), None)
        else:
            self._opened.__exit__(kind, error, at)

    def append(self, key: str, samples: Int16Array | Iterable[Int16Array]) -> tuple[str, int]:
        """Appends one utterance, in one piece or in blocks; its wav.scp entry and number of samples.

        Where the blocks raise an error nothing is left of the utterance.
        """
        if not key or any(c.isspace() for c in key):
            raise ArchiveError(f"{key!r} cannot be a key of a Kaldi archive: it is empty or holds a blank")
        before = self._stream.tell()
        try:
            return self._append(key, [samples] if isinstance(samples, np.ndarray) else samples)
        except BaseException:
            self._stream.seek(before)
            self._stream.truncate()
            raise

    def discard(self) -> None:
        """Takes back all that was appended."""
        self._stream.seek(0)
        self._stream.truncate()
        self._ends.clear()
        self.num_utterances = 0

    def _append(self, key: str, blocks: Iterable[Int16Array]) -> tuple[str, int]:
        self._stream.write(key.encode() + b" ")
        offset = self._stream.tell()
        self._stream.write(bytes(HEADER_BYTES))
        num_samples = 0
        for block in blocks:
            if block.dtype != np.int16 or block.ndim != 1:
                raise ArchiveError(f"a shard holds mono int16, not {block.ndim} dimensions of {block.dtype}")
            self._stream.write(np.ascontiguousarray(block, dtype="<i2").data)
            num_samples += len(block)
        if not num_samples:
            raise AudioError("empty: no samples")
        end = self._stream.tell()
        self._stream.seek(offset)
        self._stream.write(riff_header(num_samples, self.sample_rate))
        self._stream.seek(end)
        self._ends.append((key, end))
        self.num_utterances += 1
        return f"{self.named}:{offset}", num_samples
