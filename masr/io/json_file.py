"""Figures as JSON: a file, or the screen; a number that is not finite is null there."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from masr.io.atomic import atomic_write


def write_json(where: str | Path, values: Mapping[str, Any]) -> None:
    """To a file, or the screen where `where` is "-"; what is not known is null."""
    text = json.dumps(plain(values), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    if where == "-":
        print(text, end="")
    else:
        atomic_write(Path(where), text)


def plain(value: Any) -> Any:
    """Mappings, lists and what they hold, as JSON knows them: None in place of a number that is not finite."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
