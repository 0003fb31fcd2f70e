"""A plate becomes a figure of the page."""

from __future__ import annotations

import numpy as np

from masr.corpora.languages import english_name
from masr.io.figure import Axis, Bars, Confusion, Curves, Figure, Heatmap, Places, Scatter, Table
from masr.report.bars import bars_legend, draw_bars
from masr.report.cells import draw_table, numbers_of, table
from masr.report.colours import Style
from masr.report.lines import MAX_LABELLED, draw_curves, lines_of
from masr.report.markup import Child, Markup, tag
from masr.report.matrix import draw_heatmap
from masr.report.numbers import percent, short
from masr.report.plate import Plate
from masr.report.plot import figure as framed
from masr.report.plot import legend
from masr.report.scatter import draw_scatter, group_styles, scatter_legend
from masr.report.world import draw_world

_MOST_PAIRS = 12
_LARGE_SIDE = 12
_GLOBE_WIDTH = 900.0


def draw_plate(plate: Plate, *, small: bool = False, numbers: bool = False, class_: str = "") -> Markup:
    """A figure of the page, with title and note: `small` as one of many charts, with its `numbers` to open."""
    figure = plate.figure
    size = class_ or ("full" if _is_large(figure) else "")
    extra = numbers_of(figure) if numbers else None
    return framed(figure.title, *_body(plate, small), note=figure.note, extra=extra, class_=size)


def _is_large(figure: Figure) -> bool:
    """Whether the figure needs the whole width of a page."""
    if isinstance(figure, Heatmap):
        return max(len(figure.rows), len(figure.columns)) > _LARGE_SIDE
    if isinstance(figure, Confusion):
        return max(len(figure.truth), len(figure.answers)) > _LARGE_SIDE
    return isinstance(figure, Places) or (isinstance(figure, Table) and len(figure.columns) > 4)


def _body(plate: Plate, small: bool) -> list[Child]:
    figure = plate.figure
    if isinstance(figure, Curves):
        lines = lines_of(figure, plate.lines)
        shown = legend([(line.curve.name, line.style) for line in lines]) if len(lines) > MAX_LABELLED else None
        return [
            shown,
            draw_curves(figure, lines) if small else draw_curves(figure, lines, width=480, height=290, wide=True),
        ]
    if isinstance(figure, Bars):
        return [bars_legend(figure), draw_bars(figure)]
    if isinstance(figure, Scatter):
        return [None if plate.styles else scatter_legend(figure), draw_scatter(figure, plate.styles)]
    if isinstance(figure, Places):
        return [_globe(figure, plate)]
    if isinstance(figure, Heatmap):
        return [draw_heatmap(figure)]
    if isinstance(figure, Confusion):
        return _confusion(figure)
    return [draw_table(figure)]


def _globe(figure: Places, plate: Plate) -> Markup:
    """The map, each place with its name in English under the pointer."""
    looks = plate.styles or group_styles(figure.groups)
    groups = figure.groups or ("",) * len(figure.names)
    titles = []
    for name, group, lat, lon in zip(figure.names, groups, figure.lat, figure.lon, strict=True):
        english = english_name(name)
        titles.append(", ".join(filter(None, [name, english if english != name else "", group, _place(lat, lon)])))
    places = list(zip(figure.lat.tolist(), figure.lon.tolist(), strict=True))
    return draw_world(places, figure.names, titles, [looks.get(group, Style(0)) for group in groups], _GLOBE_WIDTH)


def _place(lat: float, lon: float) -> str:
    """51.5° N 0.1° W."""
    return f"{abs(lat):.1f}° {'N' if lat >= 0 else 'S'} {abs(lon):.1f}° {'E' if lon >= 0 else 'W'}"


def shares_of(figure: Confusion) -> Heatmap:
    """The matrix of shares of each true label that a confusion is drawn as."""
    totals = figure.counts.sum(axis=1, keepdims=True)
    shares = np.divide(figure.counts, totals, out=np.full_like(figure.counts, np.nan), where=totals > 0)
    x, y = Axis("answer"), Axis("truth")
    return Heatmap(figure.title, shares, figure.truth, figure.answers, x, y, "share", low=0.0, high=1.0)


def _confusion(figure: Confusion) -> list[Child]:
    """A drawing of the shares of each true label, and the pairs that are most often taken for one another."""
    drawn = shares_of(figure)
    pairs = confused_pairs(figure)
    total = float(figure.counts.sum())
    right = sum(
        float(figure.counts[n, figure.answers.index(name)])
        for n, name in enumerate(figure.truth)
        if name in figure.answers
    )
    said = f"{percent(right / total if total else None)} of {short(total)} right; each row adds up to 100 %."
    rows = [[a, b, short(count), percent(share)] for a, b, count, share in pairs]
    worst = table(["truth", "answer", "times", "of the truth"], rows, caption="pairs confused most", numbers_from=2)
    extra = tag("details", tag("summary", "pairs confused most"), worst) if rows else None
    return [tag("p", said, class_="note"), draw_heatmap(drawn), extra]


def confused_pairs(figure: Confusion, most: int = _MOST_PAIRS) -> list[tuple[str, str, float, float]]:
    """(truth, wrong answer, how often, share of the truth) of the worst pairs; the largest shares first."""
    pairs = []
    totals = figure.counts.sum(axis=1)
    for i, j in zip(*np.nonzero(figure.counts), strict=True):
        if figure.truth[i] != figure.answers[j]:
            count = float(figure.counts[i, j])
            pairs.append((figure.truth[i], figure.answers[j], count, count / float(totals[i])))
    return sorted(pairs, key=lambda pair: (-pair[3], -pair[2], pair[0], pair[1]))[:most]
