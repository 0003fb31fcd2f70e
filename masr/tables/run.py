"""Runs one task: its command, without a shell, in a process of its own, with all it prints in the task's log."""

from __future__ import annotations

import json
import os
import platform
import shlex
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from masr.config.plain import as_yaml
from masr.errors import TableError
from masr.io.atomic import atomic_write
from masr.io.layout import TASK_CONFIG, TASK_DONE, TASK_FAILED
from masr.io.provenance import git_commit
from masr.jobs.child import follow, start
from masr.jobs.joblog import JobLog, last_words
from masr.jobs.locks import Lock, hold
from masr.jobs.signals import REQUEUE, Signals
from masr.tables import placeholders as text_of
from masr.tables.names import FOLDERS
from masr.tables.plan import Plan
from masr.tables.scores import read_scores
from masr.tables.stamp import MISSING
from masr.tables.state import State, lock_path, read_record, state_of
from masr.tables.task import Task


def run_task(plan: Plan, task: Task, recipe: Path, say: Callable[[str], None]) -> int:
    """The exit code of the task's command; 0 at once where it is done."""
    if state_of(plan, task).status == "done":
        say(f"task {task.number}: {name_of(task)}: done already")
        return 0
    _require_inputs(plan, task)
    with hold(
        lock_path(plan, task), f"task {task.number} ({name_of(task)})", lambda: _hours_before(plan, task)
    ) as lock:
        state = state_of(plan, task)
        if state.status == "done":  # by the one that had the lock before
            say(f"task {task.number}: {name_of(task)}: done already")
            return 0
        return _run_locked(plan, task, state, recipe, lock, say)


def name_of(task: Task) -> str:
    """pretrain best_rq.masr.seed0."""
    return f"{task.step} {task.label}"


def command_of(plan: Plan, task: Task, folder: Path, recipe: Path) -> list[str]:
    """The words with every folder in its place, as seen from the recipe's folder."""
    places = {name: _from(recipe, plan.folders.of(name)) for name in FOLDERS}
    places |= {name: _from(recipe, state_of(plan, need).folder) for name, need in task.needs.items()}
    places |= {"out": _from(recipe, folder), "config": _from(recipe, folder / TASK_CONFIG)}
    if task.settings is not None:
        settings = text_of.place_folders(task.settings, places)
        atomic_write(folder / TASK_CONFIG, as_yaml(settings))
    return [str(text_of.place_folders(word, places)) for word in task.words]


def _run_locked(plan: Plan, task: Task, state: State, recipe: Path, lock: Lock, say: Callable[[str], None]) -> int:
    folder, since = state.folder, time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    command = command_of(plan, task, folder, recipe)
    (folder / TASK_FAILED).unlink(missing_ok=True)
    say(f"task {task.number}: {name_of(task)}: {shlex.join(command)}")
    code, is_stopped = _spawn(command, state.log, recipe, lock)
    facts = {
        "command": shlex.join(command),
        "commit": git_commit(),
        "host": platform.node(),
        "hours": lock.owner.hours_before + (time.monotonic() - since) / 3600,
        "inputs": {text_of.readable(word): state for word, state in task.inputs.items()},
        "needs": {name: need.digest for name, need in task.needs.items()},
    }
    trouble = _trouble(plan, task, folder, code)
    if not trouble:
        atomic_write(folder / TASK_DONE, json.dumps(facts, indent=1) + "\n")
        say(f"task {task.number}: {name_of(task)}: done in {facts['hours']:.3f} h")
        return 0
    again = code == REQUEUE or is_stopped
    atomic_write(folder / TASK_FAILED, json.dumps({**facts, "how": trouble, "again": again}, indent=1) + "\n")
    if again:
        say(f"task {task.number}: {name_of(task)}: {trouble}; the same call goes on with it")
        return code
    tail = "\n".join(f"    {line}" for line in last_words(state.log, 10))
    raise TableError(
        f"task {task.number} ({name_of(task)}) {trouble}",
        why=f"its log ends:\n{tail}",
        fix=f"see {state.log}, mend what it says, and run the same again",
    )


def _spawn(command: list[str], log_path: Path, recipe: Path, lock: Lock) -> tuple[int, bool]:
    """The exit code, 128 + N after signal N, and whether we were told to stop: then the command was told, too."""
    log = JobLog.begin(log_path, command, f"Process {os.getpid()}", go_on=True)
    with Signals(signal.SIGUSR1, signal.SIGCHLD) as signals:
        process = start([sys.executable, "-m", "masr.cli.main", *command[1:]], None, log.stream, folder=recipe)
        with lock.beating():
            code = follow(process, signals)
    code = 128 - code if code < 0 else code
    if signals.noted and code not in (0, REQUEUE):
        code = 128 + signals.noted[0]
    log.end(code, 1)
    return code, bool(signals.noted)


def _trouble(plan: Plan, task: Task, folder: Path, code: int) -> str:
    """What went wrong, in words; empty where the task did what it is for."""
    if code == REQUEUE:
        return "was told to stop and saved its work"
    if code > 128:
        memory = ", perhaps for want of memory" if code == 128 + signal.SIGKILL else ""
        return f"was ended by signal {code - 128}{memory}"
    if code:
        return f"failed (exit code {code})"
    try:
        for (row, _), column in plan.columns.items():
            if column.step == task.step and row in task.rows:
                read_scores(folder, column)
    except TableError as error:
        return f"ended well without its scores: {error.what}"
    for figure, drawn in plan.figures:
        if drawn is task and not (folder / figure.file).is_file():
            return f"ended well without its picture {figure.file}"
    return ""


def _require_inputs(plan: Plan, task: Task) -> None:
    """Everything that the command reads is there, and every task before it is done."""
    for need in task.needs.values():
        state = state_of(plan, need)
        if state.status != "done":
            how = f"{state.status} ({state.how})" if state.how else state.status
            where = f": see {state.log}" if state.log.exists() else ""
            raise TableError(
                f"task {task.number} ({name_of(task)}) needs task {need.number} ({name_of(need)}), "
                f"which is {how}{where}",
                fix=f"run task {need.number} first; a call without a number runs all in order",
            )
    places = {name: str(plan.folders.of(name)) for name in FOLDERS}
    absent = next((word for word, found in task.inputs.items() if found == MISSING), None)
    if absent is not None:
        what = f"task {task.number} ({name_of(task)}): {text_of.place_folders(absent, places)} is not there"
        earlier = plan.table.script_of(text_of.readable(absent)) or "the recipe's earlier stages"
        raise TableError(what, fix=f"run {earlier}, or name other --data and --exp")


def _hours_before(plan: Plan, task: Task) -> float:
    return float(read_record(state_of(plan, task).folder / TASK_FAILED).get("hours", 0.0))


def _from(recipe: Path, path: Path) -> str:
    """Relative to the recipe's folder where it lies below it."""
    absolute = Path(os.path.normpath(Path.cwd() / path))  # not resolved: a link into another disk keeps its name
    return str(absolute.relative_to(recipe)) if absolute.is_relative_to(recipe) else str(absolute)
