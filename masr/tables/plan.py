"""A table and its size become tasks: one command each, run once however many rows need it.

A task is known by a hash of its words, its whole resolved configuration (with the defaults of the code), the content
of what it reads, and the hashes of the tasks before it. The same hash is the same task: rows share it, and so do
tables. Only what a column needs is planned.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from masr.config.plain import SettingsReader
from masr.errors import ConfigError
from masr.io.identity import digest
from masr.tables.answers import labels_of
from masr.tables.config import (
    ColumnConfig,
    FigureConfig,
    GroupConfig,
    RowConfig,
    SizeConfig,
    StepConfig,
    StepSize,
    TableConfig,
    Variables,
    row_name,
)
from masr.tables.gather import Gathering, check_gathered
from masr.tables.names import FOLDERS, SEEDS
from masr.tables.placeholders import fill, names_in, paths_in, place_folders, readable, symbols_in
from masr.tables.resolved import ResolvedDigests
from masr.tables.stamp import MISSING, stamp
from masr.tables.task import Task

_HASH_LENGTH = 12


@dataclass(frozen=True)
class Folders:
    """Where a table reads and writes."""

    data: Path
    exp: Path
    conf: Path

    def of(self, name: str) -> Path:
        """The folder of a placeholder."""
        path: Path = getattr(self, name)
        return path

    @property
    def tables(self) -> Path:
        """The folder that holds one for each step, and in it one for each task."""
        return self.exp / "tables"


@dataclass(frozen=True)
class Plan:
    """Every task of one size of a table, numbered from 1 in an order in which they can run."""

    table: TableConfig
    size: SizeConfig
    size_name: str
    folders: Folders
    tasks: tuple[Task, ...]
    cells: Mapping[tuple[str, int, str], Task]
    """(row, seed, step) -> task."""
    columns: Mapping[tuple[str, str], ColumnConfig]
    """(row, column) -> where that row's score lies; without those columns that a row does not have."""
    levels: Mapping[str, Mapping[str, float]]
    """Level -> column -> the constant, as this size has it."""

    @property
    def digest(self) -> str:
        """A word that changes when any number means another task."""
        return digest([task.digest for task in self.tasks])[:_HASH_LENGTH]

    @property
    def rows(self) -> list[str]:
        """The rows of this size that have lines, in the table's order."""
        return list(dict.fromkeys(row for row, _ in self.columns))

    @property
    def figures(self) -> list[tuple[FigureConfig, Task]]:
        """The pictures of this size, each with the task that draws it, also for a row that has no line."""
        cells = [(one, self.cells.get((one.row, self.size.seeds[0], one.step))) for one in self.table.figures]
        return [(one, task) for one, task in cells if task is not None]

    def missing_inputs(self) -> dict[Path, str]:
        """The paths that tasks read and that are not there, and the script that writes each; "" is a numbered stage."""
        missing = {word for task in self.tasks for word, state in task.inputs.items() if state == MISSING}
        where = {name: str(self.folders.of(name)) for name in FOLDERS}
        found = {Path(place_folders(word, where)): self.table.script_of(readable(word)) for word in missing}
        return dict(sorted(found.items()))

    def step_size(self, step: str) -> StepSize:
        """What this size says of a step."""
        return self.size.steps.get(step, StepSize())


def make_plan(
    table: TableConfig,
    size_name: str,
    folders: Folders,
    resolved: ResolvedDigests,
    variables: Mapping[str, str] | None = None,
    stamp_of: Callable[[Path], str] = stamp,
) -> Plan:
    """All tasks; `variables` come last and count most, and `resolved` knows what configurations leave to the code.

    Of a step those of every row for one seed come before those of the next seed: what is done when time ends can be
    compared.
    """
    size = table.sizes[size_name]
    planner = _Planner(table, size, folders, resolved, dict(variables or {}), stamp_of)
    columns = {}
    wanted = []
    for group, row in table.all_rows():
        if group.only_gathered or (size.groups and group.name not in size.groups):
            continue
        system = _System(group, row)
        own = planner.variables_of(system, None)
        for column in table.columns_of(group.name, size_name):
            columns[system.name, column.name] = _column_of(column, own, system.name)
        steps = [column.step for column in table.columns_of(group.name, size_name)]
        steps += [figure.step for figure in table.figures if figure.row == system.name]
        wanted.append((system, steps))
    for seed in size.seeds:
        for system, steps in wanted:
            for step in steps:
                planner.want(system, seed, step)
    tasks = planner.in_order()
    cells = {(name, seed, step): task for (step, name, seed), task in planner.made.items()}
    levels = {level.name: level.constants(dict(size.variables) | planner.variables) for level in table.levels}
    return Plan(table, size, size_name, folders, tasks, cells, columns, levels)


@dataclass(frozen=True)
class _System:
    """A row with its group."""

    group: GroupConfig
    row: RowConfig | None

    @property
    def name(self) -> str:
        """group.row, or the group alone."""
        return row_name(self.group, self.row)

    def overrides(self, step: str) -> tuple[str, ...]:
        """Changes to a step's configuration."""
        return (*self.group.set.get(step, ()), *(self.row.set.get(step, ()) if self.row else ()))


class _Planner:
    def __init__(
        self,
        table: TableConfig,
        size: SizeConfig,
        folders: Folders,
        resolved: ResolvedDigests,
        variables: dict[str, str],
        stamp_of: Callable[[Path], str],
    ) -> None:
        self.table, self.size, self.folders, self.variables = table, size, folders, variables
        self.places = {name: str(folders.of(name)) for name in FOLDERS}
        self.stamp_of = stamp_of
        self.stamps: dict[str, str] = {}
        self.reader, self.resolved = SettingsReader(), resolved
        self.steps = {step.name: place for place, step in enumerate(table.steps)}
        self.made: dict[tuple[str, str, int], Task] = {}
        self.tasks: dict[tuple[str, str], Task] = {}

    def want(self, system: _System, seed: int, name: str) -> Task:
        """The task of a step for a row and a seed, and before it the tasks that it needs."""
        key = (name, system.name, seed)
        if key not in self.made:
            task = self.build(system, seed, self.table.steps[self.steps[name]])
            task = self.tasks.setdefault((name, task.digest), task)
            task.rows.append(system.name)
            task.seeds.append(seed)
            self.made[key] = task
        return self.made[key]

    def build(self, system: _System, seed: int, step: StepConfig) -> Task:
        place = f"step {step.name} of row {system.name}"
        overrides = (*step.set, *self.size.steps.get(step.name, StepSize()).set, *system.overrides(step.name))
        if overrides and not step.config:
            raise ConfigError(f"{place}: there is no configuration to change: {overrides[0]}", fix="give it `config:`")
        variables = self.variables_of(system, seed)
        earlier = [name for name, number in self.steps.items() if number < self.steps[step.name]]
        symbols = (*FOLDERS, "out", "config", *earlier)
        together = Gathering(lambda name, group: self.members(system, seed, name, group, earlier, place), place)
        filled = [fill(word, variables, symbols, place) for word in step.command]
        words = tuple(one for word in filled for one in together.expand(word))
        settings, resolved = self.settings(step, overrides, variables, symbols, place)
        if ("config" in symbols_in(words)) != bool(step.config):
            raise ConfigError(f"{place}: `config:` and {{config}} in the command belong together")
        extra = tuple(fill(word, variables, symbols, place) for word in step.inputs)
        spoken = symbols_in([words, settings, extra])
        needs = {name: self.want(system, seed, name) for name in earlier if name in spoken} | together.needs
        inputs = {path: self.stamped(path) for path in sorted(paths_in([words, settings, extra]))}
        identity = {
            "words": words,
            "settings": resolved,
            "inputs": inputs,
            "needs": {name: task.digest for name, task in needs.items()},
        }
        asked = {
            name for text in (*step.command, step.config, *overrides, *step.inputs) for name in _names(text, variables)
        }
        return Task(
            step.name,
            digest(identity)[:_HASH_LENGTH],
            words,
            settings,
            needs,
            inputs,
            1 + max((task.depth for task in needs.values()), default=0),
            seeded="seed" in asked
            or any(task.seeded for name, task in needs.items() if name not in together.over_seeds),
        )

    def members(self, system: _System, seed: int, step: str, group: str, earlier: list[str], place: str) -> list[Task]:
        """The tasks of {step.group} or {step.seeds}."""
        check_gathered(self.table, step, group, earlier, place)
        if group == SEEDS:
            return [self.want(system, one, step) for one in self.size.seeds]
        return [self.want(_System(one, row), seed, step) for one, row in self.table.all_rows() if one.name == group]

    def variables_of(self, system: _System, seed: int | None) -> dict[str, str]:
        parts = (self.size.variables, system.group.variables, system.row.variables if system.row else {})
        variables = {name: str(value) for part in parts for name, value in part.items()}
        return {**variables, **self.variables} | ({} if seed is None else {"seed": str(seed)})

    def settings(
        self,
        step: StepConfig,
        overrides: tuple[str, ...],
        variables: dict[str, str],
        symbols: tuple[str, ...],
        place: str,
    ) -> tuple[Any, str]:
        """The configuration as plain values, and the digest of all that it comes to; None and "" without one."""
        if not step.config:
            return None, ""
        filled = tuple(fill(text, variables, symbols, place) for text in overrides)
        path = Path(place_folders(fill(step.config, variables, FOLDERS, place), self.places))
        settings = self.reader.settings(path, filled)
        tree = self.reader.tree(path, filled)
        try:
            return settings, self.resolved.digest(step.command[1], settings, tree, str(path))
        except ConfigError as error:
            raise ConfigError(f"{place}: {error.what}", why=error.why, fix=error.fix) from None

    def stamped(self, path: str) -> str:
        if path not in self.stamps:
            self.stamps[path] = self.stamp_of(Path(place_folders(path, self.places)))
        return self.stamps[path]

    def in_order(self) -> tuple[Task, ...]:
        """All tasks, numbered by depth and step, so that a step's tasks of one depth have neighbouring numbers."""
        tasks = sorted(self.tasks.values(), key=lambda task: (task.depth, self.steps[task.step]))
        for number, task in enumerate(tasks, start=1):
            task.number = number
        return tuple(tasks)


def _column_of(column: ColumnConfig, variables: Variables, row: str) -> ColumnConfig:
    """A column as a row has it: its keys with the row's variables."""
    place = f"column {column.name} of row {row}"
    texts = {name: str(value) for name, value in variables.items()}

    def filled(keys: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(fill(key, texts, (), place) for key in keys)

    def labels(name: str, given: tuple[str, ...]) -> tuple[str, ...]:
        chosen = labels_of(filled(given))
        if given and not chosen:
            raise ConfigError(f"{place}: {name} holds no label", fix="give its variable labels, or leave it out")
        return chosen

    return replace(
        column,
        at=filled(column.at),
        value=filled(column.value),
        minus=filled(column.minus),
        low=filled(column.low),
        high=filled(column.high),
        count=filled(column.count),
        answers_of=labels("answers_of", column.answers_of),
        answers_not_of=labels("answers_not_of", column.answers_not_of),
    )


def _names(text: str, variables: Mapping[str, str]) -> set[str]:
    """The placeholders of a text, those inside its variables too."""
    names = names_in(text)
    return names.union(*(names_in(variables[name]) for name in names if name in variables))


def folders_of(path: Path, size: str, data: Path | None, exp: Path | None, conf: Path | None) -> Folders:
    """The recipe's folders: beside the folder `tables/` of the file, unless named; {size} in a name is `size`."""
    recipe = recipe_of(path)
    named = (Path(str(given).replace("{size}", size)) if given else None for given in (data, exp, conf))
    return Folders(*(given or Path(os.path.relpath(recipe / name)) for name, given in zip(FOLDERS, named)))


def recipe_of(path: Path) -> Path:
    """The folder that a table's commands run in."""
    folder = path.resolve().parent
    return folder.parent if folder.name == "tables" else folder
