from __future__ import annotations

import json
import math
from functools import partial
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from masr.cli.main import main
from masr.errors import AnalysisError
from masr.io.figure_file import read_figure
from masr.maths import bootstrap, rank_correlation
from masr.maths.bootstrap import drawn
from masr.maths.rank_correlation import correlate, kendall, kendall_of_draws, spearman, spearman_of_draws
from reference import slow_bootstrap, slow_information


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=3, max_size=15))
def test_coefficients_are_those_of_the_definitions(points: list[tuple[int, int]]) -> None:
    x, y = (np.array(side, dtype=np.float64) for side in zip(*points))
    assume(len(set(x)) > 1 and len(set(y)) > 1)
    assert spearman(x, y) == pytest.approx(slow_information.spearman(x.tolist(), y.tolist()), abs=1e-12)
    assert kendall(x, y) == pytest.approx(slow_information.kendall(x.tolist(), y.tolist()), abs=1e-12)
    assert spearman(np.exp(x), -(y**3)) == pytest.approx(-spearman(x, y), abs=1e-12)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=3, max_size=9), st.integers(0, 3))
def test_draws_are_ranked_as_point_after_point_would_be(points: list[tuple[int, int]], seed: int) -> None:
    x, y = (np.array(side, dtype=np.float64) for side in zip(*points))
    times = drawn(len(x), seed, 30)
    for figure, slow in (
        (spearman_of_draws(x, y), slow_information.spearman),
        (kendall_of_draws(x, y), slow_information.kendall),
    ):
        expected = slow_bootstrap.redrawn(points, list(range(len(x))), times.tolist(), partial(coefficient, slow))
        np.testing.assert_allclose(figure(times), expected, atol=1e-12)


def coefficient(slow: Any, points: list[tuple[int, int]]) -> float:
    """NaN where a side has one value alone."""
    sides = list(zip(*points))
    return slow(*sides) if all(len(set(side)) > 1 for side in sides) else float("nan")  # type: ignore[no-any-return]


def test_p_is_the_share_of_matchings_that_are_as_far_from_nothing() -> None:
    """Of the 120 matchings of five points, each counted once; two of y are equal."""
    x, y = [1.0, 2.0, 3.0, 4.0, 5.0], [2.0, 1.0, 4.0, 4.0, 9.0]
    found = correlate(x, y)
    for one, slow in ((found.spearman, slow_information.spearman), (found.kendall, slow_information.kendall)):
        far = [abs(slow(x, list(other))) >= abs(slow(x, y)) - 1e-12 for other in permutations(y)]
        assert one.value == pytest.approx(slow(x, y))
        assert one.p == pytest.approx(np.mean(far), abs=1e-12)
    for count in (3, 4, 6, 8):  # one order and its reverse
        assert correlate(range(count), range(count)).spearman.p == pytest.approx(2 / math.factorial(count))


@pytest.mark.parametrize("count", [5, 9])
def test_blocks_of_matchings_and_draws_change_nothing(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    x, y = list(random.random(count)), list(random.random(count))
    whole = correlate(x, y)
    for module in (bootstrap, rank_correlation):
        monkeypatch.setattr(module, "_MOST_CELLS", 700)
    parts = correlate(x, y)
    assert (parts.spearman.p, parts.kendall.p) == (whole.spearman.p, whole.kendall.p)
    assert parts.spearman.low == pytest.approx(whole.spearman.low)


def test_intervals_hold_the_value_and_p_is_small_where_they_rise_together() -> None:
    random = np.random.default_rng(0)
    x = np.arange(30.0)
    near = correlate(list(x), list(x + 4 * random.standard_normal(30)))
    assert near.spearman.low is not None and near.spearman.high is not None
    assert near.spearman.low < near.spearman.value < near.spearman.high
    assert near.spearman.low > 0.5
    assert near.kendall.p < 0.01
    far = correlate(list(x), list(random.standard_normal(30)))
    assert far.spearman.p > 0.05
    assert far.kendall.low is not None and far.kendall.high is not None
    assert far.kendall.low < 0 < far.kendall.high
    assert correlate([1, 2, 3, 4], [1, 2, 3, 4]).spearman.p > 0.05  # 1 in 12 matchings is as good


def test_what_has_no_correlation_is_refused() -> None:
    for x, y, message in [
        ([1, 2], [1, 2], "2 points"),
        ([1, 1, 1], [1, 2, 3], "same everywhere"),
        ([1, 2, np.nan], [1, 2, 3], "known"),
    ]:
        with pytest.raises(AnalysisError, match=message):
            correlate(x, y)


def test_the_verb_reads_a_table_and_draws_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    random = np.random.default_rng(1)
    rows = ["name\tobjective\tloss\taccuracy"]
    rows += [f"m{i}\t{'apc' if i % 2 else 'cpc'}\t{i}\t{50 - i + random.normal():.3f}" for i in range(12)]
    rows += ["m12\tmpc\t3\t", "m13\tmpc\t4\t46"]
    table = tmp_path / "t.tsv"
    table.write_text("\n".join(rows) + "\n")
    command = ["analyse", "correlation", str(table), "--x", "loss", "--y", "accuracy", "--by", "objective"]
    assert main([*command, "--name", "name", "--out", str(tmp_path / "o"), "--json", str(tmp_path / "c.json")]) == 0
    printed = capsys.readouterr().out
    assert "1 rows left out" in printed
    assert "left out: mpc: 1 points" in printed
    found = json.loads((tmp_path / "c.json").read_text())
    assert [one["group"] for one in found["groups"]] == ["all", "cpc", "apc"]
    assert found["groups"][1]["spearman"]["value"] < -0.9
    figure = read_figure(tmp_path / "o" / "correlation.loss.accuracy.figure.json")
    assert len(figure.px) == 13  # type: ignore[union-attr]
    assert main([*command[:5], "--y", "acuracy"]) == 2
    assert "did you mean accuracy?" in capsys.readouterr().err
    table.write_text("loss\taccuracy\n1\n")
    assert main(command[:7]) == 2
    assert ":2: 1 cells for 2 columns" in capsys.readouterr().err
