"""What a stage depends on: the state of its input files, and the code that its command runs.

Inputs. masr/io/identity.py says what lies at a path. A data directory is known there by the tables that `masr prepare`
writes, so that the feats.scp which stage 2 adds to it does not count as a change; what reads features names that too.

Code. The file of every `masr VERB` that the command names, with all that it imports from masr, directly or through
others; and the plug-ins of every room that these files open by name: those that the command or its configuration
name, or all of the room where none is named (masr/jobs/sources.py). A change in a room that the verb never opens is not
a change.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from masr.io.identity import MISSING, file_state, identity
from masr.jobs.sources import House

ROOT = Path(__file__).resolve().parents[2]
UTILS = "MASR_UTILS"
"""Says where utils/ is, where it lies beside a recipe and masr is installed elsewhere (utils/path.sh)."""


def input_state(path: Path) -> str:
    """One line that changes when what is at `path` changes; raises FileNotFoundError where nothing is."""
    state = identity(path)
    if state == MISSING:
        raise FileNotFoundError(path)
    return state


def code_state(command: Sequence[str], inputs: Iterable[Path] = (), root: Path = ROOT) -> dict[str, str]:
    """Every file of our own that `command` runs, relative to the checkout, with its content's hash."""
    scripts = Path(os.environ.get(UTILS) or root / "utils")
    files = House(root, scripts).files_of(command, inputs)
    named = {f"utils/{file.name}" if file.parent == scripts else str(file.relative_to(root)): file for file in files}
    return {name: file_state(named[name]) for name in sorted(named)}
