"""What the parts of a table may be called: commands write the names of steps and variables in braces."""

from __future__ import annotations

import re
from collections.abc import Iterable

from masr.errors import near

FOLDERS = ("data", "exp", "conf")
RESERVED = (*FOLDERS, "out", "config", "seed")
SEEDS = "seeds"
"""Stands in place of a group, so that no group may be called so: {step.seeds} are a step's folders for every seed."""
_NAME = re.compile(r"[a-z][a-z0-9_]*")


def check_name(name: str, what: str) -> None:
    """ValueError where a name has letters or marks that a placeholder cannot have."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of {what}: small letters, digits and _")


def check_unique(names: list[str], what: str) -> list[str]:
    """The names; ValueError where one is there twice, or there are none."""
    twice = [name for name in names if names.count(name) > 1]
    if not names or twice:
        raise ValueError(f"the {what} {twice[0]} is there twice" if twice else f"there is no {what}")
    return names


def check_known(names: Iterable[str], known: list[str], what: str) -> None:
    """ValueError where one of the names is not among those known."""
    for name in names:
        if name not in known:
            raise ValueError(f"there is no {what} {name!r}: {near(name, known)}")


def check_free(variables: Iterable[str], steps: list[str]) -> None:
    """ValueError where a variable would hide a folder, a step or another reserved name."""
    for name in variables:
        check_name(name, "a variable")
        if name in RESERVED or name in steps:
            raise ValueError(f"a variable cannot be called {name}: that is a placeholder of its own")
