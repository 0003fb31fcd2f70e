"""A table as far as it is done: every cell, what rows have to beat, what became of the claims, the paper's numbers."""

from __future__ import annotations

from dataclasses import dataclass

from masr.tables.cells import Row, row_of
from masr.tables.claims import Beside, Claim, beside_of, claims_of
from masr.tables.gates import Gate, gates_of
from masr.tables.origin import is_embedded
from masr.tables.plan import Plan
from masr.tables.state import hours_spent, states_of


@dataclass(frozen=True)
class Outcome:
    """The whole table."""

    plan: Plan
    rows: tuple[Row, ...]
    beside: tuple[Beside, ...]
    claims: tuple[Claim, ...]
    """Primary ones first."""
    gates: tuple[Gate, ...]
    num_done: int
    num_tasks: int
    hours: float
    """Of every task once."""
    commits: tuple[str, ...]
    embedded: bool | None
    """Whether the data come from an embedded corpus; None where the data do not say."""

    def label(self, row: str) -> str:
        """A row by its labels: group, row."""
        return next(r.full_label for r in self.rows if r.name == row)

    def families(self) -> dict[str, int]:
        """How many comparisons are corrected together, by family; primary ones first."""
        names = [claim.family for claim in self.claims]
        return {name: names.count(name) for name in dict.fromkeys(names)}

    def by_claim(self) -> dict[tuple[str, str], list[Claim]]:
        """Every pair and column tried, by family and claim in words: orderings may say the same of different rows."""
        found: dict[tuple[str, str], list[Claim]] = {}
        for claim in self.claims:
            found.setdefault((claim.family, claim.ordering.claim), []).append(claim)
        return found


def outcome_of(plan: Plan) -> Outcome:
    """Reads what there is."""
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
        is_embedded(plan),
    )
