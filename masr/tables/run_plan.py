"""Tasks of a plan are run here, one after another: a single one by its number, or all that is missing."""

from __future__ import annotations

import sys
from pathlib import Path

from masr.errors import MasrError, TableError, UsageError
from masr.tables.arrays import as_ranges
from masr.tables.plan import Plan
from masr.tables.run import run_task
from masr.tables.state import key_of, states_of
from masr.tables.task import Task


def run_one(plan: Plan, recipe: Path, number: int, digest: str | None) -> int:
    """The task of that number; an array that was submitted for another plan is refused."""
    if digest and digest != plan.digest:
        raise TableError(
            f"the plan is {plan.digest} now and was {digest} when this task was given its number",
            why="the table, a configuration, a default of the code or an input has changed since",
            fix="submit the table again: what is done stays done",
        )
    if not 1 <= number <= len(plan.tasks):
        raise UsageError(f"the plan has no task {number}", fix=f"give a number from 1 to {len(plan.tasks)}")
    return run_task(plan, plan.tasks[number - 1], recipe, _say)


def run_all(plan: Plan, recipe: Path) -> int:
    """Everything that is not done, in order; what needs a task that did not end well is left out and named."""
    states = states_of(plan)
    left = [task for task in plan.tasks if states[key_of(task)].status != "done"]
    _say(f"{len(plan.tasks) - len(left)} of {len(plan.tasks)} tasks are done, {len(left)} to run")
    stuck: dict[tuple[str, str], Task] = {}
    for task in left:
        if any(key_of(need) in stuck for need in task.needs.values()):
            stuck[key_of(task)] = task
            continue
        try:
            code = run_task(plan, task, recipe, _say)
        except MasrError as error:
            print(error.block(), file=sys.stderr, flush=True)
            stuck[key_of(task)] = task
            continue
        if code:
            return code
    if stuck:
        numbers = as_ranges(task.number for task in stuck.values())
        print(f"masr table: not done: {len(stuck)} tasks: {numbers}; the rest is", file=sys.stderr)
        return 2
    return 0


def _say(line: str) -> None:
    print(line, flush=True)
