"""What is left of a plan as job arrays: one for each step and depth, and which must end before it starts.

Every array asks for one kind of machine, because it is one step; a scheduler chains them by their ids.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from masr.tables.plan import Plan
from masr.tables.state import State, key_of
from masr.tables.task import Task


@dataclass(frozen=True)
class Array:
    """Tasks that may run at the same time."""

    name: str
    """Depth and step: 2.extract."""
    step: str
    depth: int
    tasks: tuple[Task, ...]
    after: tuple[str, ...]
    """Arrays that hold what its tasks need."""
    launch: tuple[str, ...]

    @property
    def numbers(self) -> str:
        """The tasks' numbers as the launchers take them: 1,4,7-9."""
        return as_ranges(task.number for task in self.tasks)


def arrays_left(plan: Plan, states: Mapping[tuple[str, str], State]) -> tuple[list[Array], list[Task]]:
    """Arrays of the tasks that are to run, and the tasks that others run now, with those that wait for them."""
    elsewhere: list[Task] = []
    waiting: set[tuple[str, str]] = set()
    todo: dict[str, list[Task]] = {}
    for task in plan.tasks:  # what a task needs comes before it
        status = states[key_of(task)].status
        if status == "done":
            continue
        if status == "running" or any(key_of(need) in waiting for need in task.needs.values()):
            elsewhere.append(task)
            waiting.add(key_of(task))
            continue
        todo.setdefault(array_of(task), []).append(task)
    arrays = []
    for name, tasks in todo.items():
        needs = {
            array_of(need) for task in tasks for need in task.needs.values() if states[key_of(need)].status != "done"
        }
        first = tasks[0]
        launch = plan.step_size(first.step).launch
        arrays.append(Array(name, first.step, first.depth, tuple(tasks), tuple(sorted(needs)), launch))
    return arrays, elsewhere


def array_of(task: Task) -> str:
    """The name of the array that a task belongs to."""
    return f"{task.depth}.{task.step}"


def as_ranges(numbers: Iterable[int]) -> str:
    """Numbers as text, with ranges: 1, 2, 3, 7 -> 1-3,7."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)
