"""What people read on a screen or in a log: tables, and differences in words."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table


def draw(table: Table, width_in_log: int = 200) -> str:
    """The lines of a table: as wide as the terminal, and in a log wide enough that nothing is cut."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else width_in_log
    console = Console(width=width, markup=False, emoji=False, highlight=False)
    with console.capture() as captured:
        console.print(table)
    return captured.get().removesuffix("\n")


def points(change: float, low: float | None, high: float | None) -> str:
    """A difference of shares in points of per cent, with its interval: −3.1 [−5.0, −1.2]."""
    between = "" if low is None or high is None else f" [{_signed(low)}, {_signed(high)}]"
    return f"{_signed(change)}{between}"


def _signed(share: float) -> str:
    """In points of per cent; what rounds to nothing has no sign."""
    text = f"{100 * share:+.1f}"
    return "0.0" if text in ("+0.0", "-0.0") else text.replace("-", "\N{MINUS SIGN}")
