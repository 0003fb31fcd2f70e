"""Bytes, changed without knowing what they mean."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from random import Random
from typing import Literal

_EDGES: tuple[int, ...] = (
    0,
    1,
    -1,
    2,
    3,
    7,
    8,
    127,
    128,
    255,
    256,
    1 << 15,
    (1 << 16) - 1,
    1 << 16,
    (1 << 31) - 1,
    1 << 31,
)
_EDGES += ((1 << 32) - 1, 1 << 32, (1 << 62), (1 << 63) - 1, 1 << 63, (1 << 64) - 1, -2, -(1 << 31))
_FLOATS = (float("nan"), float("inf"), float("-inf"), 1e38, -1e38, 1e-45, 0.0, -0.0, 1e308)


def changed_octets(data: bytes, donor: bytes, random: Random) -> bytes:
    """The bytes with one change."""
    if not data:
        return donor or bytes(random.randrange(256) for _ in range(random.randrange(1, 16)))
    change: Callable[[bytes, bytes, Random], bytes] = random.choice(_CHANGES)
    return change(data, donor, random)


def _order(random: Random) -> Literal["little", "big"]:
    return "little" if random.random() < 0.5 else "big"


def _place(data: bytes, random: Random) -> int:
    """A place in the file; its head, where formats say what follows, half of the time."""
    return random.randrange(min(len(data), 64)) if random.random() < 0.5 else random.randrange(len(data))


def _flip(data: bytes, _: bytes, random: Random) -> bytes:
    place = _place(data, random)
    return data[:place] + bytes([data[place] ^ 1 << random.randrange(8)]) + data[place + 1 :]


def _set(data: bytes, _: bytes, random: Random) -> bytes:
    place = _place(data, random)
    return data[:place] + bytes([random.randrange(256)]) + data[place + 1 :]


def _insert(data: bytes, _: bytes, random: Random) -> bytes:
    place = _place(data, random)
    return data[:place] + random.randbytes(random.randrange(1, 9)) + data[place:]


def _cut(data: bytes, _: bytes, random: Random) -> bytes:
    return data[: _place(data, random)]


def _lose(data: bytes, _: bytes, random: Random) -> bytes:
    place = _place(data, random)
    return data[:place] + data[place + random.choice((1, 2, 4, 8, 64, 512)) :]


def _repeat(data: bytes, _: bytes, random: Random) -> bytes:
    place = _place(data, random)
    piece = data[place : place + random.choice((1, 4, 16, 256, 4096))]
    return data[:place] + piece * random.choice((2, 3, 50)) + data[place:]


def _zero(data: bytes, _: bytes, random: Random) -> bytes:
    place, width = _place(data, random), random.choice((1, 4, 16, 512))
    return data[:place] + bytes(len(data[place : place + width])) + data[place + width :]


def _number(data: bytes, _: bytes, random: Random) -> bytes:
    width = random.choice((1, 2, 4, 8))
    number = random.choice(_EDGES) % (1 << 8 * width)
    return _over(data, number.to_bytes(width, _order(random)), random)


def _near(data: bytes, _: bytes, random: Random) -> bytes:
    """A number that is there, a little more or less, or many times itself."""
    width, order = random.choice((2, 4, 8)), _order(random)
    place = _place(data, random)
    old = int.from_bytes(data[place : place + width], order)
    new = random.choice((old + 1, old - 1, old * 2, old * 1000, old // 2)) % (1 << 8 * width)
    return data[:place] + new.to_bytes(width, order) + data[place + width :]


def _float(data: bytes, _: bytes, random: Random) -> bytes:
    value = random.choice(_FLOATS)
    packed = struct.pack("<d", value) if random.random() < 0.4 or abs(value) > 1e39 else struct.pack("<f", value)
    return _over(data, packed, random)


def _splice(data: bytes, donor: bytes, random: Random) -> bytes:
    donor = donor or data
    return data[: _place(data, random)] + donor[random.randrange(len(donor)) :]


def _append(data: bytes, donor: bytes, random: Random) -> bytes:
    return data + random.choice((b"\0", b"\n", data, donor, random.randbytes(64), bytes(4096)))


def _over(data: bytes, piece: bytes, random: Random) -> bytes:
    place = _place(data, random) // len(piece) * len(piece) if random.random() < 0.5 else _place(data, random)
    return data[:place] + piece + data[place + len(piece) :]


_CHANGES: Sequence[Callable[[bytes, bytes, Random], bytes]] = (
    _flip,
    _set,
    _insert,
    _cut,
    _lose,
    _repeat,
    _zero,
    _number,
    _number,
    _near,
    _near,
    _float,
    _splice,
    _append,
)
