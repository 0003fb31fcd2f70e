"""The cells and rows of a table as far as they are done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from masr.errors import TableError
from masr.maths.crossed_effects import crossed
from masr.maths.estimate import Estimate
from masr.maths.over_seeds import mean_of
from masr.tables.claim_config import Role
from masr.tables.config import ColumnConfig, row_name
from masr.tables.plan import Plan
from masr.tables.scores import Score, read_scores
from masr.tables.state import State, hours_spent, key_of
from masr.tables.task import Task

Interval = Literal["seeds", "seeds and speakers", "speakers", "file", ""]
DIFFERENT = "answers of utterances or labels that differ"


@dataclass(frozen=True)
class Cell:
    """A row's score in a column; without seeds it is missing."""

    scores: Mapping[int, Score]
    """Seed -> score."""
    wanted: int
    """How many seeds there are to be; 0 where the row does not have this score."""
    mean: Estimate | None
    interval: Interval
    """What the mean's interval is over: seeds, or both; for one seed its speakers, or what its score file says."""
    trouble: str = ""
    """Why a score that should be there cannot be read."""


@dataclass(frozen=True)
class Row:
    """A system of the table with its scores, and what they took."""

    name: str
    group: str
    label: str
    cells: Mapping[str, Cell]
    hours: float
    """Hours of all tasks that its scores need, those that it shares included; not of what only a picture gathers."""
    commits: tuple[str, ...]
    status: str
    """Empty when all of these tasks are done; else how many are done, running, failed."""
    role: Role = ""

    @property
    def full_label(self) -> str:
        """The labels of the group and the row."""
        return " ".join(filter(None, (self.group, self.label)))


def row_of(plan: Plan, name: str, states: Mapping[tuple[str, str], State]) -> Row:
    """A row with all scores that there are so far."""
    steps = {column.step for (row, _), column in plan.columns.items() if row == name}
    cells_of = ((row, step, task) for (row, _, step), task in plan.cells.items())
    mine = [states[key] for key in _keys(task for row, step, task in cells_of if row == name and step in steps)]
    group, row = next(pair for pair in plan.table.all_rows() if row_name(*pair) == name)
    cells = {column.name: _cell(plan, name, column.name, states) for column in plan.table.columns}
    counts = {status: sum(state.status == status for state in mine) for status in ("done", "running", "failed")}
    parts = [f"{count} {status}" for status, count in counts.items() if count or status == "done"]
    status = "" if counts["done"] == len(mine) else f"{', '.join(parts)} of {len(mine)} tasks"
    commits = tuple(sorted({state.commit for state in mine if state.commit}))
    heading = (group.label or group.name) if row else ""
    label = (row.label or row.name) if row else (group.label or group.name)
    return Row(name, heading, label, cells, hours_spent(mine), commits, status, plan.table.role(group, row))


def same_utterances(scores: Iterable[Score]) -> bool:
    """Whether all were answered on the same utterances, of the same speakers and labels."""
    return len({score.answers.digest for score in scores if score.answers}) <= 1


def _keys(tasks: Iterable[Task]) -> dict[tuple[str, str], None]:
    """The keys of these tasks and of all that they need, each once."""
    keys: dict[tuple[str, str], None] = {}
    for task in tasks:
        keys |= {**dict.fromkeys([key_of(task)]), **_keys(task.needs.values())}
    return keys


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
    if not same_utterances(scores.values()):
        return Cell(scores, len(plan.size.seeds), None, "", f"seeds have {DIFFERENT}")
    same_task = len({key_of(plan.cells[row, seed, column.step]) for seed in scores}) == 1
    return Cell(scores, len(plan.size.seeds), *_mean(list(scores.values()), column, same_task), trouble)


def _mean(scores: list[Score], column: ColumnConfig, same_task: bool) -> tuple[Estimate | None, Interval]:
    """The mean over seeds and what its interval is of; a task that all seeds share has no spread between seeds."""
    if not scores:
        return None, ""
    answers = [score.answers for score in scores if score.answers]
    if answers:
        mean = crossed(column.scale * np.stack([one.right for one in answers]), answers[0].counts).mean
        if mean.low is None:
            return mean, ""
        return mean, "speakers" if len(answers) == 1 else "seeds and speakers"
    mean = mean_of([score.value for score in scores])
    only = scores[0]
    if (len(scores) == 1 or same_task) and only.low is not None:
        return Estimate(only.value, only.low, only.high, 1), "file"
    if same_task:
        return Estimate(only.value, None, None, 1), ""
    return mean, "seeds" if mean.low is not None else ""
