"""What a stage depends on: the state of its input files, and the code that its command runs.

Inputs. A file of up to 16 MB is known by its content (touching it changes nothing), a larger one by its size and
modification time. A data directory (it has utt2spk) is known by the tables that `masr prepare` writes, so that the
feats.scp which stage 2 adds to it does not count as a change. Any other folder is known by the name, size and
modification time of every file in it, hidden ones left out.

Code. The file of every `masr VERB` that the command names, with all that it imports from masr, directly or through
others; and the plug-ins of every room that these files open by name: those that the command or its configuration
name, or all of the room where none is named (masr/jobs/sources.py). A change in a room that the verb never opens is not
a change.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from masr.jobs.sources import House

ROOT = Path(__file__).resolve().parents[2]
CONTENT_LIMIT_BYTES = 16 * 2**20

_FROM_PREPARE = re.compile(r"wav\.scp|segments|text|phones\.ctm|reco2file_and_channel|spk2\w+|utt2(?!num_frames$)\w+")


def input_state(path: Path) -> str:
    """One line that changes when what is at `path` changes; raises FileNotFoundError where nothing is."""
    if not path.is_dir():
        return file_state(path)
    if (path / "utt2spk").exists():
        states = [(file, file_state(file)) for file in _tables(path)]
    else:
        states = [(file, stat_state(file)) for file in walk(path)]
    digest = hashlib.sha256()
    for file, state in states:
        digest.update(f"{file.relative_to(path)}\0{state}\n".encode(errors="surrogateescape"))
    return f"folder {digest.hexdigest()[:32]}"


def file_state(path: Path) -> str:
    """The content's hash, or size and time of a large file."""
    if path.stat().st_size > CONTENT_LIMIT_BYTES:
        return stat_state(path)
    return f"sha256 {hashlib.sha256(path.read_bytes()).hexdigest()[:32]}"


def stat_state(path: Path) -> str:
    """Size and modification time, which cost no reading; a link that leads nowhere has neither."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return "missing"
    return f"{found.st_size} bytes at {found.st_mtime_ns}"


def walk(folder: Path) -> Iterator[Path]:
    """Every file below `folder` in a fixed order, hidden files and folders left out; each real folder once."""
    seen = set()
    for parent, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(parent)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(parent, name) for name in sorted(files) if not name.startswith("."))


def _tables(folder: Path) -> list[Path]:
    """The tables of a data directory that say which utterances it holds."""
    return sorted(path for path in folder.iterdir() if path.is_file() and _FROM_PREPARE.fullmatch(path.name))


def code_state(command: Sequence[str], inputs: Iterable[Path] = (), root: Path = ROOT) -> dict[str, str]:
    """Every file of our own that `command` runs, relative to the checkout, with its content's hash."""
    files = House(root).files_of(command, inputs)
    return {str(file.relative_to(root)): file_state(file) for file in sorted(files)}
