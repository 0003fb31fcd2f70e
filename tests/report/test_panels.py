from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

import numpy as np

from masr.io.figure import Heatmap
from masr.report.panels import on_one_scale
from masr.report.picture import draw_charts

SVG = "{http://www.w3.org/2000/svg}"


def test_matrices_lie_side_by_side_on_one_scale_of_colours() -> None:
    values = np.array([[1.0, 0.25, -0.5], [0.25, 1.0, 0.0], [-0.5, 0.0, 1.0]])
    first = Heatmap("ours <1>", values[:2, :2], ("a", "b"), ("a", "b"))
    second = Heatmap("theirs", values, ("a", "b", "c"), ("a", "b", "c"))
    text = draw_charts(on_one_scale([first, second]), "both")
    tree = ElementTree.fromstring(text)
    panels = tree.findall(f"{SVG}svg")
    cells = [g for g in tree.iter(f"{SVG}g") if g.get("class") == "item"]
    assert len(cells) == 4 + 9
    fills = [(cell.findtext(f"{SVG}title"), cell.find(f"{SVG}rect").get("fill")) for cell in cells]  # type: ignore[union-attr]
    assert {"a, b: 0.25", "a, c: \N{MINUS SIGN}0.5"} <= {name for name, _ in fills}
    assert len({fill for name, fill in fills if name and name.endswith(": 0.25")}) == 1
    assert len({fill for _, fill in fills}) == 4
    assert {"ours <1>", "theirs", "both"} <= {one.text for one in tree.iter(f"{SVG}text")}
    assert {cls for one in tree.iter() for cls in (one.get("class") or "").split()} <= {
        *re.findall(r"\.([a-z]\w*)", text[: text.index("</style>")]),
        "item",
        "fine",
    }, "nothing needs a style sheet beside the file"
    ends = [float(one.get("x", 0)) + float(one.get("width", 0)) for one in panels]
    assert float(panels[1].get("x", 0)) >= ends[0]
    assert max(ends) <= float(tree.get("width", 0))


def test_a_file_without_a_title_is_whole_too() -> None:
    one = draw_charts(on_one_scale([Heatmap("p", [[1.0]], ("a",), ("a",))]))
    assert ElementTree.fromstring(one).get("aria-label") == "p"
