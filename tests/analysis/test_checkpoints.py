from __future__ import annotations

import json
from pathlib import Path

import pytest

from masr.analysis.checkpoints import (
    Checkpoint,
    agreements,
    as_json,
    choices,
    figures,
    measured,
    render,
    table,
    validated,
)
from masr.errors import AnalysisError
from masr.io.figure import Curves, Scatter
from masr.maths.estimate import Estimate

VALUES = {  # step -> loss, view, accuracy: the loss and the bound each take another checkpoint than the accuracy
    "a": {10: (3.0, 0.1, 0.20), 20: (2.0, 0.3, 0.50), 30: (1.0, 0.2, 0.40), 40: (1.5, 0.4, 0.45)},
    "b": {10: (9.0, -0.1, 0.10), 20: (7.0, 0.0, 0.15), 30: (8.0, 0.1, 0.12)},
}


def looked() -> list[Checkpoint]:
    return [
        Checkpoint(
            run,
            step,
            {
                "loss": Estimate(loss),
                "view": Estimate(view, view - 1, view + 1),
                "accuracy": Estimate(right, 0, 1, unit="share"),
            },
        )
        for run, steps in VALUES.items()
        for step, (loss, view, right) in steps.items()
    ]


def test_each_run_is_ranked_by_itself_and_all_together() -> None:
    found = {(one.run, one.x, one.y): one.found for one in agreements(looked())}
    assert len(found) == 9
    both = found["a", "loss", "accuracy"]
    assert both is not None and both.spearman.value == pytest.approx(1 - 6 * (9 + 1 + 1 + 1) / 60)
    seen = found["a", "view", "accuracy"]  # 20 and 40 alone, of six pairs, have the one rise as the other falls
    assert seen is not None and seen.kendall.value == pytest.approx((5 - 1) / 6)
    every = found["all", "loss", "accuracy"]
    assert every is not None and every.num_points == 7
    assert {run for run, _, _ in found} == {"a", "b", "all"}
    assert {one.run for one in agreements(looked()[:4])} == {"a"}


def test_a_figure_chooses_the_least_loss_and_the_largest_of_all_else() -> None:
    chosen = {run: {name: one.step for name, one in by.items()} for run, by in choices(looked()).items()}
    assert chosen == {
        "a": {"loss": 30, "view": 40, "accuracy": 20},
        "b": {"loss": 20, "view": 30, "accuracy": 20},
    }
    found = json.loads(json.dumps(as_json(looked(), agreements(looked()))))
    assert found["choices"]["a"]["view"]["accuracy"]["value"] == 0.45
    assert found["checkpoints"][1]["loss"] == {"value": 2.0, "low": None, "high": None}
    assert set(found["correlations"]["b"]) == {"loss:view", "loss:accuracy", "view:accuracy"}


def test_what_is_missing_is_left_out_and_said() -> None:
    some = [Checkpoint("a", 10, {"loss": Estimate(1.0)}), Checkpoint("a", 20, {"accuracy": Estimate(0.5)})]
    assert measured(some) == ["loss", "accuracy"]
    assert table(some) == "run\tstep\tloss\taccuracy\na\t10\t1\t\na\t20\t\t0.5\n"
    (only,) = agreements(some)
    assert only.found is None and "0 points" in only.reason
    assert "0 points" in render(some, [only])
    assert [stem for stem, _ in figures(some)] == ["checkpoints.loss", "checkpoints.accuracy"]


def test_lines_and_figures() -> None:
    text = render(looked(), agreements(looked()))
    assert "least loss at step 30, accuracy 40.0 %" in text
    assert "highest view at step 40, accuracy 45.0 %" in text
    drawn = dict(figures(looked()))
    curves, points = drawn["checkpoints.view"], drawn["checkpoints.view.accuracy"]
    assert isinstance(curves, Curves) and [curve.name for curve in curves.curves] == ["a", "b"]
    assert curves.curves[0].x.tolist() == [10, 20, 30, 40]
    assert curves.curves[0].low is not None and curves.curves[0].low[0] == pytest.approx(-0.9)
    assert isinstance(points, Scatter) and points.py.tolist()[:2] == [0.2, 0.5]
    assert drawn["checkpoints.loss"].curves[0].low is None  # type: ignore[union-attr]


def test_losses_are_those_of_the_last_validation_of_a_step(tmp_path: Path) -> None:
    lines = [
        {"step": 20, "split": "train", "loss": 9.0},
        {"step": 20, "split": "dev", "loss": 4.0, "accuracy": 0.1},
        {"step": 40, "split": "dev", "loss": float("nan")},
        {"step": 20, "split": "dev", "loss": 3.0, "accuracy": 0.2},
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (tmp_path / "metrics.jsonl").write_text(text + '{"step": 60, "sp', encoding="utf-8")
    assert validated(tmp_path, "loss") == {20: 3.0}
    assert validated(tmp_path, "accuracy") == {20: 0.2}
    with pytest.raises(AnalysisError, match="no validation has a figure 'los'"):
        validated(tmp_path, "los")
    with pytest.raises(AnalysisError, match="cannot be read"):
        validated(tmp_path / "none", "loss")


@pytest.mark.parametrize(
    "line", ["[1]", "3", '{"split": "dev", "accuracy": 1}', '{"split": "dev", "step": "9", "accuracy": 1}']
)
def test_a_line_that_is_no_validation_is_passed_over(line: str, tmp_path: Path) -> None:
    good = '{"split": "dev", "step": 2, "accuracy": 0.5}'
    (tmp_path / "metrics.jsonl").write_text(f"{line}\n{good}\n", encoding="utf-8")
    assert validated(tmp_path, "accuracy") == {2: 0.5}


def test_metrics_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_bytes(b"\xff\xfe")
    with pytest.raises(AnalysisError, match="cannot be read"):
        validated(tmp_path, "accuracy")
