"""A small table as text."""

from __future__ import annotations

from collections.abc import Iterable


def aligned(rows: Iterable[tuple[str, ...]]) -> str:
    """The rows as text with aligned columns: numbers to the right, words to the left."""
    table = list(rows)
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    numeric = [all(_is_number(cell) for cell in column[1:]) for column in zip(*table, strict=True)]
    return "\n".join(
        "  ".join(c.rjust(w) if n else c.ljust(w) for c, w, n in zip(row, widths, numeric, strict=True)).rstrip()
        for row in table
    )


def _is_number(cell: str) -> bool:
    return not cell or cell.replace(".", "", 1).isdecimal()
