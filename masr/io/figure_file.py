"""NAME.figure.json: a figure written to a file and read back."""

from __future__ import annotations

import dataclasses
import json
import math
import types
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal, NoReturn, Union, get_args, get_origin, get_type_hints

import numpy as np

from masr.errors import FigureError, near
from masr.files import ordinary, parse_json
from masr.io.atomic import atomic_write
from masr.io.figure import KINDS, Cell, Figure, field_names
from masr.io.figure_checks import MAX_TEXT
from masr.io.layout import FIGURE_SUFFIX

MAX_BYTES = 32 << 20
"""Most bytes of one file: a figure that a page can hold is far smaller."""


def write_figure(path: Path, figure: Figure) -> None:
    """Writes `figure`; the name has to end as the report looks for it."""
    if not path.name.endswith(FIGURE_SUFFIX):
        raise FigureError(f"{path} does not end in {FIGURE_SUFFIX}: the report would not find it")
    atomic_write(path, to_json(figure) + "\n")


def read_figure(path: Path) -> Figure:
    """The figure of a file; FigureError, with the file and the key, where it holds none."""
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise FigureError(f"{size >> 20} MiB are too many: at most {MAX_BYTES >> 20}")
        return from_json(ordinary(path).read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        raise FigureError(f"{path}: is not UTF-8") from None
    except OSError as error:
        raise FigureError(f"{path}: cannot be read: {error.strerror}", fix="give a file that --out wrote") from None
    except FigureError as error:
        raise FigureError(f"{path}: {error.what}", why=error.why, fix=error.fix) from None


def to_json(figure: Figure) -> str:
    """A figure as one line of JSON; keys that have their default are left out."""
    kind = next(name for name, cls in KINDS.items() if type(figure) is cls)
    return json.dumps({"kind": kind, **_plain(figure)}, ensure_ascii=False, allow_nan=False)


def from_json(text: str) -> Figure:
    """The figure that `text` describes."""
    try:
        data = parse_json(text, parse_constant=_no_constant)
    except ValueError as error:
        raise FigureError(f"not JSON: {error}", why="it may have been cut short") from None
    if not isinstance(data, dict):
        raise FigureError("not a figure: no {...}")
    kind = data.pop("kind", None)
    if not isinstance(kind, str) or kind not in KINDS:
        raise FigureError(f"there is no kind {str(kind)[:60]!r} of figure", fix=near(str(kind), KINDS))
    return _record(KINDS[kind], data, "")  # type: ignore[no-any-return]


def _plain(value: Any) -> Any:
    """A value as JSON can hold it: NaN becomes null."""
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            f.name: _plain(getattr(value, f.name))
            for f in dataclasses.fields(value)
            if not _is_default(f, getattr(value, f.name))
        }
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _is_default(field: dataclasses.Field[Any], value: Any) -> bool:
    default = field.default
    return default is not dataclasses.MISSING and type(value) is type(default) and bool(value == default)


def _no_constant(name: str) -> NoReturn:
    raise FigureError(f"{name} is not JSON", fix="write null where there is no figure")


@cache
def _hints(cls: type) -> Mapping[str, Any]:
    return get_type_hints(cls)


def _record(cls: type, data: Any, where: str) -> Any:
    """A dataclass from its JSON object."""
    if not isinstance(data, dict):
        raise FigureError(f"{where}: has to be an object with the keys {', '.join(field_names(cls))}")
    names = field_names(cls)
    for key in data:
        if key not in names:
            raise FigureError(f"{_join(where, key[:60])}: there is no such key", fix=near(key, names))
    for field in dataclasses.fields(cls):
        if field.default is dataclasses.MISSING and field.name not in data:
            raise FigureError(f"{_join(where, field.name)} is missing")
    values = {key: _value(_hints(cls)[key], value, _join(where, key)) for key, value in data.items()}
    try:
        return cls(**values)
    except FigureError as error:
        raise FigureError(_join(where, error.what, ": "), why=error.why, fix=error.fix) from None


def _value(hint: Any, value: Any, where: str) -> Any:
    """The value of one key, turned into the type that its field has."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin is np.ndarray:
        return value if isinstance(value, list) else _wrong(where, "a list of numbers", value)
    if hint == Cell:
        return _cell(value, where)
    if origin in (Union, types.UnionType):
        return None if value is None else _value(next(h for h in inner if h is not type(None)), value, where)
    if origin is Literal:
        if value not in inner:
            raise FigureError(f"{where}: {str(value)[:60]!r} is none of {', '.join(inner)}")
        return value
    if origin is tuple:
        if not isinstance(value, list):
            _wrong(where, "a list", value)
        return tuple(_value(inner[0], item, f"{where}[{n}]") for n, item in enumerate(value))
    if dataclasses.is_dataclass(hint):
        return _record(hint, value, where)  # type: ignore[arg-type]
    return _scalar(hint, value, where)


def _scalar(hint: Any, value: Any, where: str) -> Any:
    if hint is str:
        return _text(value, where) if isinstance(value, str) else _wrong(where, "a text", value)
    if hint is bool:
        return value if isinstance(value, bool) else _wrong(where, "true or false", value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        _wrong(where, "a number", value)
    if hint is int:
        return value if isinstance(value, int) else _wrong(where, "a whole number", value)
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    return number if math.isfinite(number) else _wrong(where, "a finite number", value)


def _cell(value: Any, where: str) -> Cell:
    if value is None:
        return None
    if isinstance(value, str):
        return _text(value, where)
    number: float = _scalar(float, value, where)
    return number


def _text(value: str, where: str) -> str:
    if len(value) > MAX_TEXT:
        raise FigureError(f"{where}: {len(value)} characters are too many: at most {MAX_TEXT}")
    return value


def _wrong(where: str, wanted: str, value: Any) -> NoReturn:
    raise FigureError(f"{where}: has to be {wanted}, and is {str(value)[:60]!r}")


def _join(where: str, name: str, sign: str = ".") -> str:
    return f"{where}{sign}{name}" if where else name
