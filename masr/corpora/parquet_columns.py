"""The columns of a Parquet file: what each can hold, by its type and by what the library `datasets` notes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from masr.files import open_ordinary, parse_json

_TEXT = frozenset({"string", "large_string", "string_view"})
_BYTES = frozenset({"binary", "large_binary", "binary_view", "null"})


@dataclass(frozen=True)
class Column:
    """One column of a file."""

    type: str
    """As pyarrow writes it."""
    kind: Literal["audio", "text", "word", "other"]
    """A word is a whole number or a truth value."""
    classes: tuple[str, ...] = ()
    """What whole numbers stand for, where the file says so."""

    def can_be(self, meaning: str) -> bool:
        """Whether the column can hold what is called so: id, text, lang, speaker or label."""
        if meaning == "text":
            return self.kind == "text" or bool(self.classes)
        return self.kind in ("text", "word")


@lru_cache(maxsize=64)
def columns_of(path: Path) -> Mapping[str, Column] | str:
    """Name -> column, in the file's order; a sentence where the file is damaged."""
    import pyarrow
    import pyarrow.parquet

    try:
        with open_ordinary(path) as stream:
            schema = pyarrow.parquet.read_schema(stream)
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        return first_line(error)
    classes = _classes((schema.metadata or {}).get(b"huggingface", b"{}"))
    return {f.name: _column(f.type, classes.get(f.name)) for f in schema}


def _column(kind: Any, classes: tuple[str, ...] | None) -> Column:
    if classes == ():
        return Column("a ClassLabel without names", "other")
    return Column(str(kind), _kind(kind), classes or ())


def _kind(kind: Any) -> Literal["audio", "text", "word", "other"]:
    from pyarrow import types

    if types.is_dictionary(kind):  # categories of pandas are read as what they stand for
        kind = kind.value_type
    if types.is_struct(kind):
        parts = {part.name: str(part.type) for part in kind}
        has_audio = parts.get("bytes") in _BYTES and parts.get("path", "string") in _TEXT | {"null"}
        return "audio" if has_audio else "other"
    if str(kind) in _TEXT:
        return "text"
    return "word" if types.is_integer(kind) or types.is_boolean(kind) else "other"


def _classes(metadata: bytes) -> dict[str, tuple[str, ...]]:
    """Column -> the names of its classes, as the library `datasets` notes them in a file."""
    try:
        features = parse_json(metadata)["info"]["features"].items()
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}
    labels = {name: one for name, one in features if isinstance(one, dict) and one.get("_type") == "ClassLabel"}
    names = {name: label.get("names") for name, label in labels.items()}
    return {name: tuple(map(str, found)) if isinstance(found, list) else () for name, found in names.items()}


def first_line(error: Exception) -> str:
    """What pyarrow says of a damaged file, in short."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:120]
