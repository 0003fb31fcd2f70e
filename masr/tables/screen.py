"""A plan by waves, its tasks and job arrays, and the table, as people read them."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from masr.io.atomic import atomic_write
from masr.io.screen import draw
from masr.tables.arrays import array_of, arrays_left, as_ranges
from masr.tables.formats import FORMATS
from masr.tables.layout import page_of
from masr.tables.outcome import Outcome, outcome_of
from masr.tables.plan import Plan
from masr.tables.state import State, Status, hours_spent, hours_to_come, key_of, states_of
from masr.tables.task import Task

_STATUSES: tuple[Status, ...] = ("done", "running", "failed", "missing")

States = dict[tuple[str, str], State]


def show_plan(plan: Plan, with_tasks: bool) -> None:
    """Prints it."""
    print(render_plan(plan, with_tasks))


def render_plan(plan: Plan, with_tasks: bool) -> str:
    """A line for each array of each wave; with `with_tasks` for each task."""
    states = states_of(plan)
    headings = ["wave", "step", "tasks", *_STATUSES, "hours spent", "hours to come"]
    rows = [_array_row(plan, tasks, states) for tasks in _arrays(plan.tasks)]
    title = f"{plan.table.title} (size {plan.size_name}, plan {plan.digest})"
    parts = [_table(title, headings, rows, {0, *range(3, 9)})]
    if with_tasks:
        parts.append(_tasks(plan, states))
    to_come, unknown = hours_to_come(plan, states)
    not_said = f"; nothing is known of {', '.join(unknown)}" if unknown else ""
    done = sum(state.status == "done" for state in states.values())
    spent = hours_spent(states.values())
    return "\n".join(
        [
            *parts,
            *_running(plan, states),
            f"{done} of {len(states)} tasks done; {spent:.2f} hours spent, about {to_come:.2f} to come{not_said}",
            *(
                f"{path} is not there yet: {f'{script} writes' if script else 'earlier stages write'} it"
                for path, script in plan.missing_inputs().items()
            ),
        ]
    )


def show_arrays(plan: Plan) -> None:
    """name <tab> arrays it waits for, or - <tab> plan <tab> numbers <tab> the launcher's options."""
    arrays, elsewhere = arrays_left(plan, states_of(plan))
    for array in arrays:
        print(array.name, ":".join(array.after) or "-", plan.digest, array.numbers, " ".join(array.launch), sep="\t")
    if elsewhere:
        numbers = as_ranges(task.number for task in elsewhere)
        print(f"masr table: tasks {numbers} run elsewhere or wait for such: call again when they end", file=sys.stderr)


def show_table(plan: Plan, kind: str, out: Path | None) -> None:
    """On a terminal in rich's lines; anywhere else as it is written to files."""
    outcome = outcome_of(plan)
    if out:
        atomic_write(out, FORMATS[kind](outcome))
        print(out)
    elif kind == "text" and sys.stdout.isatty():
        print(render_page(outcome))
    else:
        print(FORMATS[kind](outcome), end="")


def render_page(outcome: Outcome) -> str:
    """The table in rich's lines."""
    page = page_of(outcome)
    parts = [page.title, "", *page.lines]
    for sheet in page.sheets:
        if sheet.heading:
            parts += ["", sheet.heading]
        words = set(range(sheet.num_words)) | {len(sheet.headings) - 1}
        figures = set(range(len(sheet.headings))) - words
        breaks = {n for n in range(1, len(sheet.groups)) if sheet.groups[n] != sheet.groups[n - 1]}
        parts += [_table(sheet.title, sheet.headings, sheet.rows, figures, breaks), *sheet.after]
    return "\n".join([*parts, *page.notes])


def _arrays(tasks: Sequence[Task]) -> list[list[Task]]:
    found: dict[str, list[Task]] = {}
    for task in tasks:
        found.setdefault(array_of(task), []).append(task)
    return list(found.values())


def _array_row(plan: Plan, tasks: list[Task], states: States) -> list[str]:
    mine = {key_of(task): states[key_of(task)] for task in tasks}
    counts = [sum(state.status == status for state in mine.values()) for status in _STATUSES]
    whole = [task for task in plan.tasks if task.step == tasks[0].step]
    done = [states[key_of(t)].hours for t in whole if states[key_of(t)].status == "done"]
    each = sum(done) / len(done) if done else plan.step_size(tasks[0].step).hours
    left = len(tasks) - counts[0]
    to_come = "-" if not left else f"{each * left:.2f}" if each else "unknown"
    return [
        str(tasks[0].depth),
        tasks[0].step,
        as_ranges(task.number for task in tasks),
        *(str(count) if count else "-" for count in counts),
        f"{hours_spent(mine.values()):.2f}",
        to_come,
    ]


def _tasks(plan: Plan, states: States) -> str:
    rows = []
    for task in plan.tasks:
        state = states[key_of(task)]
        needs = as_ranges(need.number for need in task.needs.values()) or "-"
        status = f"{state.status}: {state.how}" if state.how else state.status
        rows.append([str(task.number), task.step, task.label, needs, status, f"{state.hours:.3f}", str(state.folder)])
    return _table("tasks", ["task", "step", "of", "needs", "state", "hours", "folder"], rows, {0, 5})


def _running(plan: Plan, states: States) -> Iterator[str]:
    for task in plan.tasks:
        state = states[key_of(task)]
        if state.status == "running":
            yield f"task {task.number} ({task.step} {task.label}) is being run by {state.owner}: {state.log}"
        elif state.status == "failed":
            yield f"task {task.number} ({task.step} {task.label}) {state.how}: {state.log}"


def _table(
    title: str,
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    figures: set[int],
    breaks: Collection[int] = (),
) -> str:
    from rich.table import Table

    table = Table(title=title)
    for place, name in enumerate(headings):
        table.add_column(name, justify="right" if place in figures else "left", overflow="fold")
    for place, row in enumerate(rows):
        table.add_row(*row, end_section=place + 1 in breaks)
    return draw(table)
