"""An input that breaks something, made small: files as they were in the seed, then lines, then bytes taken away."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial

from fuzz.case import Content, Files, Odd, size_of

Still = Callable[[Files], bool]
"""Whether an input still breaks the same thing."""


def shrink(files: Files, seeds: Sequence[Files], still: Still, seconds: float = 20.0, tries: int = 400) -> Files:
    """The smallest input that was found in that time."""
    left = _Budget(still, time.monotonic() + seconds, tries)
    small = dict(files)
    for name in sorted(small):
        for seed in seeds:
            if name in seed and small[name] != seed[name] and left.ask({**small, name: seed[name]}):
                small[name] = seed[name]
                break
    for name in sorted(small):
        without = {other: content for other, content in small.items() if other != name}
        if len(small) > 1 and left.ask(without):
            small = without
    for name in sorted(small, key=lambda name: -len(_bytes(small[name]))):
        content = small[name]
        is_of_seed = len(small) > 1 and any(content == seed.get(name) for seed in seeds)
        if isinstance(content, Odd) or is_of_seed:
            continue
        for cut in (_lines, _octets):
            pieces = cut(_bytes(small[name]))
            small[name] = b"".join(fewest(pieces, partial(left.ask_with, small, name)))
    return small if size_of(small) <= size_of(files) else files


def fewest(pieces: Sequence[bytes], still: Callable[[Sequence[bytes]], bool]) -> Sequence[bytes]:
    """Zeller's ddmin: the pieces without those that are not needed."""
    width = max(1, len(pieces) // 2)
    while pieces:
        at = 0
        while at < len(pieces):
            fewer = [*pieces[:at], *pieces[at + width :]]
            if len(fewer) < len(pieces) and still(fewer):
                pieces = fewer
            else:
                at += width
        if width == 1:
            break
        width = max(1, width // 2)
    return pieces


class _Budget:
    """Answers no when the time is over."""

    def __init__(self, still: Still, end: float, tries: int) -> None:
        self._still, self._end, self._tries = still, end, tries

    def ask(self, files: Files) -> bool:
        """Whether it breaks; no when the time is over."""
        self._tries -= 1
        return self._tries >= 0 and time.monotonic() < self._end and self._still(files)

    def ask_with(self, files: Files, name: str, pieces: Sequence[bytes]) -> bool:
        """The same, with these pieces in the place of a file."""
        return self.ask({**files, name: b"".join(pieces)})


def _bytes(content: Content) -> bytes:
    return content if isinstance(content, bytes) else b""


def _lines(data: bytes) -> list[bytes]:
    return data.splitlines(keepends=True)


def _octets(data: bytes) -> list[bytes]:
    width = max(1, len(data) // 512)
    return [data[at : at + width] for at in range(0, len(data), width)]
