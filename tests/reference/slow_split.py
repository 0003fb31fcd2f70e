"""Which ways there are to hold units out so that every class is on both sides, by trying them all."""

from __future__ import annotations

from itertools import combinations


def splits(classes_of):
    """Unit -> the set of its classes: all sets of held-out units that leave every class on both sides."""
    units = sorted(classes_of)
    every = set().union(*classes_of.values())
    found = []
    for size in range(1, len(units)):
        for held in combinations(units, size):
            rest = [unit for unit in units if unit not in held]
            if all(set().union(*(classes_of[unit] for unit in side)) == every for side in (held, rest)):
                found.append(frozenset(held))
    return found


def stretches(units, tenth):
    """For each frame whether it is in that tenth of its unit's frames, unit -> tenth."""
    return [
        10 * sum(1 for other in units[:place] if other == unit) // units.count(unit) == tenth[unit]
        for place, unit in enumerate(units)
    ]
