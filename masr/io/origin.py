"""Whether data directories were prepared from an embedded corpus: asked of the data, not of who uses them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from masr.files import ordinary, parse_json
from masr.io.layout import MARKER, PROVENANCE


def is_embedded(folders: Iterable[Path]) -> bool | None:
    """Whether any of these folders was prepared from an embedded corpus; None where none says what it was made of."""
    sources = [_provenance(folder).get("source") for folder in folders]
    corpora = [Path(str(source)) for source in sources if source]
    # Unlike a Path's exists, os.path's answers whatever the name is: one with NUL, or of a megabyte.
    known = [os.path.exists(corpus / MARKER) for corpus in corpora if os.path.exists(corpus)]  # noqa: PTH110
    return any(known) if known else None


def with_siblings(folder: Path) -> list[Path]:
    """A data directory and those beside it: one that was cut out of another does not say what that was made of."""
    return [folder, *sorted(path.parent for path in folder.parent.glob(f"*/{PROVENANCE}"))]


def _provenance(folder: Path) -> dict[str, Any]:
    try:
        found = parse_json(ordinary(folder / PROVENANCE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
