"""Where things stand in a drawing, and what they say."""

from __future__ import annotations

import base64
import re

import numpy as np
import pytest

from masr.io.figure import Axis, Bars, Confusion, Curve, Curves, Figure, Heatmap, Merge, Scatter, Series
from masr.report.bars import draw_bars
from masr.report.colours import colour_map, hex_of
from masr.report.draw import confused_pairs, draw_plate
from masr.report.languages import _signs
from masr.report.lines import draw_curves
from masr.report.matrix import draw_heatmap
from masr.report.means import Languages
from masr.report.plate import Plate
from masr.report.scatter import draw_scatter


def on_the_page(figure: Figure) -> str:
    """What a page has of it, numbers to open included."""
    return str(draw_plate(Plate("", figure), numbers=True))


def path_of(drawn: str, class_: str) -> list[list[tuple[float, float]]]:
    """Corners of every path of a class, stretch by stretch."""
    found = re.findall(rf'<path[^>]*class="{class_}[^"]*"[^>]*>', drawn)
    paths = [re.search(r'\bd="([^"]+)"', tag)[1] for tag in found]  # type: ignore[index]
    stretches = [stretch for path in paths for stretch in path.strip("MZ").split("M")]
    return [[tuple(map(float, p.split(","))) for p in re.split("[LZ]", stretch) if "," in p] for stretch in stretches]  # type: ignore[misc]


def marks(drawn: str) -> np.ndarray:
    """Centres of round markers: a circle's path begins at its left end."""
    found = re.findall(r'class="mark c\d+" d="M([-\d.]+),([-\d.]+)a([\d.]+)', drawn)
    return np.array([(float(x) + float(r), float(y)) for x, y, r in found])


def test_a_line_goes_up_with_its_values_and_breaks_where_one_is_missing() -> None:
    curve = Curve("a", [0, 1, 2, 3, 4], [0, 5, np.nan, 10, 0])
    drawn = str(draw_curves(Curves("t", (curve,)), width=400, height=300))
    first, second = path_of(drawn, "line")
    assert len(first) == len(second) == 2
    assert first[0][1] > first[1][1] > second[0][1], "up is a smaller y"
    assert second[1][1] == first[0][1]
    assert first[1][0] - first[0][0] == pytest.approx(second[1][0] - second[0][0], abs=0.02)


def test_a_logarithmic_axis_leaves_out_an_interval_that_reaches_zero() -> None:
    curve = Curve("a", [0, 1, 2], [1, 10, 100], [0, 5, 50], [2, 20, 200])
    drawn = str(draw_curves(Curves("t", (curve,), y=Axis(log=True)), width=400, height=300))
    (band,) = path_of(drawn, "band")
    assert len(band) == 4
    assert max(y for _, y in band) < 300
    line = path_of(drawn, "line")[0]
    assert line[0][1] - line[1][1] == pytest.approx(line[1][1] - line[2][1], abs=0.02), "each factor is as high"


def test_many_lines_are_told_apart_by_a_legend_and_few_at_their_ends() -> None:
    few = tuple(Curve(f"name{n}", [0, 1], [0, n]) for n in range(3))
    many = tuple(Curve(f"name{n}", [0, 1], [0, n]) for n in range(12))
    assert on_the_page(Curves("t", few)).count('class="direct') == 3
    shown = on_the_page(Curves("t", many))
    assert 'class="direct' not in shown
    assert shown.count("<li>") == 12


def test_bars_are_as_long_as_their_values_and_their_text_clears_the_interval() -> None:
    series = Series("s", [10, 20, np.nan], [5, 15, np.nan], [15, 40, np.nan])
    drawn = str(draw_bars(Bars("t", ("a", "b", "c"), (series,), Axis("x"))))
    widths = [float(w) for w in re.findall(r'width="([\d.]+)" height="10" class="bar', drawn)]
    assert widths[1] == pytest.approx(2 * widths[0], abs=0.05)
    ends = [float(x) for x in re.findall(r'<path d="M[\d.]+,[\d.]+H([\d.]+)M', drawn)]
    texts = [float(x) for x in re.findall(r'<text x="([\d.]+)" y="[\d.]+" class="tick">[\d.]+</text></g>', drawn)]
    assert len(ends) == len(texts) == 2
    assert all(text > end for text, end in zip(texts, ends, strict=True))
    assert "no figure" in drawn


def test_equal_axes_keep_distances() -> None:
    figure = Scatter("t", [0.0, 3.0, 0.0, 30.0], [0.0, 0.0, 4.0, 1.0], equal=True)
    found = marks(str(draw_scatter(figure)))
    across, up, far = (float(np.linalg.norm(found[n] - found[0])) for n in (1, 2, 3))
    assert up / across == pytest.approx(4 / 3, rel=1e-2)
    assert far / across == pytest.approx(np.hypot(30, 1) / 3, rel=1e-2)
    assert (found > 0).all()
    assert (found < [560, 420]).all()


def test_a_cell_has_the_colour_of_its_value_and_missing_ones_have_none() -> None:
    figure = Heatmap("t", [[0.0, 0.5], [1.0, np.nan]], ("a", "b"), ("c", "d"))
    drawn = str(draw_heatmap(figure))
    cells = re.findall(r'<title>([^<]+)</title><rect[^>]*fill="(#\w+)"', drawn)
    palette = colour_map("sequential", 255)
    assert cells == [
        ("a, c: 0", hex_of(palette[0])),
        ("a, d: 0.5", hex_of(palette[127])),
        ("b, c: 1", hex_of(palette[254])),
    ]


def test_a_diverging_scale_is_even_about_its_centre() -> None:
    figure = Heatmap("t", [[-1.0, 0.0, 4.0]], ("a",), ("b", "c", "d"), scale="diverging")
    fills = re.findall(r'</title><rect[^>]*fill="(#\w+)"', str(draw_heatmap(figure)))
    assert fills[1] == "#f7f7f7"
    assert fills[2] == hex_of(colour_map("diverging", 255)[254])
    assert fills[0] != hex_of(colour_map("diverging", 255)[0])


def test_a_tree_orders_the_rows() -> None:
    tree = (Merge(0, 2, 1.0), Merge(3, 1, 2.0))
    drawn = str(draw_heatmap(Heatmap("t", [[1.0], [2.0], [3.0]], ("a", "b", "c"), ("x",), row_tree=tree)))
    assert re.findall(r"<title>(\w), x", drawn) == ["a", "c", "b"]


@pytest.mark.parametrize("shape", [(0, 0), (1, 1), (1, 1000), (51, 50)])
def test_matrices_of_any_size_are_drawn(shape: tuple[int, int]) -> None:
    names = [tuple(f"n{k}" for k in range(size)) for size in shape]
    drawn = on_the_page(Heatmap("t", np.ones(shape), *names))
    assert len(drawn) < 700_000


def test_figures_without_a_value_are_drawn() -> None:
    nothing: list[float] = []
    for figure in (
        Curves("t", ()),
        Curves("t", (Curve("a", nothing, nothing), Curve("b", [1], [np.nan])), y=Axis(log=True)),
        Bars("t", (), ()),
        Scatter("t", nothing, nothing),
        Scatter("t", [np.nan], [1], ("a",), equal=True),
        Confusion("t", np.zeros((2, 2)), ("a", "b"), ("a", "b")),
    ):
        assert "nan" not in on_the_page(figure)


def test_the_pairs_confused_most_come_first() -> None:
    counts = [[8, 2, 0], [3, 3, 0], [0, 1, 0]]
    pairs = confused_pairs(Confusion("t", counts, ("a", "b", "c"), ("a", "b", "c")))
    assert pairs == [("c", "b", 1.0, 1.0), ("b", "a", 3.0, 0.5), ("a", "b", 2.0, 0.2)]


def test_a_map_of_languages_is_turned_like_the_globe() -> None:
    places = ((0.0, -50.0), (10.0, 0.0), (40.0, 60.0))
    languages = Languages(("a", "b", "c"), np.zeros((3, 2)), (1, 1, 1), places, ("",) * 3)
    flat = np.array([[5.0, -1.0], [0.0, 0.0], [-5.0, 1.0]])
    np.testing.assert_array_equal(_signs(flat, languages), [-1, 1])


def test_a_matrix_drawn_as_one_picture_carries_its_values_as_they_are() -> None:
    values = np.arange(900.0).reshape(30, 30) / 7
    values[3, 4] = np.nan
    names = tuple(f"n{k}" for k in range(30))
    drawn = str(draw_heatmap(Heatmap("t", values, names, names)))
    (packed,) = re.findall(r'data-values="([^"]+)"', drawn)
    found = np.frombuffer(base64.b64decode(packed), dtype="<f4").reshape(30, 30)
    np.testing.assert_array_equal(found, values.astype(np.float32))
