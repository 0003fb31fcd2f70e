"""Tables that people read on a screen or in a log."""

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
