from __future__ import annotations

import math

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from masr.config.scalars import ScalarLoader, quote, scalar_value


def read(text: str) -> object:
    node = ScalarLoader(f"key: {text}").get_single_node()
    value = node.value[0][1]
    assert isinstance(value, yaml.ScalarNode)
    return scalar_value(value)


TABLE = [
    ("no", "no"),
    ("yes", "yes"),
    ("on", "on"),
    ("off", "off"),
    ("y", "y"),
    ("NO", "NO"),
    ("true", True),
    ("True", True),
    ("TRUE", True),
    ("tRUE", "tRUE"),
    ("false", False),
    ("null", None),
    ("Null", None),
    ("NULL", None),
    ("nUll", "nUll"),
    ("~", None),
    ("", None),
    ("12", 12),
    ("+12", 12),
    ("-12", -12),
    ("012", 12),
    ("0o14", 12),
    ("0O14", "0O14"),
    ("0x1F", 31),
    ("0x1g", "0x1g"),
    ("-0x1F", "-0x1F"),
    ("0b11", "0b11"),
    ("1_000", "1_000"),
    ("12:30:45", "12:30:45"),
    ("2001-12-14", "2001-12-14"),
    ("1e-4", 1e-4),
    ("1E+4", 1e4),
    ("1.", 1.0),
    (".5", 0.5),
    ("-.5", -0.5),
    (".", "."),
    ("1.2.3", "1.2.3"),
    ("1e", "1e"),
    ("e1", "e1"),
    (".inf", math.inf),
    ("-.INF", -math.inf),
    ("inf", "inf"),
    ("nan", "nan"),
    ("=", "="),
    ("<<", "<<"),
    ("'12'", "12"),
    ('"true"', "true"),
    ("!!str 12", "12"),
    ("!!int 012", 12),
    ("!!float 3", 3.0),
]


@pytest.mark.parametrize(("text", "value"), TABLE)
def test_scalar(text: str, value: object) -> None:
    found = read(text)
    assert (type(found), found) == (type(value), value)


def test_nan() -> None:
    found = read(".NaN")
    assert isinstance(found, float)
    assert math.isnan(found)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("!!int x", "tagged !!int"),
        ("!!bool yes", "tagged !!bool"),
        ("!!float one", "tagged !!float"),
        ("!!null 0", "tagged !!null"),
        ("1e999", "beyond the largest number"),
        ("9" * 5000, "1000 digits"),
    ],
)
def test_scalar_that_would_be_silently_wrong_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read(text)


scalars = st.one_of(st.none(), st.booleans(), st.integers(-(10**30), 10**30), st.floats(allow_nan=False), st.text())


@given(scalars)
def test_quote_reads_back_under_yaml_1_2(value: bool | int | float | str | None) -> None:
    found = read(quote(value))
    assert (type(found), found) == (type(value), value)


@given(scalars)
def test_quote_reads_back_under_yaml_1_1(value: bool | int | float | str | None) -> None:
    """Other tools' YAML readers still follow 1.1, where `no` is false."""
    found = yaml.safe_load(f"key: {quote(value)}")["key"]
    assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize(
    "text", ["abc\n", "no", "12", "", " a", "a ", "a: b", "#a", "\ufeff", "\x85", "\u2028", "\x00", "🙂"]
)
def test_quote_of_awkward_text(text: str) -> None:
    assert read(quote(text)) == text
