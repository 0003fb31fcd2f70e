"""A hierarchical clustering as an order of leaves and as a drawing."""

from __future__ import annotations

from collections.abc import Sequence

from masr.io.figure import Merge
from masr.report.markup import Markup, coordinate, tag


def leaf_order(tree: Sequence[Merge], num_leaves: int) -> list[int]:
    """The leaves from left to right, so that no two branches cross; in their own order where there is no tree."""
    if not tree:
        return list(range(num_leaves))
    order: list[int] = []
    stack = [num_leaves + len(tree) - 1]
    while stack:
        node = stack.pop()
        if node < num_leaves:
            order.append(node)
        else:
            merge = tree[node - num_leaves]
            stack += [merge.right, merge.left]
    return order


def draw_tree(tree: Sequence[Merge], places: Sequence[float], base: float, tip: float, upright: bool) -> Markup | None:
    """The drawing of a tree, from its leaves at `places` (in their own order) along `base` towards `tip`.

    Upright, leaves lie side by side; else one below the other.
    """
    if not tree:
        return None
    highest = max(merge.height for merge in tree) or 1.0
    at = {leaf: (place, base) for leaf, place in enumerate(places)}
    path = ""
    for n, merge in enumerate(tree):
        (a, start_a), (b, start_b) = at[merge.left], at[merge.right]
        end = base + (tip - base) * merge.height / highest
        ca, cb, ce = coordinate(a), coordinate(b), coordinate(end)
        if upright:
            path += f"M{ca},{coordinate(start_a)}V{ce}H{cb}V{coordinate(start_b)}"
        else:
            path += f"M{coordinate(start_a)},{ca}H{ce}V{cb}H{coordinate(start_b)}"
        at[len(places) + n] = ((a + b) / 2, end)
    return tag("path", d=Markup(path), class_="branch")
