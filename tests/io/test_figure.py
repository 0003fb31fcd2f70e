from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from masr.errors import FigureError
from masr.io.figure import (
    KINDS,
    Axis,
    Bars,
    Confusion,
    Curve,
    Curves,
    Figure,
    Heatmap,
    Merge,
    Places,
    Scatter,
    Series,
    Table,
)
from masr.io.figure_file import from_json, read_figure, to_json, write_figure

NAN = float("nan")
FIGURES: dict[str, Figure] = {
    "curves": Curves(
        "layers",
        (Curve("a", [0, 1, 2], [0.5, NAN, 0.7], [0.4, NAN, 0.6], [0.6, NAN, 0.8]), Curve("b", [0, 2], [1, 2])),
        Axis("layer", ticks=("in", "1", "2")),
        Axis("accuracy", "share"),
        "a note",
    ),
    "heatmap": Heatmap(
        "CKA",
        [[1, 0.5, NAN], [0.5, 1, 0.2]],
        ("x", "y"),
        ("p", "q", "r"),
        unit="share",
        scale="diverging",
        low=-1.0,
        centre=0.5,
        row_tree=(Merge(0, 1, 0.5),),
        column_tree=(Merge(1, 2, 0.25), Merge(0, 3, 1.0)),
    ),
    "confusion": Confusion("LID", [[3, 1], [0, 4]], ("eng", "hin"), ("eng", "hin")),
    "bars": Bars(
        "EER", ("a", "b"), (Series("ours", [0.1, NAN], [0.0, NAN], [0.2, NAN]),), Axis("", "share"), 0.5, "chance"
    ),
    "scatter": Scatter("s", [1, 2], [3, NAN], ("a", "b"), ("g", "h"), y_low=[2, NAN], y_high=[4, NAN], equal=True),
    "map": Places("m", [1.5, -90], [180, -0.1], ("a", "b"), ("g", "g"), "a note"),
    "table": Table("t", ("name", "value"), (("a", 1.5), ("b", None))),
}


def same(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray):
        return bool(np.array_equal(a, b, equal_nan=True))
    if dataclasses.is_dataclass(a):
        return type(a) is type(b) and all(same(getattr(a, f.name), getattr(b, f.name)) for f in dataclasses.fields(a))
    if isinstance(a, tuple):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return bool(a == b)


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_gives_back_the_figure(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "x.figure.json"
    write_figure(path, FIGURES[kind])
    found = read_figure(path)
    assert type(found) is KINDS[kind]
    assert same(found, FIGURES[kind])
    assert "NaN" not in path.read_text(encoding="utf-8")


def test_missing_numbers_are_null_and_defaults_are_left_out() -> None:
    data = json.loads(to_json(FIGURES["scatter"]))
    assert data["py"] == [3.0, None]
    assert "note" not in data
    assert data["equal"] is True


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not JSON"),
        ('{"kind": "bars", "title": "x', "not JSON"),
        ("[1]", "no {...}"),
        ("[" * 100_000, "nested too deeply"),
        ('{"kind": "heatmpa"}', "heatmpa"),
        ('{"kind": ["table"]}', "kind"),
        ('{"kind": "table", "title": "t", "columns": ["a"]}', "rows is missing"),
        ('{"kind": "table", "title": 3, "columns": [], "rows": []}', "title: has to be a text"),
        ('{"kind": "table", "title": "t", "colums": [], "rows": []}', "colums: there is no such key"),
        ('{"kind": "table", "title": "t", "columns": ["a"], "rows": [[true]]}', "rows[0][0]: has to be a number"),
        ('{"kind": "table", "title": "t", "columns": ["a"], "rows": [["x", 1]]}', "row 0 has 2 cells"),
        ('{"kind": "table", "title": "t", "columns": ["a"], "rows": [[1e999]]}', "a finite number"),
        ('{"kind": "curves", "title": "t", "curves": [{"name": "a", "x": [1, 2], "y": [1]}]}', "x 2, y 1"),
        ('{"kind": "curves", "title": "t", "curves": [{"name": "a", "x": [1], "y": [NaN]}]}', "NaN is not JSON"),
        ('{"kind": "curves", "title": "t", "curves": [{"name": "a", "x": [1], "y": [1e400]}]}', "infinite"),
        ('{"kind": "curves", "title": "t", "curves": [{"name": "a", "x": ["1"], "y": [1]}]}', "curves[0]: x"),
        ('{"kind": "curves", "title": "t", "curves": [{"name": "a", "x": 1, "y": [1]}]}', "curves[0].x: has to be a"),
        ('{"kind": "curves", "title": "t", "curves": [], "x": {"log": 1}}', "x.log: has to be true or false"),
        (
            '{"kind": "curves", "title": "t", "curves": [{"name": "a", "x": [1], "y": [0]}], "y": {"log": true}}',
            "not above 0",
        ),
        (
            '{"kind": "curves", "title": "t", "curves": [{"name": "a", "x": [1], "y": [1], "low": [1]}]}',
            "go together",
        ),
        (
            '{"kind": "curves", "title": "t", "curves": [{"name": "a", "x": [1], "y": [1], "low": [2], "high": [1]}]}',
            "low is above high",
        ),
        ('{"kind": "heatmap", "title": "t", "values": [[1, 2], [3]], "rows": ["a"], "columns": []}', "different le"),
        ('{"kind": "heatmap", "title": "t", "values": [[1, 2]], "rows": ["a"], "columns": ["b"]}', "1 row names"),
        ('{"kind": "heatmap", "title": "t", "values": [], "rows": [], "columns": [], "scale": "rainbow"}', "rainbow"),
        ('{"kind": "heatmap", "title": "t", "values": [], "rows": [], "columns": [], "low": 2, "high": 1}', "below"),
        ('{"kind": "heatmap", "title": "t", "values": [[1, [2]]], "rows": ["a"], "columns": ["b", "c"]}', "values"),
        ('{"kind": "confusion", "title": "t", "counts": [[-1]], "truth": ["a"], "answers": ["a"]}', "negative"),
        ('{"kind": "bars", "title": "t", "names": ["a"], "series": [{"name": "s", "values": [1, 2]}]}', "2 values for"),
        ('{"kind": "scatter", "title": "t", "px": [1], "py": [1], "names": ["a", "b"]}', "2 names for 1 points"),
        ('{"kind": "scatter", "title": "t", "px": [%s], "py": [1]}' % ("9" * 400), "px"),
    ],
)  # fmt: skip
def test_what_is_no_figure_is_refused_with_the_key(text: str, said: str) -> None:
    with pytest.raises(FigureError) as caught:
        from_json(text)
    assert said in caught.value.what + caught.value.fix


def tree(*merges: tuple[int, int]) -> tuple[Merge, ...]:
    return tuple(Merge(a, b, 1.0) for a, b in merges)


@pytest.mark.parametrize("merges", [tree((0, 1)), tree((0, 1), (0, 2)), tree((0, 0), (1, 2)), tree((0, 4), (1, 2))])
def test_a_tree_that_is_none_is_refused(merges: tuple[Merge, ...]) -> None:
    names = ("a", "b", "c")
    with pytest.raises(FigureError, match="row_tree"):
        Heatmap("t", np.zeros((3, 3)), names, names, row_tree=merges)


def test_what_no_page_could_hold_is_refused() -> None:
    names = tuple(map(str, range(1001)))
    with pytest.raises(FigureError, match="1001 rows"):
        Heatmap("t", np.zeros((1001, 1)), names, ("a",))
    with pytest.raises(FigureError, match="points"):
        Scatter("t", np.zeros(20_001), np.zeros(20_001))
    with pytest.raises(FigureError, match="characters"):
        from_json(json.dumps({"kind": "table", "title": "x" * 10_001, "columns": [], "rows": []}))


def test_errors_name_the_file(tmp_path: Path) -> None:
    path = tmp_path / "x.figure.json"
    path.write_bytes(b"\xff")
    with pytest.raises(FigureError, match="UTF-8"):
        read_figure(path)
    path.write_text('{"kind": "table"}')
    with pytest.raises(FigureError) as caught:
        read_figure(path)
    assert str(path) in caught.value.what
    with pytest.raises(FigureError, match=r"\.figure\.json"):
        write_figure(tmp_path / "x.json", FIGURES["table"])


def test_a_file_that_is_not_there_or_a_folder_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "none.figure.json", tmp_path):
        with pytest.raises(FigureError, match="cannot be read"):
            read_figure(path)
