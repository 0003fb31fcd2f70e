from __future__ import annotations

import itertools
import re
from importlib.resources import files

import numpy as np
import pytest

from masr.report.colours import MARKERS, Style, colour_map, hex_of, ink_on, marker_path, series_style


def luminance(rgb: np.ndarray) -> np.ndarray:
    """Relative luminance as WCAG 2 defines it."""
    c = rgb / 255
    linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    return linear @ np.array([0.2126, 0.7152, 0.0722])


def contrast(a: float, b: float) -> float:
    return (max(a, b) + 0.05) / (min(a, b) + 0.05)


def test_the_sequential_map_grows_lighter_all_the_way() -> None:
    found = luminance(colour_map("sequential"))
    assert (np.diff(found) >= 0).all()
    assert (np.diff(luminance(colour_map("sequential", 32))) > 0).all()
    assert found[-1] - found[0] > 0.7
    assert (hex_of(colour_map("sequential")[0]), hex_of(colour_map("sequential")[-1])) == ("#00204d", "#ffea46")


def test_the_diverging_map_is_lightest_in_the_middle() -> None:
    found = luminance(colour_map("diverging", 255))
    assert (np.diff(found[:128]) >= 0).all()
    assert (np.diff(found[127:]) <= 0).all()
    assert found[127] > 0.9 > 0.2 > max(found[0], found[-1])
    assert hex_of(colour_map("diverging", 255)[127]) == "#f7f7f7"


@pytest.mark.parametrize("name", ["sequential", "diverging"])
def test_figures_in_cells_can_be_read(name: str) -> None:
    for colour in colour_map(name):
        ink = 0.0 if ink_on(colour) == "black" else 1.0
        assert contrast(float(luminance(colour)), ink) >= 4.5


def test_no_two_of_49_styles_look_alike_and_neighbours_differ_without_colour() -> None:
    looks = {(Style(n).colour, Style(n).marker) for n in range(49)}
    assert len(looks) == 49
    for a, b in itertools.pairwise(range(28)):
        assert Style(a).marker != Style(b).marker
        assert series_style(a).dash != series_style(b).dash


@pytest.mark.parametrize("marker", MARKERS)
def test_markers_are_centred_and_of_one_size(marker: str) -> None:
    path = marker_path(marker, 100, 50, 4)
    assert path.startswith("M")
    numbers = [float(v) for v in re.findall(r"-?[\d.]+", path)]
    assert abs(numbers[0] - 100) <= 6
    assert abs(numbers[1] - 50) <= 6


def test_every_colour_of_text_stands_out_in_light_and_in_dark() -> None:
    """Read from the style sheet, so that a change of it is checked."""
    style = files("masr.report").joinpath("page.css").read_text(encoding="utf-8")
    blocks = re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        found = {
            k: luminance(np.array([int(v[i : i + 2], 16) for i in (0, 2, 4)]))
            for k, v in re.findall(r"--(\w+): #(\w{6})", block)
        }
        for paper in ("paper", "raised"):
            for text in ("ink", "soft", "link", "warn"):
                assert contrast(found[text], found[paper]) >= 4.5, (text, paper)
