"""The folder that an export writes: whole or not there, in the place of an earlier export or of nothing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import masr
from masr.errors import BusyError, UsageError
from masr.io.atomic import atomic_write, replace_folder, temporary_name
from masr.io.one_writer import only_writer

RECORD = "masr_export.json"


@contextmanager
def export_folder(out: Path, facts: Mapping[str, Any]) -> Iterator[Path]:
    """A new folder to write to, which takes the name `out` when the block ends without an error.

    UsageError where something else has that name. `facts`, as they are in the end, become the record beside
    the model, which tells neither host nor paths.
    """
    if out.exists() and not (out / RECORD).is_file() and not (out.is_dir() and not any(out.iterdir())):
        raise UsageError(
            f"{out}: is there already, and is no export",
            why="what lies there would be lost",
            fix="name another folder, or remove it first",
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    lock = out.parent / f".{out.name}.export.lock"
    busy = BusyError(f"{out}: another `masr export` writes it", fix="wait for it, or name another folder")
    with only_writer(lock, busy):
        new, retired = temporary_name(out), temporary_name(out)
        try:
            new.mkdir()
            yield new
            record = {"masr": masr.__version__, **facts}
            atomic_write(new / RECORD, json.dumps(record, indent=1, ensure_ascii=False) + "\n")
            replace_folder(new, out, retired)
        finally:
            shutil.rmtree(new, ignore_errors=True)
            lock.unlink(missing_ok=True)
