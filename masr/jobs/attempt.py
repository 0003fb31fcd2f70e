"""Tells a stage's repetition from a fresh start, so that launchers need not repeat jobs that have ended well.

From a stage's first run to its success there is one attempt, as long as nothing that the stage depends on changes:
its id stands in a file beside the stage's record, with the state it was begun in, and launchers read it from
STAGE_ATTEMPT and write it into the jobs' logs. Success removes the file, and so does a change: what a later run finds
missing is then made again, whatever old logs say.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from masr.files import parse_json
from masr.io.atomic import atomic_write


def begin(record: Path, state: dict[str, Any]) -> str:
    """The id of the attempt: the one at hand where it was begun in this very state, else a new one."""
    path = _path(record)
    try:
        found = parse_json(path.read_text(encoding="utf-8"))
        if found["state"] == state:
            return str(found["attempt"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    attempt = os.urandom(8).hex()
    atomic_write(path, json.dumps({"attempt": attempt, "state": state}))
    return attempt


def end(record: Path) -> None:
    """The stage has done its work."""
    _path(record).unlink(missing_ok=True)


def _path(record: Path) -> Path:
    return record.with_name(f".{record.name}.attempt")
