from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from masr.errors import TableError
from masr.tables.config import ColumnConfig
from masr.tables.scores import Score, read_scores

FOUND = {"shares": {"all": {"1-NN": {"accuracy": 0.25, "low": 0.2, "high": 0.3, "count": 40}}}, "list": [1, 2.5]}


def column(**more: Any) -> ColumnConfig:
    given = {"name": "x", "step": "s", "file": "x.json", "at": ("shares", "all", "1-NN"), "value": ("accuracy",)}
    return ColumnConfig(**{**given, **more})


def write(folder: Path, found: Any) -> None:
    (folder / "x.json").write_text(found if isinstance(found, str) else json.dumps(found))


def test_a_score_with_its_interval_in_the_columns_unit(tmp_path: Path) -> None:
    write(tmp_path, FOUND)
    whole = column(low=("low",), high=("high",), count=("count",), scale=100.0)
    assert read_scores(tmp_path, whole) == Score(25.0, 20.0, 30.0, 40)
    assert read_scores(tmp_path, column(at=(), value=("list", "1"))) == Score(2.5)


def test_a_negative_scale_keeps_the_ends_in_order(tmp_path: Path) -> None:
    write(tmp_path, FOUND)
    assert read_scores(tmp_path, column(low=("low",), high=("high",), scale=-1.0)) == Score(-0.25, -0.3, -0.2)


def test_an_interval_that_the_file_says_there_is_none_of_is_none(tmp_path: Path) -> None:
    """As of a single speaker; a key that is not there is still refused."""
    share = {"accuracy": 0.25, "low": None, "high": None, "count": 40}
    write(tmp_path, {"shares": {"all": {"1-NN": share}}})
    assert read_scores(tmp_path, column(low=("low",), high=("high",), count=("count",))) == Score(0.25, None, None, 40)
    with pytest.raises(TableError, match=r"has no shares\.all\.1-NN\.lowest"):
        read_scores(tmp_path, column(low=("lowest",), high=("high",)))


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ("{nonsense", "cannot be read"),
        ({"shares": {"all": {"1-nn": {}}}}, "choose from: 1-nn"),
        ({"shares": {"all": {"1-NN": {"accuracy": "high"}}}}, "not a finite number"),
        ({"shares": {"all": {"1-NN": {"accuracy": True}}}}, "not a finite number"),
        ({"shares": {"all": {"1-NN": {"accuracy": math.nan}}}}, "not a finite number"),
        ([1], "has no shares"),
    ],
)
def test_what_is_no_score_is_refused(tmp_path: Path, found: Any, said: str) -> None:
    write(tmp_path, found)
    with pytest.raises(TableError) as caught:
        read_scores(tmp_path, column())
    assert said in caught.value.block()


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="is not there"):
        read_scores(tmp_path, column())
