"""Figures as JSON: a file, or the screen; a number that is not finite is null there.

A record becomes an object of its fields, or what its own `as_json` makes of it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from masr.io.atomic import atomic_write


def write_json(where: str | Path, values: Any, indent: int = 2) -> None:
    """Writes values to a file, or to the screen where `where` is "-"; a number that is not finite becomes null."""
    text = json.dumps(plain(values), indent=indent, ensure_ascii=False, allow_nan=False) + "\n"
    if where == "-":
        print(text, end="")
    else:
        atomic_write(Path(where), text)


def plain(value: Any) -> Any:
    """Mappings, lists, texts, numbers and None, of records too."""
    if hasattr(value, "as_json"):
        return plain(value.as_json())
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
