from __future__ import annotations

import sys

import pytest
from rich.table import Table

from masr.io.screen import draw


def table(*cells: str) -> Table:
    made = Table(*("x" * 30 for _ in cells))
    made.add_row(*cells)
    return made


def test_nothing_is_cut_in_a_log_and_nothing_is_read_as_markup() -> None:
    lines = draw(table("[bold]", ":smile:", "a", "b", "c")).split("\n")
    assert len(lines) == 5
    assert lines[-1].startswith("└") and not lines[-1].endswith("\n")
    assert "[bold]" in lines[3] and ":smile:" in lines[3]
    assert {len(line) for line in lines} == {5 * 33 + 1}
    assert "…" in draw(table(*"abcde"), 80)


def test_a_terminal_says_how_wide_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "60")
    assert len(draw(table(*"abcde")).split("\n")[-1]) == 60
