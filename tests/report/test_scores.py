from __future__ import annotations

import math
from pathlib import Path

from masr.maths.estimate import Estimate
from masr.report.gather import Run
from masr.report.markup import join
from masr.report.scores import Score, flattened, score_section


def test_figures_with_intervals_are_one_score() -> None:
    data = {
        "shares": {"all": {"1-NN": {"accuracy": 0.5, "low": 0.4, "high": 0.6, "count": 10}}},
        "chance": 0.1,
        "wer": {"value": 12.5, "low": 11, "high": 14},
        "num": 3,
        "missing": None,
        "flag": True,
        "name": "x",
        "list": [1, 2],
        "huge": 10**400,
    }
    assert list(flattened(data)) == [
        Score("all, 1-NN", Estimate(0.5, 0.4, 0.6, 10, "share")),
        Score("chance", Estimate(0.1, unit="share")),
        Score("wer", Estimate(12.5, 11.0, 14.0)),
        Score("num", Estimate(3.0)),
        Score("missing", Estimate(math.nan)),
        Score("huge", Estimate(math.nan)),
    ]
    texts = [one.text() for one in flattened(data)]
    assert texts == ["50.0 ± 10.0 %", "10.0 %", "12.5 [11, 14]", "3", "\N{EN DASH}", "\N{EN DASH}"]
    assert Score("a", Estimate(0.5, 0.25, 0.625, 10, "share")).text() == "50.0 [25.0, 62.5] %"


def section(*scores: dict[str, object]) -> str:
    runs = [Run(Path(f"r{n}"), f"r{n}", chr(65 + n), scores={"dev": data}) for n, data in enumerate(scores)]
    return str(join(score_section(runs)))


def test_two_runs_stand_side_by_side_with_their_difference() -> None:
    shown = section({"accuracy": 0.5, "only": 1}, {"accuracy": 0.4})
    assert "\N{MINUS SIGN}10.0 points" in shown
    assert shown.count("<th") > 4
    assert "B minus A" in shown


def test_bars_show_intervals_and_chance() -> None:
    measured = {"accuracy": 0.5, "low": 0.4, "high": 0.6}
    shown = section({"x": measured, "chance": 0.1})
    assert "chance 10.0 %" in shown
    assert "x, r0: 50.0 %, from 40.0 % to 60.0 %" in shown
    assert "<svg" not in section({"num": 1})
