from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
import pytest

from masr.errors import FigureError
from masr.io.figure import Axis, Curve, Curves, Heatmap, Scatter
from masr.report.picture import Chart, draw_charts, pooled


def curves(*values: float, name: str = "apc") -> Curves:
    return Curves(
        "bound", (Curve(name, np.arange(len(values)), np.array(values)),), Axis("step"), Axis("bound", "nats")
    )


def scatter(seed: int, group: str = "apc") -> Scatter:
    x = np.arange(3.0) + seed
    return Scatter(
        "points", x, x**2, ("a", "b", "c"), (group,) * 3, Axis("loss"), Axis("accuracy"), y_low=x, y_high=x**2 + 1
    )


def test_curves_of_several_seeds_are_their_mean_between_the_least_and_the_largest() -> None:
    (found,) = pooled([curves(1, 2, 3), curves(3, 2, 1), curves(5, 2, 5)]).curves  # type: ignore[union-attr]
    assert found.y.tolist() == [3, 2, 3]
    assert found.low is not None and found.low.tolist() == [1, 2, 1]
    assert found.high is not None and found.high.tolist() == [5, 2, 5]
    one = curves(1, 2)
    assert pooled([one]) is one


def test_points_of_several_seeds_stand_together() -> None:
    found = pooled([scatter(0), scatter(10, "mpc")])
    assert isinstance(found, Scatter)
    assert found.px.tolist() == [0, 1, 2, 10, 11, 12]
    assert found.groups == ("apc",) * 3 + ("mpc",) * 3
    assert found.y_high is not None and found.y_high.tolist() == [1, 2, 5, 101, 122, 145]
    assert found.x_low is None


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([curves(1, 2), curves(1, 2, 3)], "other places"),
        ([curves(1, 2), curves(1, 2, name="mpc")], "other places"),
        ([curves(1, 2), scatter(0)], "curves and scatter"),
        ([Heatmap("m", np.eye(2), ("a", "b"), ("a", "b"))], "heatmap"),
    ],
)
def test_what_cannot_be_one_panel_is_refused(given: list[Curves | Scatter], said: str) -> None:
    with pytest.raises(FigureError, match=said):
        pooled(given)


def test_the_file_stands_for_itself() -> None:
    both = pooled([scatter(0), scatter(10, "<mpc>")])
    text = draw_charts([Chart("curve & band", pooled([curves(1, 2), curves(2, 3)])), Chart("points", both)], "all")
    root = ET.fromstring(text)
    panels = root.findall("{http://www.w3.org/2000/svg}svg")
    assert [(p.get("width"), p.get("height")) for p in panels] == [("420", "300")] * 2
    assert float(panels[1].get("x") or 0) >= float(panels[0].get("x") or 0) + 420
    texts = ["".join(node.itertext()) for node in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"all", "curve & band", "points", "apc", "<mpc>"} <= set(texts)
    assert "var(" not in text and "#0072b2" in text
    assert "stroke: #0072b2" in text and 'class="band c0"' in text
