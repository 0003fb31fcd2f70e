"""The one text form of a value with its interval, and its keys in files."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from masr.maths.estimate import Estimate, number, points


def test_numbers_are_never_minus_nothing() -> None:
    assert number(-0.04, 1) == "0.0"
    assert number(-0.04, 1, sign=True) == "+0.0"
    assert number(-0.06, 1) == "-0.1"
    assert number(math.nan, 2) == "-" and number(math.inf, 2) == "inf"


def test_even_ends_are_a_half_width_and_uneven_ones_stand_in_brackets() -> None:
    assert Estimate(2.0, 1.5, 2.5, 3).text(1) == "2.0 ± 0.5"
    assert Estimate(2.0, 1.0, 2.5, 1).text(1) == "2.0 [1.0, 2.5]"
    assert Estimate(2.0).text(1, sign=True) == "+2.0"
    assert Estimate(-0.2, -1.0, 0.25).text(1, sign=True) == "-0.2 [-1.0, +0.2]"
    assert Estimate(1.0, 0.5, math.inf).text(2) == "1.00 [0.50, inf]"
    assert Estimate(math.nan).text(1) == "-"


def test_a_share_is_written_in_per_cent() -> None:
    one = Estimate(0.25, 0.125, 0.5, 8, "share")
    assert one.text(1) == "25.0 [12.5, 50.0]"
    assert (one.value_text(2), one.interval_text(0)) == ("25.00", "[12, 50]")
    assert Estimate(0.25, 0.125, 0.375, 8, "share").text(1) == "25.0 ± 12.5"
    assert Estimate(0.25, unit="share").interval_text(1) == ""


def test_points_of_per_cent_have_a_sign_that_is_as_wide_as_a_plus() -> None:
    assert points(Estimate(-0.031, -0.05, 0.012, unit="share")) == "−3.1 [−5.0, +1.2]"
    assert points(Estimate(0.02, unit="share")) == "+2.0"


def test_files_have_the_keys_they_always_had() -> None:
    assert Estimate(1.0, unit="nats").as_json() == {"value": 1.0, "low": None, "high": None}
    assert list(Estimate(1.0, 0.5, 2.0, 3).as_json().items()) == [
        ("value", 1.0), ("low", 0.5), ("high", 2.0), ("count", 3),
    ]  # fmt: skip
    named = Estimate(1.0, 0.5, 2.0, 3).as_json("accuracy", "num_pairs")
    assert named == {"accuracy": 1.0, "low": 0.5, "high": 2.0, "num_pairs": 3}


@settings(deadline=None)
@given(st.floats(-100, 100), st.floats(0, 50), st.floats(0, 50))
def test_what_is_read_is_what_is_held(value: float, down: float, up: float) -> None:
    text = Estimate(value, value - down, value + up).text(3)
    if "±" in text:
        centre, half = map(float, text.split(" ± "))
        assert (centre, half) == pytest.approx((value, up), abs=6e-4)
    else:
        centre, low, high = (float(word.strip("[],")) for word in text.split())
        assert (centre, low, high) == pytest.approx((value, value - down, value + up), abs=6e-4)
