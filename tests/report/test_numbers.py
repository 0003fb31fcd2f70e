from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from masr.report.numbers import MISSING, grouped, log_ticks, percent, scale, short, tick_texts, ticks

FINITE = st.floats(-1e12, 1e12).filter(lambda v: v == 0 or abs(v) > 1e-9)


@given(FINITE, FINITE, st.integers(3, 10))
def test_ticks_hold_the_values_and_are_few_even_and_round(a: float, b: float, most: int) -> None:
    low, high = min(a, b), max(a, b)
    found = ticks(low, high, most)
    reach = 1e-6 * max(abs(low), abs(high), high - low, 1e-12)
    assert found[0] <= low + reach
    assert found[-1] >= high - reach
    assert 2 <= len(found) <= max(most, 2)
    steps = np.diff(found)
    assert (steps > 0).all()
    if high - low > 1e-6 * max(abs(low), abs(high)):
        np.testing.assert_allclose(steps, steps[0], rtol=1e-3)
        digit = steps[0] / 10 ** math.floor(math.log10(steps[0]) + 1e-6)
        assert min(abs(digit - d) for d in (1, 2, 5)) < 1e-2


def test_ticks_of_one_value_and_of_nonsense() -> None:
    assert ticks(0.0, 0.0)[0] < 0 < ticks(0.0, 0.0)[-1]
    assert ticks(5.0, 5.0)[0] < 5 < ticks(5.0, 5.0)[-1]
    assert ticks(0.0, 0.3, 4) == [0.0, 0.1, 0.2, 0.3]
    for low, high in ((1.0, 0.0), (0.0, math.inf), (math.nan, 1.0)):
        with pytest.raises(ValueError, match="no axis"):
            ticks(low, high)


@given(st.floats(1e-300, 1e300), st.floats(1e-300, 1e300), st.integers(2, 8))
def test_logarithmic_ticks_are_powers_of_ten_around_the_values(a: float, b: float, most: int) -> None:
    low, high = min(a, b), max(a, b)
    found = log_ticks(low, high, most)
    assert found[0] <= low * 1.001
    assert found[-1] >= high * 0.999
    assert 2 <= len(found) <= most
    assert all(abs(math.log10(v) - round(math.log10(v))) < 1e-9 for v in found)


def test_numbers_for_people() -> None:
    shown = {
        0.0: "0",
        3.0: "3",
        4.224750516: "4.225",
        0.0008944271: "0.0008944",
        0.000012345: "1.23e\N{MINUS SIGN}5",
        -2.5: "\N{MINUS SIGN}2.5",
        1234567.0: "1\N{NARROW NO-BREAK SPACE}234\N{NARROW NO-BREAK SPACE}567",
        1234567.8: "1\N{NARROW NO-BREAK SPACE}234\N{NARROW NO-BREAK SPACE}568",
        9999.0: "9999",
        1.5e20: "1.5e20",
    }
    assert {value: short(value) for value in shown} == shown
    assert short(None) == short(math.nan) == short(math.inf) == percent(None) == MISSING
    assert percent(0.4761) == "47.6 %"
    assert grouped(-12345) == "\N{MINUS SIGN}12\N{NARROW NO-BREAK SPACE}345"


def test_labels_of_an_axis_have_the_decimals_of_its_step() -> None:
    assert tick_texts([0.0, 0.5, 1.0]) == ["0.0", "0.5", "1.0"]
    assert tick_texts([0.0, 50_000.0, 100_000.0]) == ["0", "50k", "100k"]
    assert tick_texts([0.0, 2e6]) == ["0", "2M"]
    assert tick_texts([-1.0, 0.0]) == ["\N{MINUS SIGN}1", "0"]
    assert tick_texts([0.0, 2e-6]) == ["0", "2e\N{MINUS SIGN}6"]


@given(st.lists(FINITE, min_size=1, max_size=20))
def test_a_scale_keeps_values_within_its_ends(values: list[float]) -> None:
    found = scale(values, 10, 110)
    assert all(10 - 1e-3 <= found.at(v) <= 110 + 1e-3 for v in values)
    assert found.at(found.ticks[0]) == pytest.approx(10)
    assert found.at(found.ticks[-1]) == pytest.approx(110)


def test_scales_without_values_and_upside_down() -> None:
    assert scale([math.nan], 0, 1).at(0.5) == pytest.approx(0.5)
    down = scale([0.0, 10.0], 100, 0)
    assert down.at(0) == 100
    assert down.at(10) == 0
    log = scale([1.0, 100.0], 0, 100, log=True)
    assert log.at(10) == pytest.approx(50)
