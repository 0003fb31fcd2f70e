"""What the numbers of every encoder's configuration have in common: sizes that exist, and shares."""

from __future__ import annotations

from dataclasses import fields
from typing import Any


def check_numbers(config: Any) -> None:
    """ValueError where a size is less than 1, or another number is no share: each of these is a dropout.

    There may be no layers at all: the front end is an encoder too.
    """
    for field in fields(config):
        value = getattr(config, field.name)
        least = 0 if field.name == "num_layers" else 1
        if isinstance(value, int) and not isinstance(value, bool) and value < least:
            raise ValueError(f"{field.name} must be at least {least}")
        if isinstance(value, float) and not 0 <= value <= 1:
            raise ValueError(f"{field.name} must be between 0 and 1")
