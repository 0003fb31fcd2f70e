"""The cheapest costliest part, by trying every way to part a few lengths: longest times count is what a part costs."""

from __future__ import annotations

from itertools import combinations_with_replacement, pairwise, product


def contiguous(lengths: list[int], parts: int) -> int:
    """Over all cuts of the sorted lengths into consecutive parts, some of which may be empty."""
    sorted_lengths, size = sorted(lengths), len(lengths)
    found = []
    for inner in combinations_with_replacement(range(size + 1), parts - 1):
        edges = [0, *inner, size]
        found.append(costliest([sorted_lengths[a:b] for a, b in pairwise(edges)]))
    return min(found)


def any_partition(lengths: list[int], parts: int) -> int:
    """Over all ways to give each length to one of the parts."""
    return min(
        costliest([[n for n, part in zip(lengths, given, strict=True) if part == p] for p in range(parts)])
        for given in product(range(parts), repeat=len(lengths))
    )


def costliest(parts: list[list[int]]) -> int:
    """The most that a part costs."""
    return max(max(part, default=0) * len(part) for part in parts)
