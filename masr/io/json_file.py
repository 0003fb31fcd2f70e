"""Figures as JSON: a file, or the screen; a number that is not finite is null there.

A record becomes an object of its fields, or what its own `as_json` makes of it.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from masr.io.atomic import atomic_write

_MOST_NAMED = 3


def write_json(where: str | Path, values: Any, indent: int = 2) -> None:
    """Writes values to a file, or to the screen where `where` is "-"; a number that is not finite becomes null.

    Which ones do is said on standard error: null in a file may be what nobody asked for, too.
    """
    lost: list[str] = []
    text = json.dumps(plain(values, lost), indent=indent, ensure_ascii=False, allow_nan=False) + "\n"
    if lost:
        shown = ", ".join(lost[:_MOST_NAMED]) + (f" and {len(lost) - _MOST_NAMED} more" * (len(lost) > _MOST_NAMED))
        print(f"masr: {where}: null stands for what is not a finite number: {shown}", file=sys.stderr)
    if where == "-":
        print(text, end="")
    else:
        atomic_write(Path(where), text)


def plain(value: Any, lost: list[str] | None = None, place: str = "") -> Any:
    """Mappings, lists, texts, numbers and None, of records too; `lost` gets the places of numbers that became None."""
    if hasattr(value, "as_json"):
        return plain(value.as_json(), lost, place)
    if is_dataclass(value):
        value = {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, Mapping):
        return {key: plain(item, lost, f"{place}.{key}" if place else str(key)) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, lost, f"{place}.{i}") for i, item in enumerate(value)]
    if isinstance(value, float) and not math.isfinite(value):
        if lost is not None:
            lost.append(place)
        return None
    return value
