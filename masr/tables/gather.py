"""Words for many folders: {step.group}, a step's folder for each row of a group; {step.seeds}, for each seed.

One word becomes as many as there are folders, in the order of the table. Two rows, or seeds, that share a task are one
word each for rows, and one word for seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from masr.errors import ConfigError, near
from masr.tables.config import TableConfig
from masr.tables.names import SEEDS
from masr.tables.placeholders import gathered, put_gathered
from masr.tables.task import Task


class Gathering:
    """The folders that one command gathers, each under a symbol of its own."""

    def __init__(self, members: Callable[[str, str], Sequence[Task]], place: str) -> None:
        self.members, self.place = members, place
        self.needs: dict[str, Task] = {}
        self.over_seeds: set[str] = set()
        """Names among `needs` that are there for every seed, so that the seed does not choose them."""

    def expand(self, word: str) -> list[str]:
        """The word as it is, or once for each folder."""
        asked = gathered(word)
        if asked is None:
            return [word]
        step, group = asked
        tasks = self.members(step, group)
        if group == SEEDS:
            tasks = list({task.digest: task for task in tasks}.values())
        expanded = [put_gathered(word, self._name(step, task, group == SEEDS)) for task in tasks]
        if gathered(expanded[0]):
            raise ConfigError(f"{self.place}: {word!r} gathers twice", fix="one {step.group} in a word")
        return expanded

    def _name(self, step: str, task: Task, over_seeds: bool) -> str:
        """A symbol's name for a gathered folder. It has a number, as commands do not see what rows are called."""
        known = next((name for name, other in self.needs.items() if other is task), "")
        name = known or f"{step}.{1 + sum(other.startswith(f'{step}.') for other in self.needs)}"
        self.needs[name] = task
        if over_seeds and not known:
            self.over_seeds.add(name)
        elif not over_seeds:
            self.over_seeds.discard(name)
        return name


def check_gathered(table: TableConfig, step: str, group: str, earlier: Sequence[str], place: str) -> None:
    """ConfigError where there is no such earlier step or no such group as {step.group} speaks of."""
    if step not in earlier:
        raise ConfigError(f"{place}: no earlier step is called {step}", fix=near(step, earlier))
    groups = [SEEDS, *(one.name for one in table.groups)]
    if group not in groups:
        raise ConfigError(f"{place}: no group of rows is called {group}", fix=near(group, groups))
