"""Which stretches of an utterance are given up to other sounds: a function of the seed and the utterance's id alone.

So they are the same in every epoch, in every order of reading and in every corpus that the utterance is in.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from masr.errors import UsageError
from masr.maths.keyed_random import combine, places_of, uniform
from masr.types import Float64Array

_SHARE, _LENGTH, _GAP, _KIND = 80, 81, 82, 83
KINDS = ("noise", "music", "silence")


@dataclass(frozen=True)
class Plan:
    """How much of each utterance is given up, in how long stretches, to what."""

    share: tuple[float, float] = (0.3, 0.5)
    """Of an utterance's length: at least, at most."""
    seconds: tuple[float, float] = (0.5, 2.0)
    """Of one stretch: at least, at most."""
    kinds: tuple[tuple[str, float], ...] = (("noise", 1.0), ("music", 1.0), ("silence", 1.0))
    """What may sound there, and how often beside the others."""
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.share[0] <= self.share[1] <= 1:
            raise UsageError(f"--share {_pair(self.share)}: shares lie above 0 and up to 1, the smaller first")
        if not 0 < self.seconds[0] <= self.seconds[1] < math.inf:
            raise UsageError(f"--seconds {_pair(self.seconds)}: lengths lie above 0, the smaller first")
        if self.seconds[1] < 2 * self.seconds[0]:
            raise UsageError(
                f"--seconds {_pair(self.seconds)}: the longest stretch is not twice the shortest",
                why="some lengths could then not be made of whole stretches, and the share would be missed",
                fix=f"--seconds {self.seconds[0]:g},{2 * self.seconds[0]:g}, or wider",
            )
        names = [name for name, _ in self.kinds]
        unknown = [name for name in names if name not in KINDS]
        if unknown or not names or len(set(names)) < len(names):
            raise UsageError(
                f"--kinds {unknown[0]} is no kind of sound" if unknown else "--kinds names none, or one twice",
                fix=f"choose among {', '.join(KINDS)}, each once, a share with each where they differ: noise=2,music=1",
            )
        if any(not 0 < share < math.inf for _, share in self.kinds):
            raise UsageError("--kinds: a kind's share is a number above 0", fix="leave out what is not to sound")


class Stretch(NamedTuple):
    """Samples `first` up to `last` of an utterance, and what sounds there."""

    first: int
    last: int
    kind: str


def stretches(utt: str, num_samples: int, sample_rate: int, plan: Plan) -> list[Stretch]:
    """The stretches of one utterance, in order of time, none over another.

    Together they have the share that was drawn, to a sample; each is within `plan.seconds`, also to a sample. Where
    the share is shorter than the shortest stretch there is one of that share. Lengths are drawn evenly and then moved
    towards the shortest, or the longest, until they add up; what is left over parts them at random.
    """
    key = combine(plan.seed, 0, places_of([utt]))
    low, high = (second * sample_rate for second in plan.seconds)
    share = plan.share[0] + (plan.share[1] - plan.share[0]) * float(_draws(key, 1, _SHARE)[0])
    total = share * num_samples
    count = 1
    if total >= low:
        count = min(max(round(2 * total / (low + high)), math.ceil(total / high)), math.floor(total / low))
    lengths = _that_sum_to(total, _draws(key, count, _LENGTH), low, high) if total >= low else np.array([total])
    gaps = -np.log(_draws(key, count + 1, _GAP))
    gaps *= (num_samples - total) / gaps.sum()
    firsts = np.cumsum(gaps[:-1]) + np.concatenate([[0.0], np.cumsum(lengths[:-1])])
    names = [name for name, _ in plan.kinds]
    upto = np.cumsum([share for _, share in plan.kinds])
    which = np.searchsorted(upto / upto[-1], _draws(key, count, _KIND), side="right").clip(max=len(names) - 1)
    edges = np.rint(np.stack([firsts, firsts + lengths])).astype(int).clip(0, num_samples)
    found = zip(edges[0].tolist(), edges[1].tolist(), which.tolist(), strict=True)
    return [Stretch(first, last, names[kind]) for first, last, kind in found if last > first]


def _that_sum_to(total: float, draws: Float64Array, low: float, high: float) -> Float64Array:
    """(n,) in (0, 1) -> (n,) lengths from low to high whose sum is `total`, which is between n low and n high."""
    count, lengths = len(draws), low + draws * (high - low)
    if lengths.sum() > total:
        return np.asarray(low + (lengths - low) * ((total - count * low) / (lengths.sum() - count * low)))
    return np.asarray(high - (high - lengths) * ((count * high - total) / (count * high - lengths.sum())))


def _draws(key: torch.Tensor, count: int, purpose: int) -> Float64Array:
    return uniform(key, count, purpose)[0].double().numpy()


def _pair(values: tuple[float, float]) -> str:
    return f"{values[0]:g},{values[1]:g}"
