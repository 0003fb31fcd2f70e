"""A table as far as it is done: every cell, the paper's numbers beside it, and what became of the claims."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from masr.errors import TableError
from masr.tables.config import ColumnConfig, OrderingConfig, ReportedConfig, row_name
from masr.tables.origin import is_embedded
from masr.tables.plan import Plan
from masr.tables.scores import Score, read_scores
from masr.tables.state import State, hours_spent, key_of, states_of
from masr.tables.statistics import Comparison, Mean, compare, mean_of, relative_change
from masr.tables.task import Task

Interval = Literal["seeds", "file", ""]


@dataclass(frozen=True)
class Cell:
    """A row's score in a column; without seeds it is missing."""

    scores: Mapping[int, Score]
    """By seed."""
    wanted: int
    """How many seeds there are to be; 0 where the row does not have this score."""
    mean: Mean | None
    interval: Interval
    """Where its ends come from: t over seeds, or the score's own file where there is one seed."""
    trouble: str = ""
    """Why a score that should be there cannot be read."""


@dataclass(frozen=True)
class Row:
    """A system, and what it took."""

    name: str
    group: str
    label: str
    cells: Mapping[str, Cell]
    hours: float
    """Of all its tasks, those that it shares included."""
    commits: tuple[str, ...]
    status: str
    """'' when all is done; else how many of its tasks are done, running, failed."""


@dataclass(frozen=True)
class Beside:
    """A number printed elsewhere, and ours beside it."""

    reported: ReportedConfig
    ours: Mean | None
    """In the same unit: the cell, or our own relative change."""
    difference: float | None


@dataclass(frozen=True)
class Claim:
    """One pair of rows of an ordering, in one column."""

    ordering: OrderingConfig
    better: str
    than: str
    """A row; "" where the ordering compares with a number."""
    column: str
    comparison: Comparison


@dataclass(frozen=True)
class Outcome:
    """The whole table."""

    plan: Plan
    rows: tuple[Row, ...]
    beside: tuple[Beside, ...]
    claims: tuple[Claim, ...]
    num_done: int
    num_tasks: int
    hours: float
    """Of every task once."""
    commits: tuple[str, ...]
    embedded: bool | None
    """Whether the data come from an embedded corpus; None where the data do not say."""

    def label(self, row: str) -> str:
        """A row by its labels: group, row."""
        return next(" ".join(filter(None, (r.group, r.label))) for r in self.rows if r.name == row)

    def by_claim(self) -> dict[str, list[Claim]]:
        """Every pair and column tried, by the claim in words: several orderings may say the same of different rows."""
        found: dict[str, list[Claim]] = {}
        for claim in self.claims:
            found.setdefault(claim.ordering.claim, []).append(claim)
        return found


def outcome_of(plan: Plan) -> Outcome:
    """Reads what there is."""
    states = states_of(plan)
    rows = tuple(_row(plan, name, states) for name in plan.rows)
    by_name = {row.name: row for row in rows}
    beside = tuple(_beside(reported, by_name) for reported in plan.table.reported if reported.row in by_name)
    claims = tuple(
        Claim(ordering, better, than, column, _compared(plan.columns[better, column], by_name, better, than, ordering))
        for ordering in plan.table.orderings
        for better, than in plan.table.pairs(ordering)
        if better in by_name and (not than or than in by_name)
        for column in ordering.columns
        if (better, column) in plan.columns
    )
    done = [state for state in states.values() if state.status == "done"]
    commits = tuple(sorted({state.commit for state in done if state.commit}))
    return Outcome(
        plan, rows, beside, claims, len(done), len(states), hours_spent(states.values()), commits, is_embedded(plan)
    )


def _row(plan: Plan, name: str, states: Mapping[tuple[str, str], State]) -> Row:
    mine = [states[key] for key in _keys(task for (row, _, _), task in plan.cells.items() if row == name)]
    group, row = next(pair for pair in plan.table.all_rows() if row_name(*pair) == name)
    cells = {column.name: _cell(plan, name, column.name, states) for column in plan.table.columns}
    counts = {status: sum(state.status == status for state in mine) for status in ("done", "running", "failed")}
    parts = [f"{count} {status}" for status, count in counts.items() if count or status == "done"]
    status = "" if counts["done"] == len(mine) else f"{', '.join(parts)} of {len(mine)} tasks"
    commits = tuple(sorted({state.commit for state in mine if state.commit}))
    heading = (group.label or group.name) if row else ""
    label = (row.label or row.name) if row else (group.label or group.name)
    return Row(name, heading, label, cells, hours_spent(mine), commits, status)


def _keys(tasks: Iterable[Task]) -> dict[tuple[str, str], None]:
    """These tasks and all that they need, each once."""
    found: dict[tuple[str, str], None] = {}
    for task in tasks:
        found |= {**dict.fromkeys([key_of(task)]), **_keys(task.needs.values())}
    return found


def _cell(plan: Plan, row: str, name: str, states: Mapping[tuple[str, str], State]) -> Cell:
    column = plan.columns.get((row, name))
    if column is None:
        return Cell({}, 0, None, "")
    scores, trouble = {}, ""
    for seed in plan.size.seeds:
        state = states[key_of(plan.cells[row, seed, column.step])]
        if state.status == "done":
            try:
                scores[seed] = read_scores(state.folder, column)
            except TableError as error:
                trouble = error.what
    return Cell(scores, len(plan.size.seeds), *_mean(scores), trouble)


def _mean(scores: Mapping[int, Score]) -> tuple[Mean | None, Interval]:
    if not scores:
        return None, ""
    mean = mean_of([score.value for score in scores.values()])
    only = next(iter(scores.values()))
    if len(scores) == 1 and only.low is not None:
        return Mean(only.value, only.low, only.high, 1), "file"
    return mean, "seeds" if mean.low is not None else ""


def _beside(reported: ReportedConfig, rows: Mapping[str, Row]) -> Beside:
    cell = rows[reported.row].cells[reported.column]
    ours = cell.mean
    if reported.relative_to:
        reference = rows[reported.relative_to].cells[reported.column].scores if reported.relative_to in rows else {}
        both = [seed for seed in cell.scores if seed in reference]
        values, references = ([scores[seed].value for seed in both] for scores in (cell.scores, reference))
        ours = relative_change(values, references)
    return Beside(reported, ours, None if ours is None else ours.value - reported.value)


def _compared(
    column: ColumnConfig, rows: Mapping[str, Row], better: str, than: str, ordering: OrderingConfig
) -> Comparison:
    sign = 1.0 if column.better == "higher" else -1.0
    a = rows[better].cells[column.name].scores
    if ordering.level is not None:
        fixed = Score(ordering.level, ordering.level, ordering.level)
        pairs = [(score, fixed) for score in a.values()]
    else:
        b = rows[than].cells[column.name].scores
        pairs = [(a[seed], b[seed]) for seed in a if seed in b]
    return compare([sign * (x.value - y.value) for x, y in pairs], all(_are_apart(x, y) for x, y in pairs))


def _are_apart(one: Score, other: Score) -> bool:
    """Whether both say how sure they are, and their intervals do not meet."""
    if one.low is None or one.high is None or other.low is None or other.high is None:
        return False
    return one.low > other.high or other.low > one.high
