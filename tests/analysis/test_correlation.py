from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from masr.cli.main import main
from masr.errors import AnalysisError
from masr.io.figure_file import read_figure
from masr.maths.rank_correlation import correlate, kendall, ranks, spearman
from reference import slow_information


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=3, max_size=15))
def test_coefficients_are_those_of_the_definitions(points: list[tuple[int, int]]) -> None:
    x, y = (np.array(side, dtype=np.float64) for side in zip(*points))
    assume(len(set(x)) > 1 and len(set(y)) > 1)
    assert ranks(x).tolist() == slow_information.ranks(x.tolist())
    assert spearman(x, y) == pytest.approx(slow_information.spearman(x.tolist(), y.tolist()), abs=1e-12)
    assert kendall(x, y) == pytest.approx(slow_information.kendall(x.tolist(), y.tolist()), abs=1e-12)
    assert spearman(np.exp(x), -(y**3)) == pytest.approx(-spearman(x, y), abs=1e-12)


def test_intervals_hold_the_value_and_p_is_small_where_they_rise_together() -> None:
    random = np.random.default_rng(0)
    x = np.arange(30.0)
    near = correlate(list(x), list(x + 4 * random.standard_normal(30)))
    assert near.spearman.low < near.spearman.value < near.spearman.high
    assert near.spearman.low > 0.5
    assert near.kendall.p < 0.01
    far = correlate(list(x), list(random.standard_normal(30)))
    assert far.spearman.p > 0.05
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
