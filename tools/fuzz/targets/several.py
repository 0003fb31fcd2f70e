"""What several targets do with one input: read it in more than one way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from masr.errors import MasrError


def each(*reads: Callable[[], Any]) -> list[Any]:
    """What the reads gave that did not refuse the input."""
    found = []
    for read in reads:
        try:
            found.append(read())
        except MasrError:
            continue
    return found


@contextmanager
def without_git() -> Iterator[None]:
    """Nobody asks for the commit of the checkout, which takes two commands for each input."""
    with ExitStack() as stack:
        for module in ("masr.corpora.part_job", "masr.io.provenance"):
            stack.enter_context(patch(f"{module}.git_commit", return_value="unknown"))
        yield
