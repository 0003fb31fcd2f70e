"""Which columns a size of a table has."""

from __future__ import annotations

from pathlib import Path

import pytest

from masr.api.schemas import resolved_settings
from masr.tables.config import read_table
from masr.tables.layout import page_of
from masr.tables.outcome import outcome_of
from masr.tables.plan import folders_of, make_plan
from masr.tables.resolved import ResolvedDigests

TABLE = Path(__file__).resolve().parents[2] / "egs" / "librispeech" / "tables" / "mutual_information.yaml"


@pytest.mark.parametrize(("size", "hidden", "ranks"), [("mini", False, False), ("paper", True, True)])
def test_a_column_that_no_row_of_the_size_has_is_left_out(size: str, hidden: bool, ranks: bool, tmp_path: Path) -> None:
    folders = folders_of(TABLE, size, tmp_path / "data", tmp_path / "exp", None)
    resolved = ResolvedDigests(tmp_path / "resolved.json", resolved_settings)
    scores = page_of(outcome_of(make_plan(read_table(TABLE), size, folders, resolved))).sheets[0]
    assert any(name.startswith("phones: bound") for name in scores.headings)
    assert any(name.startswith("hidden:") for name in scores.headings) == hidden
    assert any(name.startswith("over all models:") for name in scores.headings) == ranks
    assert {len(row) for row in scores.rows} == {len(scores.headings)}
    assert any("WavLM" in row[0] for row in scores.rows) == hidden
