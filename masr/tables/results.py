"""RESULTS.md of a recipe: every table of its folder, in every size of which anything is done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from masr.tables.formats import markdown
from masr.tables.outcome import Outcome

RESULTS = "RESULTS.md"


def results(tables: Mapping[Path, Iterable[Outcome]], corpus: str) -> str:
    """The whole file. It names no date, so that it changes only with its figures, hours and commits."""
    parts = [
        f"# Results of {corpus}",
        "Written by `masr table results`; do not edit. "
        "`masr table show TABLE` prints one table, `masr table plan TABLE` what is left to do.",
    ]
    for path, outcomes in tables.items():
        begun = []
        for outcome in outcomes:
            if outcome.num_done:
                begun.append(markdown(outcome))
            else:
                begun.append(
                    f"## {outcome.plan.table.title}, size {outcome.plan.size_name}\n\n"
                    f"Nothing has been run: {outcome.plan.size.what}\n"
                )
        parts += [part + f"\nFile: `tables/{path.name}`" for part in begun]
    return "\n\n".join(part.strip() for part in parts) + "\n"
