"""Whether all that a reader gave back are numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from masr.maths.estimate import Estimate

_DEEPEST = 12


def not_finite(value: Any, place: str = "result", depth: int = 0) -> str:
    """Where the first number is that is NaN or infinite; empty where all are finite."""
    if isinstance(value, float | np.floating):
        return "" if math.isfinite(value) else f"{place} is {value}"
    if value is None or isinstance(value, str | bytes | int) or depth > _DEEPEST:
        return ""
    if isinstance(value, np.ndarray):
        return f"{place} has values that are not finite" if value.dtype.kind in "fc" and not _all(value) else ""
    if hasattr(value, "isfinite"):  # a tensor, without an import of torch
        return "" if bool(value.isfinite().all()) else f"{place} has values that are not finite"
    if isinstance(value, Estimate) and math.isnan(value.value):  # so it says that it cannot be known
        return not_finite((value.low, value.high), place, depth + 1)
    for name, inner in _parts(value):
        if found := not_finite(inner, f"{place}{name}", depth + 1):
            return found
    return ""


def _all(array: Any) -> bool:
    return bool(np.isfinite(array).all())


def _parts(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return ((f".{field.name}", getattr(value, field.name, None)) for field in fields(value))
    if isinstance(value, Mapping):
        return ((f"[{key!r}]", inner) for key, inner in value.items())
    if isinstance(value, list | tuple):
        return ((f"[{i}]", inner) for i, inner in enumerate(value))
    return ()
