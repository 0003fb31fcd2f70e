"""The schema of egs/<corpus>/tables/<table>.yaml: what a table consists of, in all its sizes.

Text in a table may hold placeholders: {data}, {exp}, {conf} and {out} are folders, {config} is the task's resolved
configuration, {seed} the seed, the name of an earlier step is that step's folder, and every other word is a variable
of the size, the group or the row. {step.group} stands for the folders of an earlier step for every row of a group, a
word for each, and {step.seeds} for those of every seed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from masr.config import load, option, required
from masr.config.schema import LARGEST_SEED
from masr.errors import ConfigError, near
from masr.tables.claim_config import GateConfig, LevelConfig, OrderingConfig, ReportedConfig, Role
from masr.tables.names import RESERVED, SEEDS, check_free, check_known, check_name, check_unique

Variables = Mapping[str, str | int | float]
Overrides = Mapping[str, tuple[str, ...]]

_VERB = re.compile(r"[a-z][a-z-]*")
_ROW = re.compile(r"[A-Za-z0-9][A-Za-z0-9_+-]*")


@dataclass(frozen=True)
class StepConfig:
    """One command, run once for every row and seed that ask for something else of it."""

    name: str = required("later steps write it in braces for this step's folder")
    command: tuple[str, ...] = required("a masr command as a list of words; no shell reads it")
    config: str = option("", "configuration file that {config} is made from")
    set: tuple[str, ...] = option((), "key=value changes to that configuration, before those of the row")
    inputs: tuple[str, ...] = option((), "what it reads that its command and configuration do not name")

    def __post_init__(self) -> None:
        check_name(self.name, "a step")
        if self.name in RESERVED:
            raise ValueError(f"a step cannot be called {self.name}: that is a placeholder of its own")
        if len(self.command) < 2 or self.command[0] != "masr" or not _VERB.fullmatch(self.command[1]):
            raise ValueError("a command is a list of words that starts with masr and a verb: [masr, train, ...]")
        if self.command[1] == "table":
            raise ValueError("a table cannot run tables")
        if any("\0" in word for word in self.command):
            raise ValueError("a command cannot hold a NUL character")


@dataclass(frozen=True)
class StepSize:
    """What a step costs in one size."""

    hours: float = option(0.0, "of one task, until tasks that are done say it themselves; 0 is unknown")
    launch: tuple[str, ...] = option((), "options of the launcher: [--gpu, 1, --mem, 16G], every word in quotes")
    set: tuple[str, ...] = option((), "key=value changes to the step's configuration in this size")

    def __post_init__(self) -> None:
        if self.hours < 0 or any(not word or word.split() != [word] for word in self.launch):
            raise ValueError("hours are not negative, and words of `launch` hold no spaces")


@dataclass(frozen=True)
class SizeConfig:
    """One size of the table: on which corpus, how large, how often."""

    what: str = required("corpus and models of this size, in a sentence")
    embedded: bool = option(False, "whether it is meant for an embedded corpus, whose figures no paper has")
    seeds: tuple[int, ...] = option((0, 1, 2), "every row is made once with each")
    variables: Variables = option({}, "words for placeholders")
    groups: tuple[str, ...] = option((), "only these groups of rows; none is all")
    steps: Mapping[str, StepSize] = option({}, "step -> what it costs, and what it changes")

    def __post_init__(self) -> None:
        if not self.seeds or len(set(self.seeds)) != len(self.seeds):
            raise ValueError("seeds are one or more different numbers")
        if not all(0 <= seed <= LARGEST_SEED for seed in self.seeds):
            raise ValueError(f"seeds are whole numbers from 0 to {LARGEST_SEED}")


@dataclass(frozen=True)
class RowConfig:
    """A system of the table."""

    name: str = required("within its group")
    label: str = option("", "what the table calls it; the name where left out")
    variables: Variables = option({}, "words for placeholders")
    set: Overrides = option({}, "step -> key=value changes to its configuration")
    role: Role = option(
        "", "what the others are seen beside: chance, trivial (log-mel statistics) or fresh (fresh weights)"
    )

    def __post_init__(self) -> None:
        if not _ROW.fullmatch(self.name):
            raise ValueError(f"{self.name!r} is no name of a row: letters, digits, _, + and -")


@dataclass(frozen=True)
class GroupConfig(RowConfig):
    """Rows that share settings. A group without rows is a row by itself."""

    rows: tuple[RowConfig, ...] = option((), "the systems of the group")
    only_gathered: bool = option(False, "it has no lines of its own: steps of other rows take it as {step.group}")


@dataclass(frozen=True)
class ColumnConfig:
    """A score: where a step leaves it, and how to read it."""

    name: str = required("orderings and reported numbers speak of it")
    label: str = option("", "what the table calls it; the name where left out")
    group: str = option("", "heading over neighbouring columns")
    step: str = required("whose folder holds the file")
    file: str = option("", "JSON file in that folder; may be left out where `answers` says all")
    at: tuple[str, ...] = option(
        (), "keys on the way to what follows; these and all others may hold variables of a row"
    )
    value: tuple[str, ...] = option((), "keys on the way to the score, which a column with a file has")
    minus: tuple[str, ...] = option((), "keys on the way to what is taken off the score, where it is a difference")
    low: tuple[str, ...] = option((), "keys on the way to the lower end of its interval, where the file has one")
    high: tuple[str, ...] = option((), "keys on the way to the upper end")
    p: tuple[str, ...] = option(
        (),
        "keys on the way to its own p against 0, as of a rank correlation: decides a claim of level 0 on equal seeds",
    )
    count: tuple[str, ...] = option((), "keys on the way to the number of things that were scored")
    interval: str = option("95 %, the score's own", "what the file's interval is")
    scale: float = option(1.0, "factor from the file to the table: 100 for per cent")
    unit: str = option("", "printed in the heading")
    digits: int = option(1, "after the point")
    better: Literal["higher", "lower"] = option("higher", "which way is better")
    groups: tuple[str, ...] = option((), "only these groups of rows have it; none is all")
    sizes: tuple[str, ...] = option((), "only these sizes have it; none is all")
    answers: str = option(
        "", "TSV file in that folder with the answer to every utterance: claims are tested over speakers and seeds"
    )
    answers_of: tuple[str, ...] = option(
        (), "only utterances with these labels; an entry may be a variable that holds several, with commas"
    )
    answers_not_of: tuple[str, ...] = option((), "without utterances that have these labels")

    def __post_init__(self) -> None:
        check_name(self.name, "a column")
        for file in (self.file, self.answers):
            if Path(file).is_absolute() or ".." in Path(file).parts:
                raise ValueError(f"{file} lies outside the step's folder")
        if not self.file and not self.answers:
            raise ValueError("a column has a file, or answers, or both")
        if bool(self.file) != bool(self.value):
            raise ValueError("file and value belong together: the score is what lies there")
        if not self.answers and (self.answers_of or self.answers_not_of):
            raise ValueError("answers_of and answers_not_of choose among the answers of a file: give answers")
        if self.answers and (self.minus or self.better != "higher" or self.scale < 0):
            raise ValueError(
                "answers are counted where they are right: a share, not a difference, and higher is better"
            )
        if bool(self.low) != bool(self.high):
            raise ValueError("an interval has two ends: give low and high")
        if self.minus and self.low:
            raise ValueError("the interval of a score is not that of a difference: leave out low and high, or minus")
        if not 0 <= self.digits <= 6 or self.scale == 0:
            raise ValueError("digits are 0 to 6, and scale is not 0")


@dataclass(frozen=True)
class FigureConfig:
    """A picture that a step draws, shown under the table."""

    step: str = required("whose folder holds it")
    row: str = required("the row whose step it is")
    file: str = required("SVG or PNG file in that folder")
    caption: str = required("what it shows, in a sentence")

    def __post_init__(self) -> None:
        if Path(self.file).name != self.file or Path(self.file).suffix not in (".svg", ".png"):
            raise ValueError(f"{self.file} is no name of an SVG or PNG file")


@dataclass(frozen=True)
class TableConfig:
    """One table of a paper."""

    title: str = required("what the table shows")
    about: str = option("", "how to read it")
    corpus: str = required("the recipe's corpus")
    steps: tuple[StepConfig, ...] = required("in the order in which they can run")
    rows: tuple[GroupConfig, ...] = required("groups of systems")
    beside: tuple[GroupConfig, ...] = option((), "groups that stand before `rows`, and that a base can bring")
    columns: tuple[ColumnConfig, ...] = required("scores")
    sizes: Mapping[str, SizeConfig] = required("name -> size")
    reported: tuple[ReportedConfig, ...] = option((), "numbers printed elsewhere")
    orderings: tuple[OrderingConfig, ...] = option((), "claims to check")
    figures: tuple[FigureConfig, ...] = option((), "pictures under the table")
    levels: tuple[LevelConfig, ...] = option((), "constants such as chance, shown apart with the rows that have a role")
    gates: tuple[GateConfig, ...] = option((), "what rows have to beat before their figures say anything")
    made_by: Mapping[str, str] = option({}, "what no numbered stage writes: folder -> the recipe's script that does")
    smallest_effect: float | None = option(
        None, "smallest gain that would matter, in the unit of the columns of the primary claims"
    )

    def __post_init__(self) -> None:
        steps = check_unique([step.name for step in self.steps], "step")
        columns = check_unique([column.name for column in self.columns], "column")
        groups = check_unique([group.name for group in self.groups], "group of rows")
        if SEEDS in groups:
            raise ValueError(f"a group of rows cannot be called {SEEDS}: {{step.{SEEDS}}} is every seed")
        for group in self.groups:
            if group.rows:
                check_unique([row.name for row in group.rows], f"row of {group.name}")
            for part in (group, *group.rows):
                check_known(part.set, steps, "step")
                check_free(part.variables, steps)
        for column in self.columns:
            check_known([column.step], steps, "step")
            check_known(column.groups, groups, "group of rows")
            check_known(column.sizes, list(self.sizes), "size")
        for size in self.sizes.values():
            check_known(size.steps, steps, "step")
            check_known(size.groups, groups, "group of rows")
            check_free(size.variables, steps)
        for figure in self.figures:
            check_known([figure.step], steps, "step")
            check_known([figure.row], self.row_names(), "row")
        self._check_claims(columns)
        self._check_gates(columns, groups)

    def _check_claims(self, columns: list[str]) -> None:
        for reported in self.reported:
            check_known([reported.column], columns, "column")
            check_known([reported.row, *filter(None, [reported.relative_to])], self.row_names(), "row")
        for ordering in self.orderings:
            check_known(ordering.columns, columns, "column")
            self.pairs(ordering)
        if self.smallest_effect is not None:
            self._check_effect(self.smallest_effect)

    def _check_gates(self, columns: list[str], groups: list[str]) -> None:
        levels = check_unique([level.name for level in self.levels], "level") if self.levels else []
        rows = self.row_names()
        bare = [row.name for group in self.groups for row in group.rows]
        for level in self.levels:
            check_known(level.values, columns, "column")
            if level.name in (*rows, *bare):
                raise ValueError(f"the level {level.name} is called as a row is")
        for gate in self.gates:
            check_known(gate.columns, columns, "column")
            check_known(gate.rows, [*rows, *groups], "row")
            check_known(gate.above, [*rows, *bare, *levels], "row or level")
            if not gate.above and not any(self.role(*pair) in ("trivial", "fresh") for pair in self.all_rows()):
                raise ValueError("a gate needs rows with the role trivial or fresh, or names in `above`")

    def _check_effect(self, effect: float) -> None:
        if effect <= 0:
            raise ValueError("the smallest effect that would matter is above 0")
        if not self.primary_columns:
            raise ValueError("smallest_effect is what primary claims are judged by: mark an ordering `primary: true`")
        units = {column.unit for column in self.columns if column.name in self.primary_columns}
        if len(units) > 1:
            named_units = ", ".join(sorted(unit or "none" for unit in units))
            raise ValueError(f"smallest_effect has one unit, and primary claims have several: {named_units}")

    @property
    def groups(self) -> tuple[GroupConfig, ...]:
        """All groups of rows, in their order."""
        return (*self.beside, *self.rows)

    @property
    def primary_columns(self) -> set[str]:
        """The columns of primary claims: what `smallest_effect` speaks of."""
        return {name for ordering in self.orderings if ordering.primary for name in ordering.columns}

    def script_of(self, folder: str) -> str:
        """The script that writes a folder, as {exp}/pool/all; empty where numbered stages do."""
        return next((by for made, by in self.made_by.items() if folder == made or folder.startswith(f"{made}/")), "")

    def role(self, group: GroupConfig, row: RowConfig | None) -> Role:
        """A row's own role, or else its group's."""
        return (row.role if row else "") or group.role

    def row_names(self) -> list[str]:
        """Every row as group.row, or as the group alone."""
        return [row_name(group, row) for group, row in self.all_rows()]

    def variable_names(self) -> set[str]:
        """The names of all variables of sizes, groups and rows."""
        given = [size.variables for size in self.sizes.values()] + [group.variables for group in self.groups]
        given += [row.variables for group in self.groups for row in group.rows]
        return {name for variables in given for name in variables}

    def all_rows(self) -> list[tuple[GroupConfig, RowConfig | None]]:
        """Every row with its group."""
        return [(group, row) for group in self.groups for row in (group.rows or (None,))]

    def columns_of(self, group: str, size: str) -> list[ColumnConfig]:
        """The scores that rows of a group have in a size."""
        return [
            column
            for column in self.columns
            if (not column.groups or group in column.groups) and (not column.sizes or size in column.sizes)
        ]

    def pairs(self, ordering: OrderingConfig) -> list[tuple[str, str]]:
        """The rows that an ordering compares: one pair, or one of each group. The second is "" for a number."""
        names = self.row_names()
        if not ordering.than:
            alone = [name for name in names if ordering.better in (name, name.partition(".")[2])]
            if not alone:
                bare = [row.name for group in self.groups for row in group.rows]
                raise ValueError(f"there is no row {ordering.better!r}: {near(ordering.better, names + bare)}")
            return [(name, "") for name in alone]
        if ordering.better in names and ordering.than in names:
            return [(ordering.better, ordering.than)]
        pairs = [(f"{group.name}.{ordering.better}", f"{group.name}.{ordering.than}") for group in self.groups]
        pairs = [pair for pair in pairs if set(pair) <= set(names)]
        if not pairs:
            bare = [row.name for group in self.groups for row in group.rows]
            wrong = next((n for n in (ordering.better, ordering.than) if n not in names + bare), ordering.better)
            raise ValueError(
                f"no group has the rows {ordering.better} and {ordering.than}: {near(wrong, names + bare)}"
            )
        return pairs


def row_name(group: GroupConfig, row: RowConfig | None) -> str:
    """The name of a row in the table: group.row, or the group alone."""
    return f"{group.name}.{row.name}" if row else group.name


def read_table(path: Path) -> TableConfig:
    """The table of a file; whatever is wrong with it is told with its place."""
    return load(TableConfig, path)


def size_of(table: TableConfig, name: str, path: Path) -> SizeConfig:
    """One size of a table; ConfigError where it has none of that name."""
    if name not in table.sizes:
        raise ConfigError(f"{path}: there is no size {name!r}", fix=near(name, table.sizes))
    return table.sizes[name]
