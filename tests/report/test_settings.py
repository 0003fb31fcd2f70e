from __future__ import annotations

import pytest

from masr.errors import ConfigError
from masr.report.settings import differences, flattened, setting


def test_every_value_has_its_path() -> None:
    text = "a: {b: 0.002, c: [1, 2]}\nlang: no\nempty: ''\nstreams:\n  - {name: language, weight: 2}\n  - {x: 1}\n"
    assert flattened(text) == {
        "a.b": "0.002",
        "a.c": "[1, 2]",
        "lang": "no",
        "empty": '""',
        "streams[language].name": "language",
        "streams[language].weight": "2",
        "streams[1].x": "1",
    }
    assert flattened("") == {}
    with pytest.raises(ConfigError):
        flattened("a: [")


def test_only_what_differs_is_listed() -> None:
    one, two = {"a": "1", "b": "2"}, {"a": "1", "b": "3", "c": "4"}
    assert differences([one, two]) == [("b", ["2", "3"]), ("c", [None, "4"])]
    assert differences([one, dict(one)]) == []


def test_one_setting() -> None:
    assert setting("training: {max_steps: 300}", "training.max_steps") == "300"
    assert setting("training: [", "training.max_steps") == ""
