"""What a configuration asks for by name has to be there: nobody is to train on less than was asked for unsaid."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from masr.errors import CorpusError


def require_there(asked: Iterable[str], here: Iterable[str], source: Path) -> None:
    """CorpusError where something of `asked` is not `here`, in `source`: what is missing, and what is there."""
    there = sorted(set(here))
    missing = [name for name in dict.fromkeys(asked) if name not in there]
    if missing:
        raise CorpusError(
            f"{source} has no {', '.join(missing)}",
            why=f"it has {', '.join(there) or 'nothing to choose from'}",
            fix="take some of those, or fetch what is missing",
        )
