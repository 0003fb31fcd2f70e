"""Words for many folders: {step.group}, a step's folder for each row of a group; {step.seeds}, for each seed.

One word becomes as many as there are folders, in the order of the table. Two rows, or seeds, that share a task are one
word each for rows, and one word for seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from masr.errors import ConfigError, near
from masr.tables import placeholders as text_of
from masr.tables.answers import labels_of
from masr.tables.config import ColumnConfig, GroupConfig, RowConfig, TableConfig, Variables, row_name
from masr.tables.names import SEEDS
from masr.tables.task import Task


@dataclass(frozen=True)
class System:
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


class Gathering:
    """The folders that one command gathers, each under a symbol of its own."""

    def __init__(self, members: Callable[[str, str], Sequence[Task]], place: str) -> None:
        self.members, self.place = members, place
        self.needs: dict[str, Task] = {}
        self.over_seeds: set[str] = set()
        """Those that the seed does not choose."""

    def expand(self, word: str) -> list[str]:
        """The word as it is, or once for each folder."""
        found = text_of.gathered(word)
        if found is None:
            return [word]
        step, group = found
        tasks = self.members(step, group)
        if group == SEEDS:
            tasks = list({task.digest: task for task in tasks}.values())
        expanded = [text_of.put_gathered(word, self._name(step, task, group == SEEDS)) for task in tasks]
        if text_of.gathered(expanded[0]):
            raise ConfigError(f"{self.place}: {word!r} gathers twice", fix="one {step.group} in a word")
        return expanded

    def _name(self, step: str, task: Task, over_seeds: bool) -> str:
        """By number, not by row: what a row is called is nothing that a command sees."""
        known = next((name for name, other in self.needs.items() if other is task), "")
        name = known or f"{step}.{1 + sum(other.startswith(f'{step}.') for other in self.needs)}"
        self.needs[name] = task
        if over_seeds and not known:
            self.over_seeds.add(name)
        elif not over_seeds:
            self.over_seeds.discard(name)
        return name


def check_gathered(table: TableConfig, step: str, group: str, earlier: Sequence[str], place: str) -> None:
    """ConfigError where {step.group} speaks of what is not there."""
    if step not in earlier:
        raise ConfigError(f"{place}: no earlier step is called {step}", fix=near(step, earlier))
    groups = [SEEDS, *(one.name for one in table.rows)]
    if group not in groups:
        raise ConfigError(f"{place}: no group of rows is called {group}", fix=near(group, groups))


def column_of(column: ColumnConfig, variables: Variables, row: str) -> ColumnConfig:
    """A column as a row has it: its keys with the row's variables."""
    place = f"column {column.name} of row {row}"
    texts = {name: str(value) for name, value in variables.items()}

    def filled(keys: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(text_of.fill(key, texts, (), place) for key in keys)

    def labels(name: str, given: tuple[str, ...]) -> tuple[str, ...]:
        found = labels_of(filled(given))
        if given and not found:
            raise ConfigError(f"{place}: {name} holds no label", fix="give its variable labels, or leave it out")
        return found

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
