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


def branches(tree: Sequence[Merge], places: Sequence[float]) -> list[list[tuple[float, float]]]:
    """A line of four corners (place, height) for each merge, heights from 0 to 1; leaves stand at `places`."""
    highest = max((merge.height for merge in tree), default=0.0) or 1.0
    at = {leaf: (place, 0.0) for leaf, place in enumerate(places)}
    lines = []
    for n, merge in enumerate(tree):
        (a, start_a), (b, start_b) = at[merge.left], at[merge.right]
        end = merge.height / highest
        lines.append([(a, start_a), (a, end), (b, end), (b, start_b)])
        at[len(places) + n] = ((a + b) / 2, end)
    return lines


def draw_tree(tree: Sequence[Merge], places: Sequence[float], base: float, tip: float, upright: bool) -> Markup | None:
    """The drawing of a tree, from its leaves at `places` (in their own order) along `base` towards `tip`.

    Upright, leaves lie side by side; else one below the other.
    """
    if not tree:
        return None
    c = coordinate
    path = ""
    for line in branches(tree, places):
        (a, start_a), (_, end), (b, _), (_, start_b) = ((c(at), c(base + (tip - base) * height)) for at, height in line)
        path += f"M{a},{start_a}V{end}H{b}V{start_b}" if upright else f"M{start_a},{a}H{end}V{b}H{start_b}"
    return tag("path", d=Markup(path), class_="branch")
