"""The figures of a page as PDF and PNG. What needs matplotlib is skipped where it is not installed."""

from __future__ import annotations

import re
import struct
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from masr.cli.main import main
from masr.errors import MissingPackageError
from masr.io.figure import Axis, Bars, Confusion, Curve, Curves, Figure, Heatmap, Merge, Places, Scatter, Series, Table
from masr.report.colours import Style, light_colours
from masr.report.contents import contents_of
from masr.report.gather import gather
from masr.report.paper.draw import BOTH_COLUMNS, COLUMN, draw
from masr.report.paper.files import DOTS_PER_INCH, STYLE, require_matplotlib, write_plates
from masr.report.plate import Line, Plate

pytestmark = pytest.mark.slow

NAN = float("nan")
MANY = tuple(f"l{n:02d}" for n in range(42))
FIGURES: dict[str, Figure] = {
    "curves": Curves("Loss", (Curve("a", [0, 1, 2], [1, NAN, 3], [0, NAN, 2], [2, NAN, 4]), Curve("$b$", [0], [2]))),
    "log": Curves("t", (Curve("a", [1, 10], [1, 100]),), Axis("step", log=True), Axis("norm", log=True)),
    "layers": Curves("t", (Curve("a", [0, 1], [0.5, 1]),), Axis("layer", ticks=("in", "1")), Axis("acc", "share")),
    "nothing": Curves("t", ()),
    "bars": Bars("t", ("a", "b"), (Series("s", [0.1, NAN], [0, NAN], [0.2, NAN]), Series("r", [0.3, 0.4])),
                 Axis("", "share"), 0.05, "chance"),
    "matrix": Heatmap("t", np.eye(3), ("a", "b", "c"), ("p", "q", "r"), Axis("x"), Axis("y"), scale="diverging",
                      row_tree=(Merge(0, 2, 0.5), Merge(3, 1, 1.0)), column_tree=(Merge(0, 1, 0.5), Merge(3, 2, 1.0))),
    "empty": Heatmap("t", np.zeros((0, 0)), (), ()),
    "one": Heatmap("t", [[1.0, NAN]], ("a",), ("b", "c"), unit="share"),
    "confusion": Confusion("t", np.eye(42) * 4, MANY, MANY),
    "points": Scatter("t", [1, 2, NAN], [3, 4, 5], ("a", "b", "c"), ("g", "h", "g"), Axis("x"), Axis("y"),
                      y_low=[2, 3, 4], y_high=[4, 5, 6], equal=True),
    "map": Places("t", [51.5, -33.9, 28.6], [-0.1, 18.4, 77.2], ("eng", "afr", "hin"), ("we", "ssa", "sa")),
}  # fmt: skip


@pytest.fixture
def style() -> Any:
    matplotlib = pytest.importorskip("matplotlib", reason="figures for papers are an extra")
    with matplotlib.rc_context(STYLE):
        yield


@pytest.mark.parametrize("name", FIGURES)
def test_every_kind_is_drawn_in_a_column_or_in_both_with_text_that_can_be_read(name: str, style: None) -> None:
    from matplotlib.text import Text

    picture = draw(Plate(name, FIGURES[name]))
    width, height = picture.get_size_inches()
    assert width == (BOTH_COLUMNS if name in ("confusion", "map") else COLUMN)
    assert 0.9 < height < 9.5
    picture.draw_without_rendering()
    texts = [text for text in picture.findobj(Text) if text.get_text() and text.get_visible()]
    assert all(text.get_fontsize() >= 7 for text in texts)


@pytest.mark.parametrize("name", sorted(set(FIGURES) - {"nothing", "empty"}))
def test_nothing_is_cut_off_at_the_edges(name: str, style: None) -> None:
    picture = draw(Plate(name, FIGURES[name]))
    picture.draw_without_rendering()
    box = picture.get_tightbbox()
    width, height = picture.get_size_inches()
    slack = 0.02
    assert box.x0 >= -slack and box.y0 >= -slack
    assert box.x1 <= width + slack and box.y1 <= height + slack


def test_lines_bars_and_cells_are_at_their_values(style: None) -> None:
    axes = draw(Plate("", FIGURES["curves"])).axes[0]
    np.testing.assert_array_equal(axes.lines[0].get_xydata(), [[0, 1], [1, NAN], [2, 3]])
    assert axes.get_ylabel() == "Loss"
    axes = draw(Plate("", FIGURES["bars"])).axes[0]
    widths = [bar.get_width() for bar in axes.patches]
    assert widths == [0.1, 0, 0.3, 0.4]
    tops = [bar.get_y() for bar in axes.patches]
    assert tops[0] < tops[2] < tops[1], "the first name is on top, as on the page, and its bars lie together"
    assert axes.yaxis_inverted()
    cells = draw(Plate("", FIGURES["matrix"])).axes[0].images[0].get_array()
    np.testing.assert_array_equal(cells, np.eye(3)[np.ix_([0, 2, 1], [0, 1, 2])])
    assert [t.get_text() for t in draw(Plate("", FIGURES["matrix"])).axes[0].get_yticklabels()] == ["a", "c", "b"]


def test_looks_are_those_of_the_page(style: None) -> None:
    curve = Curve("a", [0, 1], [0, 1])
    plate = Plate("", Curves("t", (curve,)), (Line(curve, Style(3, "7 3"), "A"),))
    (line,) = draw(plate).axes[0].lines
    assert line.get_color() == light_colours()[3]
    assert line.is_dashed()
    plate = Plate("", FIGURES["points"], styles={"g": Style(4), "h": Style(5)})
    points = [c[0] for c in draw(plate).axes[0].containers]
    assert [one.get_color() for one in points] == light_colours()[4:6]


def test_names_of_points_do_not_cover_each_other(style: None) -> None:
    random = np.random.default_rng(0)
    figure = Scatter("t", random.normal(size=42), random.normal(size=42), MANY)
    picture = draw(Plate("", figure))
    picture.draw_without_rendering()
    texts = [text for text in picture.axes[0].texts if text.get_text() in MANY]
    assert len(texts) > 30
    boxes = [text.get_window_extent().shrunk(0.98, 0.7) for text in texts]
    assert not any(a.overlaps(b) for n, a in enumerate(boxes) for b in boxes[:n])


def png_width(content: bytes) -> int:
    assert content.startswith(b"\x89PNG")
    width: int = struct.unpack(">I", content[16:20])[0]
    return width


def test_files_are_the_same_each_time_and_embed_their_fonts(tmp_path: Path, style: None) -> None:
    plates = [Plate(f"figures.{name}", figure) for name, figure in FIGURES.items()]
    plates.append(Plate("rows", Table("t", ("a",), (("x",),))))
    names = write_plates(plates, tmp_path / "one")
    assert names == [f"figures.{name}" for name in FIGURES], "a table is no picture"
    write_plates(plates, tmp_path / "two")
    found = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert found == sorted(f"{name}.{kind}" for name in names for kind in ("pdf", "png"))
    for name in found:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name
    pdf = (tmp_path / "one" / "figures.bars.pdf").read_bytes()
    objects = [pdf, *(_unpacked(part) for part in re.findall(rb"stream\r?\n(.*?)endstream", pdf, re.DOTALL))]
    everything = b"".join(objects)
    assert b"/FontFile2" in everything and b"/Subtype /Type3" not in everything
    assert b"CreationDate" not in everything
    assert png_width((tmp_path / "one" / "figures.bars.png").read_bytes()) == round(COLUMN * DOTS_PER_INCH)


def _unpacked(part: bytes) -> bytes:
    try:
        return zlib.decompress(part)
    except zlib.error:
        return b""


def test_names_of_files_are_plain_and_never_the_same(tmp_path: Path, style: None) -> None:
    curves = FIGURES["log"]
    names = write_plates([Plate(n, curves) for n in ("a/b c", "a.b-c", "A.B-C", "../x", "<>")], tmp_path)
    assert names == ["a.b-c", "a.b-c-2", "A.B-C-3", "x", "figure"]
    assert sorted(path.stem for path in tmp_path.glob("*.pdf")) == sorted(names)


def test_the_verb_writes_every_figure_of_the_page(run_folder: Path, tmp_path: Path, style: None) -> None:
    out = tmp_path / "figures"
    assert main(["report", str(run_folder), "--out", str(tmp_path / "page.html"), "--pdf", str(out)]) == 0
    plates = contents_of(gather([run_folder])).plates()
    drawn = [plate for plate in plates if not isinstance(plate.figure, Table)]
    assert len(list(out.glob("*.pdf"))) == len(list(out.glob("*.png"))) == len(drawn)
    names = {path.stem for path in out.glob("*.pdf")}
    assert {"training.loss", "languages.globe", "figures.lid", "scores.dev"} <= names
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert page.count("<figure") >= len(drawn), "one source for both"


def test_without_matplotlib_the_extra_is_named(
    run_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingPackageError, match="matplotlib is not installed") as caught:
        require_matplotlib()
    assert "[figures]" in caught.value.fix
    page = tmp_path / "page.html"
    assert main(["report", str(run_folder), "--out", str(page), "--pdf", str(tmp_path / "out")]) == 2
    assert "[figures]" in capsys.readouterr().err
    assert not page.exists(), "said before anything is drawn"
