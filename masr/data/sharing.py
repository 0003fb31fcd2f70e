"""What is made once for several ranks: arrays as long as the corpus, which say which utterances stand in which step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy.typing as npt

Arrays = Sequence[npt.NDArray[Any]]
Make = Callable[[], Arrays]
Share = Callable[[Make], Arrays]
"""Gives the arrays of one dimension that `make` gives, or that it gave another rank; nobody writes to them.

Whoever shares with others calls as often as they do, in the same order.
"""


def alone(make: Make) -> Arrays:
    """Shared with nobody."""
    return make()
