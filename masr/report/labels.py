"""Names beside points, so that no name covers another name or a point; what finds no place is left to the pointer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from masr.report.markup import width_of

_CELL = 40.0


@dataclass(frozen=True)
class Placed:
    """Where a name is written: (x, y) is the left end of its base line."""

    point: int
    x: float
    y: float


@dataclass(frozen=True)
class Box:
    """A rectangle on the drawing."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Box) -> bool:
        """Whether they overlap."""
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )


class _Grid:
    """Boxes by the cells they lie in, so that only neighbours are compared."""

    def __init__(self) -> None:
        self.cells: dict[tuple[int, int], list[Box]] = {}

    def cells_of(self, box: Box) -> list[tuple[int, int]]:
        across = range(int(box.left // _CELL), int(box.right // _CELL) + 1)
        down = range(int(box.top // _CELL), int(box.bottom // _CELL) + 1)
        return [(a, b) for a in across for b in down]

    def add(self, box: Box) -> None:
        for cell in self.cells_of(box):
            self.cells.setdefault(cell, []).append(box)

    def is_free(self, box: Box) -> bool:
        return not any(box.meets(other) for cell in self.cells_of(box) for other in self.cells.get(cell, ()))


def place_labels(
    points: Sequence[tuple[float, float]], names: Sequence[str], area: Box, *, font: float = 10.0, radius: float = 4.0
) -> list[Placed]:
    """A place for every name that has one: right of its point, left, above, below, or between these."""
    taken = _Grid()
    for x, y in points:
        taken.add(Box(x - radius, y - radius, x + radius, y + radius))
    placed = []
    for n in _crowded_last(points):
        x, y = points[n]
        width = width_of(names[n], font)
        for box in _candidates(x, y, width, font, radius):
            inside = (
                box.left >= area.left and box.right <= area.right and box.top >= area.top and box.bottom <= area.bottom
            )
            if inside and taken.is_free(box):
                taken.add(box)
                placed.append(Placed(n, box.left, box.bottom - 0.22 * font))
                break
    return sorted(placed, key=lambda p: p.point)


def _crowded_last(points: Sequence[tuple[float, float]]) -> list[int]:
    """Points with few neighbours first: their names are sure to fit, and cost others the least."""
    cells: dict[tuple[int, int], int] = {}
    for x, y in points:
        key = (int(x // _CELL), int(y // _CELL))
        cells[key] = cells.get(key, 0) + 1
    return sorted(range(len(points)), key=lambda n: (cells[int(points[n][0] // _CELL), int(points[n][1] // _CELL)], n))


def _candidates(x: float, y: float, width: float, font: float, radius: float) -> list[Box]:
    """Near places first, then the same a little further out."""
    boxes = []
    for gap in (radius + 1.5, radius + 9):
        right, left = x + gap, x - gap - width
        middle, above, below = y - font / 2, y - gap - font, y + gap
        corners = ((right, middle), (left, middle), (x - width / 2, above), (x - width / 2, below))
        edges = ((right - 2, above + 3), (right - 2, below - 3), (left + 2, above + 3), (left + 2, below - 3))
        boxes += [Box(a, b, a + width, b + font) for a, b in (*corners, *edges)]
    return boxes
