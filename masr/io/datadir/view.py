"""A table seen as a mapping from id to value, over the mapped file: nothing is parsed before it is asked for."""

from __future__ import annotations

import mmap
from collections.abc import ItemsView, Iterator, Mapping, Sequence, ValuesView
from pathlib import Path
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from masr.errors import DataError
from masr.io.datadir.columns import plain_numbers, word_column
from masr.io.datadir.lines import BLANKS, IdArray, Lines, let_go, map_file, undecodable
from masr.io.datadir.rows import table_rows
from masr.io.datadir.tables import CTM

UIntArray = npt.NDArray[Any]

_PIECE_ROWS = 1 << 16
_MOST = 1 << 40
"""Of anything that is counted in an utterance or a recording."""
_SHOWN = 40


class TableView(Mapping[str, str]):
    """One table, in C-locale order of its ids. A lookup is a binary search, `at` is one cut of the file."""

    def __init__(self, path: Path, data: mmap.mmap | bytes, starts: UIntArray, order: UIntArray | None = None) -> None:
        self.path = path
        self._data = data
        self._starts = starts
        self._order = order
        self._several = path.name in CTM

    def __reduce__(self) -> tuple[object, ...]:
        """A map of a file does not cross to another process; its path does."""
        return (open_table, (self.path,))

    def __len__(self) -> int:
        return len(self._starts) - 1

    def __iter__(self) -> Iterator[str]:
        return map(self.key_at, range(len(self)))

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self._find(key) is not None

    def __getitem__(self, key: str) -> str:
        row = self._find(key)
        if row is None:
            raise KeyError(key)
        return self.at(row)

    def at(self, row: int) -> str:
        """The value of the row with this place in C order; the same utterance in every complete table."""
        return self._value(row, self._entry(row))

    def key_at(self, row: int) -> str:
        """The id of the row with this place in C order."""
        return self._decode(row, _id(self._entry(row)))

    def position(self, key: str) -> int:
        """The place of an id in C order; KeyError where the table does not have it."""
        row = self._find(key)
        if row is None:
            raise KeyError(key)
        return row

    def items(self) -> ItemsView[str, str]:
        """Ids and values, one cut of the file each."""
        return _Items(self)

    def values(self) -> ValuesView[str]:
        """Values in the order of the ids."""
        return _Values(self)

    def ids(self) -> IdArray:
        """Every id as bytes, in C order."""
        if self._several:
            return np.array([key.encode("utf-8") for key in self], dtype=object)
        in_file = Lines(self._data).ids()
        return in_file if self._order is None else in_file[self._order]

    def same_ids(self, other: TableView) -> bool:
        """Whether both tables have exactly the same ids; where both files are sorted, piece by piece."""
        if len(self) != len(other):
            return False
        if self.is_plain() and other.is_plain():
            pieces = zip(self.pieces(), other.pieces(), strict=True)
            return all(bool((one.ids() == two.ids()).all()) for one, two in pieces)
        return bool((self.ids() == other.ids()).all())

    def is_plain(self) -> bool:
        """Whether the file is sorted and has one line a row, so that rows are a piece of it."""
        return self._order is None and not self._several

    def raw(self, low: int, high: int) -> bytes:
        """The lines of rows `low` to `high` - 1 of a plain table."""
        return self._data[int(self._starts[low]) : int(self._starts[high])]

    def pieces(self) -> Iterator[Lines]:
        """The lines of a plain table, some tens of thousands at a time, so that no array is as long as the table."""
        for low in range(0, len(self), _PIECE_ROWS):
            starts = self._starts[low : low + _PIECE_ROWS + 1].astype(np.int64)
            yield Lines(self.raw(low, min(low + _PIECE_ROWS, len(self))), starts - starts[0])
        self.let_go()

    def let_go(self) -> None:
        """Lets go of the pages that were read: they need not stay in this process's memory."""
        let_go(self._data)

    def numbers(self) -> npt.NDArray[np.float64]:
        """Every value as a number, in the order of the ids; DataError naming the line whose value is none."""
        found = self._quick_numbers() if self.is_plain() else None
        if found is None:
            try:
                found = np.fromiter(map(float, self.values()), dtype=np.float64, count=len(self))
            except ValueError:
                row = next(row for row in range(len(self)) if not _is_number(self.at(row)))
                raise self._no_number(row, "not a number") from None
        if not np.isfinite(found).all():
            raise self._no_number(int(np.isfinite(found).argmin()), "not a finite number")
        return found

    def counts(self) -> npt.NDArray[np.int64]:
        """Every value as a whole number that is not negative, in the order of the ids; DataError naming the line."""
        found = self.numbers()
        good = (found >= 0) & (found < _MOST) & (found == np.floor(found))
        if not good.all():
            raise self._no_number(int(good.argmin()), "not a whole number that something can be counted by")
        return found.astype(np.int64)

    def _no_number(self, row: int, what: str) -> DataError:
        value = self.at(row)
        shown = value if len(value) <= _SHOWN else f"{value[:_SHOWN]}... of {len(value)} characters"
        return DataError(
            f"{self.path}:{self.line_number(row)}: {shown!r} is {what}",
            fix="`masr data validate` lists every such line",
        )

    def _quick_numbers(self) -> npt.NDArray[np.float64] | None:
        """As `numbers`, but None where some row is more than an id, a blank and a plain decimal."""
        values = np.empty(len(self))
        low = 0
        for lines in self.pieces():
            words = word_column(lines)
            numbers = None if words is None else plain_numbers(words)
            if numbers is None:
                return None
            values[low : low + len(lines)] = numbers
            low += len(lines)
        return values

    def line_number(self, row: int) -> int:
        """The line of the file, counted from 1, that holds a row."""
        start = int(self._starts[self._place(row)])
        return bytes(self._data[:start]).count(b"\n") + 1

    def _place(self, row: int) -> int:
        if not -len(self) <= row < len(self):
            raise IndexError(f"{self.path} has {len(self)} rows, not {row}")
        row %= len(self)
        return row if self._order is None else int(self._order[row])

    def _entry(self, row: int) -> bytes:
        place = self._place(row)
        return self._data[int(self._starts[place]) : int(self._starts[place + 1])]

    def _value(self, row: int, entry: bytes) -> str:
        if not self._several:
            return self._decode(row, _rest(entry))
        return self._decode(row, b"\n".join(_rest(line) for line in entry.splitlines()))

    def _decode(self, row: int, piece: bytes) -> str:
        try:
            return piece.decode("utf-8")
        except UnicodeDecodeError as error:
            raise undecodable(self.path, self.line_number(row), error) from None

    def first_from(self, key: str) -> int:
        """The place of the first id that is not before `key`."""
        wanted = key.encode("utf-8")
        low, high = 0, len(self)
        while low < high:
            middle = (low + high) // 2
            if _id(self._entry(middle)) < wanted:
                low = middle + 1
            else:
                high = middle
        return low

    def _find(self, key: str) -> int | None:
        try:
            row = self.first_from(key)
        except UnicodeEncodeError:
            return None
        return row if row < len(self) and self.key_at(row) == key else None


class _Items(ItemsView[str, str]):
    """Pairs straight from the file, without a search for each id."""

    _mapping: TableView

    def __iter__(self) -> Iterator[tuple[str, str]]:
        table = self._mapping
        for row in range(len(table)):
            entry = table._entry(row)
            yield table._decode(row, _id(entry)), table._value(row, entry)


class _Values(ValuesView[str]):
    """Values straight from the file, without a search for each id."""

    _mapping: TableView

    def __iter__(self) -> Iterator[str]:
        return map(self._mapping.at, range(len(self._mapping)))


class Ids(Sequence[str]):
    """The ids of a table as a sequence in C order, each decoded when asked for."""

    def __init__(self, table: TableView) -> None:
        self._table = table

    def __len__(self) -> int:
        return len(self._table)

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[str]: ...
    def __getitem__(self, place: int | slice) -> str | Sequence[str]:
        if isinstance(place, slice):
            return [self._table.key_at(row) for row in range(*place.indices(len(self)))]
        return self._table.key_at(place)

    def __contains__(self, key: object) -> bool:
        return key in self._table

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or isinstance(other, str):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other))

    __hash__ = None  # type: ignore[assignment]

    def index(self, value: str, start: int = 0, stop: int | None = None) -> int:
        """The place of an id; ValueError where it is not there, as for any sequence."""
        row = self._table._find(value)
        if row is None or row < start or (stop is not None and row >= stop):
            raise ValueError(f"{value} is not in {self._table.path}")
        return row


def open_table(path: Path) -> TableView:
    """A table without an index: its lines are found by one pass over the file."""
    data = map_file(path)
    starts, order = table_rows(Path(path), data)
    return TableView(Path(path), data, starts, order)


def _id(entry: bytes) -> bytes:
    return entry.split(None, 1)[0]


def _rest(entry: bytes) -> bytes:
    parts = entry.rstrip(b"\n").split(None, 1)
    return parts[1].rstrip(BLANKS) if len(parts) == 2 else b""


def _is_number(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True
