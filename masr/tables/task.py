"""A task of a plan: one command, known by a hash of all that decides what it writes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Task:
    """One command of the plan, its folders still symbols."""

    step: str
    digest: str
    words: tuple[str, ...]
    settings: Any
    """The resolved configuration that {config} stands for, None where there is none."""
    needs: dict[str, Task]
    """Step -> the task whose folder the command reads; step.1, step.2, ... are gathered ones."""
    inputs: dict[str, str]
    """Path, its folders as symbols -> stamp of what lies there."""
    depth: int
    number: int = 0
    rows: list[str] = field(default_factory=list)
    seeds: list[int] = field(default_factory=list)
    seeded: bool = False
    """Whether the seed enters it; if not, all seeds share it."""

    @property
    def label(self) -> str:
        """The row, or the group, or `shared`; with the seed where it counts. For people: the hash is what counts."""
        rows = list(dict.fromkeys(self.rows))
        groups = {row.partition(".")[0] for row in rows}
        name = rows[0] if len(rows) == 1 else groups.pop() if len(groups) == 1 else "shared"
        return f"{name}.seed{self.seeds[0]}" if self.seeded else name

    @property
    def folder_name(self) -> str:
        """The name of the folder that the task gets, where it has none yet."""
        return f"{self.label}-{self.digest}"
