"""Whether data directories were prepared from an embedded corpus: asked of the data, not of who uses them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from masr.io.layout import MARKER
from masr.io.provenance import read_provenance

MADE_OF = "made_of"
"""The data directories that one was cut or joined out of, in its provenance.json."""


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
