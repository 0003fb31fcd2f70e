"""A figure file becomes a figure of the page."""

from __future__ import annotations

import numpy as np

from masr.io.figure import Axis, Bars, Confusion, Curves, Figure, Heatmap, Scatter, Table
from masr.report.bars import bars_legend, draw_bars
from masr.report.cells import draw_table, numbers_of, table
from masr.report.colours import series_style
from masr.report.lines import MAX_LABELLED, draw_curves
from masr.report.markup import Child, Markup, tag
from masr.report.matrix import draw_heatmap
from masr.report.numbers import percent, short
from masr.report.plot import figure as framed
from masr.report.plot import legend
from masr.report.scatter import draw_scatter, scatter_legend

_MOST_PAIRS = 12
_LARGE_SIDE = 12


def draw(figure: Figure) -> Markup:
    """A figure of the page: title, note, drawing, and its numbers to open."""
    size = "full" if _is_large(figure) else ""
    return framed(figure.title, *_body(figure), note=figure.note, extra=numbers_of(figure), class_=size)


def _is_large(figure: Figure) -> bool:
    """Whether the figure needs the whole width of a page."""
    if isinstance(figure, Heatmap):
        return max(len(figure.rows), len(figure.columns)) > _LARGE_SIDE
    if isinstance(figure, Confusion):
        return max(len(figure.truth), len(figure.answers)) > _LARGE_SIDE
    return isinstance(figure, Table) and len(figure.columns) > 4


def _body(figure: Figure) -> list[Child]:
    if isinstance(figure, Curves):
        entries = [(curve.name, series_style(n)) for n, curve in enumerate(figure.curves)]
        shown = legend(entries) if len(entries) > MAX_LABELLED else None
        return [shown, draw_curves(figure, width=560, height=320, wide=True)]
    if isinstance(figure, Bars):
        return [bars_legend(figure), draw_bars(figure)]
    if isinstance(figure, Scatter):
        return [scatter_legend(figure), draw_scatter(figure)]
    if isinstance(figure, Heatmap):
        return [draw_heatmap(figure)]
    if isinstance(figure, Confusion):
        return _confusion(figure)
    return [draw_table(figure)]


def _confusion(figure: Confusion) -> list[Child]:
    """A drawing of the shares of each true label, and the pairs that are most often taken for one another."""
    totals = figure.counts.sum(axis=1, keepdims=True)
    shares = np.divide(figure.counts, totals, out=np.full_like(figure.counts, np.nan), where=totals > 0)
    drawn = Heatmap(
        figure.title,
        shares,
        figure.truth,
        figure.answers,
        x=Axis("answer"),
        y=Axis("truth"),
        unit="share",
        low=0.0,
        high=1.0,
    )
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
