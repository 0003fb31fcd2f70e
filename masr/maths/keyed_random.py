"""Random numbers that belong to an utterance: a function of its key, the purpose and the place, and of nothing else.

So a mask does not change with the batch an utterance falls into, with padding, with the number of ranks, or when a
run is resumed; and nothing has to be saved for that.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

_GOLDEN = 0x9E3779B1
_MIX_1, _MIX_2 = 0x85EBCA6B, 0xC2B2AE35


def uniform(keys: Tensor, count: int, purpose: int) -> Tensor:
    """(B,) int64 keys -> (B, count) float32, uniform in (0, 1); `purpose` tells uses of one key apart."""
    return uniform_at(keys, torch.arange(count, device=keys.device), purpose)


def uniform_at(keys: Tensor, places: Tensor, purpose: int) -> Tensor:
    """(B,) keys, (B, count) or (count,) places -> (B, count): what `uniform` has at these places of each row."""
    low, high = (keys & 0xFFFFFFFF), (keys >> 32) & 0xFFFFFFFF
    start = _mixed(_int32(low) + _as_int32(purpose * _GOLDEN))
    bits = (places.to(torch.int32) * _as_int32(_GOLDEN)) ^ start[:, None]
    spare = torch.empty_like(bits)
    _mix(_mix(bits, spare).add_(_int32(high)[:, None]), spare)
    return _fraction(bits)


def pairs(first: Tensor, second: Tensor, purpose: int) -> Tensor:
    """(A,), (B,) keys -> (A, B) uniform in (0, 1): a number that belongs to two utterances, wherever they stand."""
    start = _mixed(_folded(first) + _as_int32(purpose * _GOLDEN))
    bits = _folded(second) * _as_int32(_GOLDEN) ^ start[:, None]
    return _fraction(_mix(bits, torch.empty_like(bits)))


def gumbel(keys: Tensor, count: int, purpose: int) -> Tensor:
    """(B,) -> (B, count) standard Gumbel noise."""
    return uniform(keys, count, purpose).log_().neg_().log_().neg_()


def normal(keys: Tensor, count: int, purpose: int) -> Tensor:
    """(B,) -> (B, count) standard normal noise, by the inverse of its distribution."""
    return normal_at(keys, torch.arange(count, device=keys.device), purpose)


def normal_at(keys: Tensor, places: Tensor, purpose: int) -> Tensor:
    """(B,) keys, (B, count) or (count,) places -> (B, count): what `normal` has at these places of each row."""
    noise: Tensor = torch.special.ndtri(uniform_at(keys, places, purpose))
    return noise


def combine(seed: int, step: int, utterances: Tensor) -> Tensor:
    """(B,) int64 places of utterances in the corpus -> (B,) int64 keys for this step of this run."""
    low = _mixed(_int32(utterances & 0xFFFFFFFF) + _as_int32(step * _GOLDEN + seed))
    high = _mixed(_int32((utterances >> 32) & 0xFFFFFFFF) ^ _as_int32(seed * _MIX_1 + step)) ^ low
    return (_mixed(high).to(torch.int64) << 32) | (low.to(torch.int64) & 0xFFFFFFFF)


def places_of(utts: Iterable[str]) -> Tensor:
    """(N,) int64 that the ids alone decide, in place of places in a corpus: the same in every corpus they are in."""
    digests = (hashlib.blake2b(utt.encode("utf-8", "surrogatepass"), digest_size=8).digest() for utt in utts)
    return torch.from_numpy(np.fromiter((int.from_bytes(one, "little") >> 1 for one in digests), dtype=np.int64))


def _folded(keys: Tensor) -> Tensor:
    """(B,) int64 -> (B,) int32 that depends on all of it."""
    return _mixed(_int32(keys & 0xFFFFFFFF)) ^ _int32((keys >> 32) & 0xFFFFFFFF)


def _fraction(bits: Tensor) -> Tensor:
    """int32 -> float32 in (0, 1), in place."""
    bits.bitwise_right_shift_(8).bitwise_and_(0xFFFFFF)
    # The largest would round up to 1, whose Gumbel and normal noise are infinite.
    return bits.to(torch.float32).add_(0.5).mul_(2.0**-24).clamp_(max=1 - 2.0**-24)


def _mixed(bits: Tensor) -> Tensor:
    """The finaliser of MurmurHash3: every bit of the input moves every bit of the output."""
    return _mix(bits.clone(), torch.empty_like(bits))


def _mix(bits: Tensor, spare: Tensor) -> Tensor:
    """`_mixed` in place, because fresh memory costs more than the arithmetic."""
    for places, factor in ((16, _MIX_1), (13, _MIX_2), (16, 1)):
        torch.bitwise_right_shift(bits, places, out=spare).bitwise_and_((1 << (32 - places)) - 1)
        bits.bitwise_xor_(spare)
        if factor != 1:
            bits.mul_(_as_int32(factor))
    return bits


def _as_int32(value: int) -> int:
    value &= 0xFFFFFFFF
    return value - (1 << 32) if value >> 31 else value


def _int32(low: Tensor) -> Tensor:
    """int64 in [0, 2^32) -> the int32 of the same bits."""
    return torch.where(low >= 1 << 31, low - (1 << 32), low).to(torch.int32)
