from __future__ import annotations

import math

import numpy as np
import pytest

from masr.inference.identify import Identified
from masr.inference.identify_report import Report


@pytest.mark.parametrize("broken", [math.nan, -math.inf, math.inf])
def test_an_answer_that_is_not_finite_is_none(broken: float, capsys: pytest.CaptureFixture[str]) -> None:
    report = Report(["a.wav", "b.wav"], ("eng", "hin"), 2, False, None)
    report.add(Identified(0, np.array([0.0, broken], np.float32), 5, 1))
    report.add(Identified(1, np.array([-0.5, -1.0], np.float32), 5, 1))
    said = capsys.readouterr()
    assert report.num_failed == 1
    assert "a.wav: the model's output is not a number" in said.err and "b.wav" in said.out and "a.wav" not in said.out
