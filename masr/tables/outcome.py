"""A table as far as it is done: every cell, what rows have to beat, what became of the claims, the paper's numbers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from masr.io.layout import PROVENANCE
from masr.io.origin import is_embedded
from masr.tables.cells import Row, row_of
from masr.tables.claims import Beside, Claim, beside_of, claims_of
from masr.tables.gates import Gate, gates_of
from masr.tables.names import FOLDERS
from masr.tables.placeholders import place_folders
from masr.tables.plan import Plan
from masr.tables.state import hours_spent, states_of


@dataclass(frozen=True)
class Outcome:
    """The whole table as far as it is done."""

    plan: Plan
    rows: tuple[Row, ...]
    beside: tuple[Beside, ...]
    claims: tuple[Claim, ...]
    """The claims of all orderings, primary ones first."""
    gates: tuple[Gate, ...]
    num_done: int
    num_tasks: int
    hours: float
    """Hours of all tasks, each counted once."""
    commits: tuple[str, ...]
    embedded: bool | None
    """Whether the data come from an embedded corpus; None where the data do not say."""

    def label(self, row: str) -> str:
        """What people call a row: the labels of its group and itself."""
        return next(r.full_label for r in self.rows if r.name == row)

    def families(self) -> dict[str, int]:
        """How many comparisons are corrected together, by family; primary ones first."""
        names = [claim.family for claim in self.claims]
        return {name: names.count(name) for name in dict.fromkeys(names)}

    def by_claim(self) -> dict[tuple[str, str], list[Claim]]:
        """(family, claim in words) -> every pair and column tried: orderings may say the same of different rows."""
        claims: dict[tuple[str, str], list[Claim]] = {}
        for claim in self.claims:
            claims.setdefault((claim.family, claim.ordering.claim), []).append(claim)
        return claims


def outcome_of(plan: Plan) -> Outcome:
    """The table with everything that is there so far."""
    states = states_of(plan)
    rows = {name: row_of(plan, name, states) for name in plan.rows}
    claims = claims_of(plan, rows)
    beside = tuple(beside_of(reported, rows, claims) for reported in plan.table.reported if reported.row in rows)
    done = [state for state in states.values() if state.status == "done"]
    commits = tuple(sorted({state.commit for state in done if state.commit}))
    return Outcome(
        plan,
        tuple(rows.values()),
        beside,
        claims,
        gates_of(plan, rows),
        len(done),
        len(states),
        hours_spent(states.values()),
        commits,
        data_are_embedded(plan),
    )


def data_are_embedded(plan: Plan) -> bool | None:
    """Whether any input was prepared from an embedded corpus, by the data and not by the table; None if unknown.

    Inputs that were made of data directories do not say it themselves, so that the recipe's data directories count too.
    """
    places = {name: str(plan.folders.of(name)) for name in FOLDERS}
    paths = {Path(place_folders(word, places)) for task in plan.tasks for word in task.inputs}
    paths.update(path.parent for path in plan.folders.data.glob(f"*/{PROVENANCE}"))
    return is_embedded(sorted(paths))
