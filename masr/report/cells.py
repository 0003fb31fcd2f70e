"""HTML tables."""

from __future__ import annotations

from collections.abc import Sequence

from masr.io.figure import Bars, Cell, Confusion, Curves, Figure, Heatmap, Places, Scatter, Table
from masr.report.lines import value_text
from masr.report.markup import Child, Markup, tag
from masr.report.numbers import MISSING, short

_MOST_ROWS = 300
"""Most rows of a table that only repeats what a drawing shows."""


def table(columns: Sequence[Child], rows: Sequence[Sequence[Child]], *, caption: str, numbers_from: int = 1) -> Markup:
    """A table that scrolls by itself where it is wider than the screen; columns from `numbers_from` on are figures.

    A column after the first in which nothing stands is left out.
    """
    kept = [n for n in range(len(columns)) if n == 0 or any(row[n] not in ("", MISSING, None) for row in rows)]
    head = tag("tr", *(tag("th", columns[n], scope="col", class_=_side(n, numbers_from)) for n in kept))
    lines = [tag("tr", *(_cell(n, row[n], numbers_from) for n in kept)) for row in rows]
    body = tag("table", tag("caption", caption, class_="hidden"), tag("thead", head), tag("tbody", *lines))
    return tag("div", body, class_="scroll", tabindex="0", role="region", aria_label=caption)


def draw_table(figure: Table) -> Markup:
    """The rows of a figure file, figures to the right."""
    numeric = [
        any(isinstance(row[n], float) for row in figure.rows)
        and not any(isinstance(row[n], str) for row in figure.rows[:1])
        for n in range(len(figure.columns))
    ]
    head = tag(
        "tr",
        *(tag("th", c, scope="col", class_="number" if numeric[n] else None) for n, c in enumerate(figure.columns)),
    )
    lines = [
        tag("tr", *(tag("td", text_of(cell), class_="number" if numeric[n] else None) for n, cell in enumerate(row)))
        for row in figure.rows
    ]
    body = tag("table", tag("caption", figure.title, class_="hidden"), tag("thead", head), tag("tbody", *lines))
    return tag("div", body, class_="scroll", tabindex="0", role="region", aria_label=figure.title)


def text_of(cell: Cell) -> str:
    """A cell as it is shown."""
    if cell is None:
        return MISSING
    return cell if isinstance(cell, str) else short(cell)


def numbers_of(figure: Figure) -> Markup | None:
    """What a drawing shows, as a table to open; nothing where it would be too long to read."""
    columns, rows = _rows(figure)
    if not rows or len(rows) > _MOST_ROWS:
        return None
    return tag("details", tag("summary", "numbers"), table(columns, rows, caption=f"{figure.title}: numbers"))


def _rows(figure: Figure) -> tuple[list[str], list[list[str]]]:
    if isinstance(figure, Curves):
        return _curve_rows(figure)
    if isinstance(figure, Bars):
        return ["", *(s.name for s in figure.series)], [
            [name, *(_spanned(s, n, figure) for s in figure.series)] for n, name in enumerate(figure.names)
        ]
    if isinstance(figure, Scatter):
        names = figure.names or tuple(str(n + 1) for n in range(len(figure.px)))
        groups = [[group] for group in figure.groups] or [[] for _ in names]
        head = ["", *(["group"] if figure.groups else []), figure.x.name or "x", figure.y.name or "y"]
        return head, [
            [name, *group, value_text(float(a), figure.x), value_text(float(b), figure.y)]
            for name, group, a, b in zip(names, groups, figure.px, figure.py, strict=True)
        ]
    if isinstance(figure, Places):
        groups = [[group] for group in figure.groups] or [[] for _ in figure.names]
        return ["", *(["group"] if figure.groups else []), "latitude", "longitude"], [
            [name, *group, f"{lat:.1f}", f"{lon:.1f}"]
            for name, group, lat, lon in zip(figure.names, groups, figure.lat, figure.lon, strict=True)
        ]
    if isinstance(figure, Heatmap) and len(figure.columns) <= 40:
        return ["", *figure.columns], [
            [name, *(short(float(v), 3) for v in row)] for name, row in zip(figure.rows, figure.values, strict=True)
        ]
    if isinstance(figure, Confusion) and len(figure.answers) <= 40:
        return ["", *figure.answers], [
            [name, *(short(float(v)) for v in row)] for name, row in zip(figure.truth, figure.counts, strict=True)
        ]
    return [], []


def _curve_rows(figure: Curves) -> tuple[list[str], list[list[str]]]:
    """One row for each place on the x axis that any curve has."""
    places = sorted({float(x) for curve in figure.curves for x in curve.x})
    if len(places) > _MOST_ROWS:
        return [], []
    known = [{float(x): float(y) for x, y in zip(c.x, c.y, strict=True)} for c in figure.curves]
    ticks = figure.x.ticks
    rows = []
    for x in places:
        name = ticks[int(x)] if x == int(x) and 0 <= x < len(ticks) else short(x, 7)
        rows.append([name, *(value_text(row.get(x, float("nan")), figure.y) for row in known)])
    return [figure.x.name or "x", *(curve.name for curve in figure.curves)], rows


def _spanned(series: object, n: int, figure: Bars) -> str:
    """The n-th value of a series with its interval, as text."""
    values, low, high = (getattr(series, name) for name in ("values", "low", "high"))
    text = value_text(float(values[n]), figure.axis)
    if low is None or high is None:
        return text
    return f"{text} [{value_text(float(low[n]), figure.axis)}, {value_text(float(high[n]), figure.axis)}]"


def _cell(place: int, cell: Child, numbers_from: int) -> Markup:
    if place == 0 and numbers_from > 0:
        return tag("th", cell, scope="row")
    return tag("td", cell, class_=_side(place, numbers_from))


def _side(place: int, numbers_from: int) -> str | None:
    return "number" if place >= numbers_from else None
