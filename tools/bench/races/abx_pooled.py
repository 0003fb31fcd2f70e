"""ABX of two recordings, 600 snippets of width 1024 each, both directions, every triplet."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from race import Race, Runner, Turn

COUNT, WIDTH, BLOCK = 600, 1024, 30
TRIPLETS = 2.0 * COUNT * (COUNT - 1) * COUNT


@cache
def recordings() -> list[Any]:
    random = np.random.default_rng(0)
    return list(random.standard_normal((2, COUNT, WIDTH), dtype=np.float32) + 0.2)


def ours() -> Turn:
    from masr.analysis.abx.closeness import closeness

    given = recordings()

    def turn() -> float:
        closeness(given)
        return TRIPLETS

    return turn


def by_triplets(first: Any, second: Any) -> float:
    """The score of A and X in `first`, all comparisons of some X's at once."""
    import torch

    units = [torch.nn.functional.normalize(torch.from_numpy(one), dim=1) for one in (first, second)]
    near, far = 1 - units[0] @ units[0].T, 1 - units[0] @ units[1].T
    near.fill_diagonal_(torch.inf)
    right = 0.0
    for start in range(0, COUNT, BLOCK):
        a, b = near[start : start + BLOCK, :, None], far[start : start + BLOCK, None, :]
        right += float((a < b).sum()) + 0.5 * float((a == b).sum())
    return right / (COUNT * (COUNT - 1) * COUNT)


def theirs() -> Turn:
    first, second = recordings()

    def turn() -> float:
        by_triplets(first, second)
        by_triplets(second, first)
        return TRIPLETS

    return turn


def check() -> str:
    """Both find the same scores."""
    from masr.analysis.abx.closeness import closeness

    first, second = recordings()
    found = closeness([first, second]).scores
    expected = by_triplets(first, second), by_triplets(second, first)
    apart = max(abs(found[0, 1] - expected[0]), abs(found[1, 0] - expected[1]))
    # Theirs subtracts float32 cosines from 1, so that a few of 2e8 comparisons go the other way.
    if apart > 1e-5:
        raise RuntimeError(f"scores {found[0, 1]} {found[1, 0]} and {expected}")
    return f"the same scores {found[0, 1]:.6f} and {found[1, 0]:.6f}, {apart:.1e} apart"


def race() -> Race:
    runners = [Runner("masr closeness", ours), Runner("torch, all triplets", theirs, 20.0)]
    return Race(f"ABX of two recordings, {COUNT} snippets x {WIDTH}", "triplets", runners, check)
