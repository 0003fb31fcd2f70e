"""What a task reads, as one line that changes when the content changes, and not when it is copied or moved.

masr/io/identity.py says what lies at a path. A table's commands read features, confidences and whatever else lies in a
data directory without naming it, so here a directory counts with all of that. A YAML file counts by its settings, those
of its bases among them: its comments are no content.
"""

from __future__ import annotations

from pathlib import Path

from masr.config.plain import SettingsReader
from masr.io.identity import MISSING, digest, identity, is_from_prepare
from masr.io.layout import CMVN_SCP, PROBLEMS_TSV, PROVENANCE, RESOLVED_CONFIG, UTT2NUM_FRAMES, UTT2SPK

__all__ = ["MISSING", "stamp"]

_NOT_CONTENT = (PROVENANCE, PROBLEMS_TSV, RESOLVED_CONFIG, CMVN_SCP, UTT2NUM_FRAMES)
"""Files that say when, where and how the others were made, or that are counted with the features."""


def stamp(path: Path) -> str:
    """One line; `missing` where nothing is there."""
    if path.suffix in (".yaml", ".yml") and path.is_file():
        return f"yaml {digest(SettingsReader().settings(path))}"
    if not (path / UTT2SPK).is_file():
        return identity(path)
    added = [file for file in sorted(path.iterdir()) if file.is_file() and not is_from_prepare(file.name)]
    others = [file for file in added if not file.name.startswith(".") and file.name not in _NOT_CONTENT]
    return f"data {digest([identity(path), *([file.name, identity(file)] for file in others)])}"
