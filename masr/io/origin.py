"""What a folder says of where it comes from, and whether that is an embedded corpus: data are asked, not their user."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from masr.files import ordinary, parse_json
from masr.io.layout import MARKER, PROVENANCE

MADE_OF = "made_of"
"""The data directories that one was cut or joined out of, in its provenance.json."""


def read_provenance(folder: Path) -> dict[str, Any]:
    """What provenance.json in `folder` says; nothing where it is not there or damaged: it is a record, not an input."""
    try:
        found = parse_json(ordinary(folder / PROVENANCE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def is_embedded(folders: Iterable[Path]) -> bool | None:
    """Whether any of these folders was prepared from an embedded corpus; None where none says what it was made of.

    A directory that was cut or joined out of others is asked by way of them.
    """
    corpora, asked, to_ask = [], set(), [*folders]
    while to_ask:
        folder = to_ask.pop()
        if folder not in asked:
            asked.add(folder)
            said = read_provenance(folder)
            corpora += [Path(source)] if isinstance(source := said.get("source"), str) and source else []
            to_ask += [Path(part) for part in _list_of(said.get(MADE_OF)) if isinstance(part, str)]
    # Unlike a Path's exists, os.path's answers whatever the name is: one with NUL, or of a megabyte.
    known = [os.path.exists(corpus / MARKER) for corpus in corpora if os.path.exists(corpus)]  # noqa: PTH110
    return any(known) if known else None


def _list_of(value: object) -> list[object]:
    return value if isinstance(value, list) else []
