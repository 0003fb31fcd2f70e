"""What every figure has to hold: numbers that are numbers, lengths that agree, sizes that a page can bear."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from masr.errors import FigureError

Array = npt.NDArray[np.float64]

MAX_VALUES = 1_000_000
"""Most values of one figure."""
MAX_SIDE = 1000
"""Most rows or columns of a matrix; most series, curves, or rows of a table."""
MAX_TEXT = 10_000
"""Most characters of one text."""


def array(values: Any, num_dims: int, name: str) -> Array:
    """A float64 array of so many dimensions; FigureError where a value is neither a finite number nor NaN."""
    try:
        raw = np.array(values)
    except ValueError:
        raise FigureError(f"{name}: its rows have different lengths") from None
    if raw.dtype.kind == "O":
        strange = [v for v in raw.ravel() if v is not None and (isinstance(v, bool) or not isinstance(v, int | float))]
        if strange:
            raise FigureError(f"{name}: {str(strange[0])[:60]!r} is no number")
    elif raw.dtype.kind not in "iuf":
        raise FigureError(f"{name}: holds something that is no number")
    try:
        numbers = raw.astype(np.float64)
    except OverflowError:
        raise FigureError(f"{name}: holds a number that is too large") from None
    if numbers.size == 0:
        numbers = numbers.reshape((0,) * num_dims)
    if numbers.ndim != num_dims:
        raise FigureError(f"{name}: has {numbers.ndim} dimensions and needs {num_dims}")
    if bool(np.isinf(numbers).any()):
        raise FigureError(f"{name}: holds an infinite value", fix="give null (NaN) where there is no figure")
    return numbers


def fill(figure: Any, **values: Any) -> None:
    """Sets fields of a frozen record, while it is being made."""
    for name, value in values.items():
        object.__setattr__(figure, name, value)


def fill_optional(figure: Any, *names: str) -> None:
    """Makes arrays of the fields that are there."""
    for name in names:
        value = getattr(figure, name)
        if value is not None:
            fill(figure, **{name: array(value, 1, name)})


def same_length(what: str, **arrays: Array | None) -> None:
    """FigureError where arrays that belong together have different lengths."""
    lengths = {name: len(values) for name, values in arrays.items() if values is not None}
    if len(set(lengths.values())) > 1:
        raise FigureError(f"{what}: lengths differ: " + ", ".join(f"{n} {count}" for n, count in lengths.items()))


def check_interval(low_name: str, low: Array | None, high_name: str, high: Array | None) -> None:
    """FigureError where one end of an interval is missing, or the ends are swapped."""
    if (low is None) != (high is None):
        raise FigureError(f"{low_name} and {high_name} go together, and one of them is missing")
    if low is not None and high is not None and bool((low > high).any()):
        raise FigureError(f"{low_name} is above {high_name} somewhere")


def limit(what: str, count: int, most: int) -> None:
    """FigureError for more than a page can hold."""
    if count > most:
        raise FigureError(f"{count} {what} are too many to draw: at most {most}", fix="show a part, or means of groups")


def check_shape(values: Array, rows: tuple[str, ...], columns: tuple[str, ...]) -> None:
    """FigureError where a matrix and the names of its sides do not fit."""
    if values.shape != (len(rows), len(columns)) and values.size + len(rows) * len(columns):
        raise FigureError(f"values are {values.shape} for {len(rows)} row names and {len(columns)} column names")
    limit("rows", len(rows), MAX_SIDE)
    limit("columns", len(columns), MAX_SIDE)
