"""Holm's correction: p-values of one family, adjusted so that one false claim in the whole family stays rare."""

from __future__ import annotations

from collections.abc import Sequence


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Each p adjusted for the family, in the order given; None stays None, and counts as a claim that has p = 1.

    The k-th smallest of m is multiplied by m - k + 1; none may be smaller than the one before it, or above 1.
    What is not tested yet counts, so that a claim that holds goes on holding when the rest of the family is tested.
    """
    adjusted: list[float | None] = [None] * len(p_values)
    tested = sorted((p_value, place) for place, p_value in enumerate(p_values) if p_value is not None)
    before = 0.0
    for rank, (p_value, place) in enumerate(tested):
        before = max(before, min(1.0, (len(p_values) - rank) * p_value))
        adjusted[place] = before
    return adjusted
