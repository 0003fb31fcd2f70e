from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from masr.io.json_file import write_json


@dataclass
class Figure:
    value: float
    parts: tuple[float, ...] = ()


def test_numbers_that_are_not_finite_are_null_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    values = {"a": Figure(math.nan, (1.0, math.inf)), "b": [np.float64("-inf"), None], "c": {"d": math.nan}}
    write_json(tmp_path / "x.json", values)
    found = json.loads((tmp_path / "x.json").read_text(encoding="utf-8"))
    assert found == {"a": {"value": None, "parts": [1.0, None]}, "b": [None, None], "c": {"d": None}}
    said = capsys.readouterr().err
    assert "x.json" in said and "a.value, a.parts.1, b.0 and 1 more" in said


def test_nothing_is_said_of_numbers_and_of_what_was_null(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_json(tmp_path / "x.json", {"a": Figure(1.0), "b": None, "nan": "nan"})
    assert capsys.readouterr().err == ""
