"""The schema of what a table says of its scores: claims, what rows have to beat, and numbers printed elsewhere."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from masr.config import option, required
from masr.errors import ConfigError
from masr.tables.names import check_name
from masr.tables.placeholders import fill

Role = Literal["", "chance", "trivial", "fresh"]
PRIMARY = "primary"
TABLE = "table"
"""The family of claims that name none."""


@dataclass(frozen=True)
class ReportedConfig:
    """A number that was printed elsewhere."""

    row: str = required("as group.row")
    column: str = required("the column it belongs to")
    value: float = required("in the column's unit; in per cent where it is a change relative to another row")
    relative_to: str = option(
        "", "the row that it is a relative change from, shown once that claim is decided; none where it stands alone"
    )
    tag: Literal["paper", "digest", "ours"] = required("who says so: the authors, a third party, or we")
    source: str = required("where it was printed")
    note: str = option("", "in what its measurement differs from ours")


@dataclass(frozen=True)
class OrderingConfig:
    """A claim that one row is better than another. Names without a group are tried in each group that has both."""

    better: str = required("row that is claimed to be better")
    than: str = option("", "row that it is compared with")
    level: float | None = option(None, "number that it is compared with instead, in the column's unit: chance, none")
    columns: tuple[str, ...] = required("columns that the claim is about")
    claim: str = required("the claim in words")
    primary: bool = option(False, "whether the table was made for this claim: a family of its own, shown first")
    family: str = option("", "claims whose p-values are corrected together; all that name none are one family")

    def __post_init__(self) -> None:
        if bool(self.than) == (self.level is not None):
            raise ValueError("a claim compares with a row, `than`, or with a number, `level`: give one of the two")
        if self.family in (PRIMARY, TABLE):
            raise ValueError(f"no family can be called {self.family}: primary claims, and those without, are one each")
        if self.family and self.primary:
            raise ValueError("primary claims are a family of their own: leave out `family`, or `primary`")

    @property
    def family_name(self) -> str:
        """The family whose size corrects its p-values."""
        return PRIMARY if self.primary else self.family or TABLE


@dataclass(frozen=True)
class LevelConfig:
    """A constant that rows are seen beside, such as chance."""

    name: str = required("gates speak of it")
    label: str = option("", "what the table calls it; the name where left out")
    values: Mapping[str, str | int | float] = required("column -> number in its unit; may be a variable of the size")

    def __post_init__(self) -> None:
        check_name(self.name, "a level")

    def constants(self, variables: Mapping[str, str | int | float]) -> dict[str, float]:
        """Column -> the number, with the size's variables."""
        texts = {name: str(value) for name, value in variables.items()}
        constants = {}
        for column, given in self.values.items():
            place = f"level {self.name} of column {column}"
            text = fill(str(given), texts, (), place)
            try:
                constants[column] = float(text)
            except ValueError:
                constants[column] = math.nan
            if not math.isfinite(constants[column]):
                raise ConfigError(f"{place}: {text!r} is no number", fix="give a number, or a variable that holds one")
        return constants


@dataclass(frozen=True)
class GateConfig:
    """What rows have to beat before their figures say anything."""

    columns: tuple[str, ...] = required("scores in which they have to")
    rows: tuple[str, ...] = option((), "rows or groups that have to; none is all without a role")
    above: tuple[str, ...] = option(
        (), "rows or levels to beat, without group those of the row's own; none is all that are trivial or fresh"
    )
    paired: bool = option(
        False, "whether the interval of the gain over a row has to leave 0 out, or the two rows' own may not meet"
    )
