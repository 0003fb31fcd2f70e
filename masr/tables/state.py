"""How far a plan is: what each task's folder says.

A task's folder holds what its command wrote and, of ours, task.yaml (the configuration that it was given), task.log,
and done.json, written last, or failed.json.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from masr.files import ordinary, parse_json
from masr.io.layout import TASK_DONE, TASK_FAILED, TASK_LOG
from masr.jobs.locks import Owner, owner_of
from masr.tables.plan import Plan
from masr.tables.task import Task

Status = Literal["done", "running", "failed", "missing"]


@dataclass(frozen=True)
class State:
    """How far one task is."""

    status: Status
    folder: Path
    """The task's folder, which may not be there yet."""
    hours: float = 0.0
    """Hours spent on it, by runs that did not end too."""
    commit: str = ""
    how: str = ""
    """How it failed."""
    owner: Owner | None = None

    @property
    def log(self) -> Path:
        """What its command printed."""
        return self.folder / TASK_LOG


def states_of(plan: Plan) -> dict[tuple[str, str], State]:
    """Key -> state, for every task of the plan."""
    folders = {step: _folders(plan.folders.tables / step) for step in dict.fromkeys(task.step for task in plan.tasks)}
    return {key_of(task): _state(plan, task, folders[task.step]) for task in plan.tasks}


def state_of(plan: Plan, task: Task) -> State:
    """The state of one task, looked at anew."""
    return _state(plan, task, _folders(plan.folders.tables / task.step))


def key_of(task: Task) -> tuple[str, str]:
    """(step, hash): what a task is known by."""
    return task.step, task.digest


def lock_path(plan: Plan, task: Task) -> Path:
    """The task's lock, named by the hash alone: tables that call a shared task differently exclude each other."""
    return plan.folders.tables / task.step / f".{task.digest}.lock"


def hours_to_come(plan: Plan, states: dict[tuple[str, str], State]) -> tuple[float, list[str]]:
    """Hours that the tasks which are not done will take, and the steps whose hours are not known."""
    total, unknown = 0.0, []
    for step in dict.fromkeys(task.step for task in plan.tasks):
        tasks = [task for task in plan.tasks if task.step == step]
        spent = [states[key_of(task)].hours for task in tasks if states[key_of(task)].status == "done"]
        each = sum(spent) / len(spent) if spent else plan.step_size(step).hours
        left = len(tasks) - len(spent)
        total += each * left
        if left and not each:
            unknown.append(step)
    return total, unknown


def hours_spent(states: Iterable[State]) -> float:
    """Hours spent on all of these tasks, failed runs included."""
    return sum(state.hours for state in states)


def read_record(path: Path) -> dict[str, Any]:
    """The object of a JSON file; empty where it is not there or cannot be read."""
    try:
        record = parse_json(ordinary(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def _folders(step: Path) -> dict[str, tuple[Path, set[str]]]:
    """Hash -> folder, and which hashes are locked, from one look into the step's folder."""
    folders: dict[str, tuple[Path, set[str]]] = {}
    try:
        entries = sorted(os.scandir(step), key=lambda entry: entry.name)
    except FileNotFoundError:
        return folders
    for entry in entries:
        digest = entry.name[1:-5] if entry.name.endswith(".lock") else entry.name.rpartition("-")[2]
        path, kinds = folders.get(digest, (Path(), set()))
        if entry.name.endswith(".lock"):
            folders[digest] = (path, kinds | {"lock"})
        elif "-" in entry.name:
            folders[digest] = (Path(entry.path), kinds | {"folder"})
    return folders


def _state(plan: Plan, task: Task, folders: dict[str, tuple[Path, set[str]]]) -> State:
    path, kinds = folders.get(task.digest, (Path(), set()))
    folder = path if "folder" in kinds else plan.folders.tables / task.step / task.folder_name
    done = read_record(folder / TASK_DONE) if "folder" in kinds else {}
    if done:
        return State("done", folder, float(done.get("hours", 0.0)), str(done.get("commit", "")))
    failed = read_record(folder / TASK_FAILED) if "folder" in kinds else {}
    hours, how = float(failed.get("hours", 0.0)), str(failed.get("how", ""))
    owner = owner_of(lock_path(plan, task)) if "lock" in kinds else None
    if owner:
        return State("running", folder, owner.hours_before, owner=owner)
    if failed and not failed.get("again", False):
        return State("failed", folder, hours, how=how)
    return State("missing", folder, hours, how=how)
