"""What was run, on which commit, with which configuration: written beside every output."""

from __future__ import annotations

import json
import platform
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import masr
from masr.config import dump
from masr.io.atomic import atomic_write
from masr.io.layout import PROVENANCE, RESOLVED_CONFIG


def write_provenance(folder: Path, config: Any = None, **facts: Any) -> None:
    """provenance.json in `folder`, and config.yaml with the resolved configuration where there is one."""
    record = {
        "command": shlex.join([_program(), *sys.argv[1:]]),
        "commit": loaded_commit(),
        "masr": masr.__version__,
        "python": platform.python_version(),
        "host": platform.node(),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        **facts,
    }
    if config is not None:
        atomic_write(folder / RESOLVED_CONFIG, dump(config))
    atomic_write(folder / PROVENANCE, json.dumps(record, indent=2, ensure_ascii=False) + "\n")


def _program() -> str:
    """The name of the program: `masr` however it was started, or that of a script of the user's own."""
    script = Path(sys.argv[0])
    return "masr" if script.name == "masr" or script.parts[-3:] == ("masr", "cli", "main.py") else str(script)


@cache
def loaded_commit() -> str:
    """The commit that this process runs: asked once, as what changes in the checkout later is not run by it."""
    return git_commit()


def git_commit() -> str:
    """The checkout's commit, '-dirty' where tracked files differ; 'unknown' outside a checkout.

    A recipe's RESULTS.md and pictures are what runs write, not what they are made with, so they do not count.
    """
    root = Path(masr.__file__).resolve().parent.parent
    if not (root / ".git").exists():
        return "unknown"
    git = ["git", "-C", str(root)]
    written = [":(exclude,glob)egs/*/RESULTS.md", ":(exclude,glob)egs/*/figures/**"]
    try:
        done = subprocess.run(
            [*git, "describe", "--always", "--abbrev=40", "--exclude=*"],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
        differs = subprocess.run([*git, "diff", "--quiet", "HEAD", "--", ".", *written], timeout=10).returncode
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return done.stdout.strip() + ("-dirty" if differs else "")
