"""What rows have to beat before their figures say anything: trivial features, fresh weights, a constant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from masr.maths.estimate import Estimate
from masr.tables.cells import Row
from masr.tables.claim_config import GateConfig
from masr.tables.claims import compared
from masr.tables.config import ColumnConfig, row_name
from masr.tables.plan import Plan

Passed = Literal["beats", "does not beat", "not judged"]


@dataclass(frozen=True)
class Hurdle:
    """One thing that a row has to beat."""

    name: str
    """A row or a level."""
    label: str
    mean: Estimate | None
    passed: Passed


@dataclass(frozen=True)
class Gate:
    """A row in a column, and all that it has to beat there."""

    row: str
    column: str
    mean: Estimate | None
    hurdles: tuple[Hurdle, ...]

    @property
    def passes(self) -> bool | None:
        """False where it does not beat one of them, None where that cannot be said of all yet."""
        outcomes = {hurdle.passed for hurdle in self.hurdles}
        return False if "does not beat" in outcomes else None if "not judged" in outcomes else True


def gates_of(plan: Plan, rows: Mapping[str, Row]) -> tuple[Gate, ...]:
    """Every gate, row and column of this size that has something to beat."""
    gates = []
    for gate in plan.table.gates:
        for name in _rows(plan, gate, rows):
            for column in gate.columns:
                mean = rows[name].cells[column].mean
                if (name, column) not in plan.columns:
                    continue
                hurdles = tuple(
                    Hurdle(other, label, theirs, _passed(gate, plan.columns[name, column], rows, name, other, theirs))
                    for other, label, theirs in _hurdles(plan, gate, name, column, rows)
                )
                if hurdles:
                    gates.append(Gate(name, column, mean, hurdles))
    return tuple(gates)


def _rows(plan: Plan, gate: GateConfig, rows: Mapping[str, Row]) -> list[str]:
    names = {row_name(*pair): pair[0].name for pair in plan.table.all_rows()}
    if not gate.rows:
        return [name for name, row in rows.items() if not row.role]
    return [name for name in rows if name in gate.rows or names[name] in gate.rows]


def _hurdles(
    plan: Plan, gate: GateConfig, name: str, column: str, rows: Mapping[str, Row]
) -> list[tuple[str, str, Estimate | None]]:
    """(name, label, mean) of what the row has to beat in the column."""
    group = name.partition(".")[0]
    chosen = gate.above or [other for other, row in rows.items() if row.role in ("trivial", "fresh")]
    found: list[tuple[str, str, Estimate | None]] = []
    for above in chosen:
        if above in plan.levels:
            constant = plan.levels[above].get(column)
            label = next(level.label or level.name for level in plan.table.levels if level.name == above)
            if constant is not None:
                found.append((above, label, Estimate(constant, constant, constant, 0)))
            continue
        other = above if above in rows else f"{group}.{above}"
        if other in rows and other != name and (other, column) in plan.columns:
            found.append((other, rows[other].full_label, rows[other].cells[column].mean))
    return found


def _passed(
    gate: GateConfig, column: ColumnConfig, rows: Mapping[str, Row], name: str, other: str, theirs: Estimate | None
) -> Passed:
    """Whether a row beats another or a constant, which has the mean `theirs`."""
    cell = rows[name].cells[column.name]
    if gate.paired and other in rows:
        gain = compared(column, cell.scores, rows[other].cells[column.name].scores).gain
        if gain is None or gain.low is None:
            return "not judged"
        return "beats" if gain.low > 0 else "does not beat"
    ends = [end for one in (cell.mean, theirs) for end in ((one.low, one.high) if one else (None,))]
    if any(end is None for end in ends):
        return "not judged"
    low, high, their_low, their_high = (float(end) for end in ends if end is not None)
    return "beats" if (low > their_high if column.better == "higher" else high < their_low) else "does not beat"
