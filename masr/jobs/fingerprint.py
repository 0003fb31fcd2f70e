"""What a stage depends on: the state of its input files, and the code that its command runs.

Inputs. A file of up to 16 MB is known by its content (touching it changes nothing), a larger one by its size and
modification time. A data directory (it has utt2spk) is known by the tables that `masr prepare` writes, so that the
feats.scp which stage 2 adds to it does not count as a change. Any other folder is known by the name, size and
modification time of every file in it, hidden ones left out.

Code. The file of every `masr VERB` that the command names, with all that it imports from masr, directly or through
others; and the plug-ins of every room that these files open by name: those that the command or its configuration
name, or all of the room where none is named. A change in a room that the verb never opens is not a change.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CONTENT_LIMIT_BYTES = 16 * 2**20

_FROM_PREPARE = re.compile(r"wav\.scp|segments|text|phones\.ctm|reco2file_and_channel|spk2\w+|utt2(?!num_frames$)\w+")
_IMPORT = re.compile(r"^[ \t]*from[ \t]+(masr[\w.]*)[ \t]+import[ \t]+(\([^)]*\)|[^\n]*)", re.MULTILINE)
_MENTION = re.compile(r"\bmasr(?:\.\w+)+")
_SIBLING = re.compile(r"""["'](\w+)\.py["']""")
_ROOM_BY_NAME = re.compile(r"""["']masr\.([\w.]+)\.\{""")
_ROOM_IN_CALL = re.compile(r"""\b(?:open_plugin|build|config_of|names|resolve)\(\s*["'](\w+)["']""")
_VERB_IN_SCRIPT = re.compile(r"\bmasr ([a-z]+)\b")
_SOURCED = re.compile(r"^\. .*/([a-z_]+\.sh)\"$", re.MULTILINE)
_NAME_IN_CONFIG = re.compile(r"\bname:\s*[\"']?(\w+)")


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
    words = set(command[1:]) | set(_names_in_configs(inputs))
    files = set()
    verbs = {command[1]} if Path(command[0]).name == "masr" and len(command) > 1 else set()
    script = root / "utils" / Path(command[0]).name
    if script.is_file():
        text = script.read_text(encoding="utf-8")
        files |= {script, *(script.with_name(name) for name in _SOURCED.findall(text))}
        verbs |= set(_VERB_IN_SCRIPT.findall(text))
    for verb in sorted(verbs):
        verb_files = [root / "masr" / "cli" / f"{verb}.py", root / "masr" / "cli" / verb / "__init__.py"]
        files |= closure(verb_files, words, root)
    return {str(file.relative_to(root)): file_state(file) for file in sorted(files)}


def closure(start: Iterable[Path], words: set[str], root: Path = ROOT) -> set[Path]:
    """`start` and all that it imports from masr, plug-ins included."""
    found: set[Path] = set()
    waiting = [path for path in start if path.is_file()]
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found.add(path)
        source = path.read_text(encoding="utf-8")
        waiting += _imports(path, source, root)
        for room in _rooms(source, root):
            waiting += _plugins(room, words)
    return found


def _imports(path: Path, source: str, root: Path) -> list[Path]:
    """The files that `source` imports or names, and the packages on the way.

    Any mention counts, so that a module started as a process of its own is not missed.
    """
    names = _MENTION.findall(source)
    for module, imported in _IMPORT.findall(source):
        names += [module, *(f"{module}.{name}" for name in re.findall(r"\w+", imported))]
    files = [path.with_name(f"{stem}.py") for stem in _SIBLING.findall(source)]
    for name in names:
        target = root.joinpath(*name.split("."))
        files += [target.with_suffix(".py"), target / "__init__.py", target.parent.with_suffix(".py")]
    return [file for file in files if file.is_file()]


def _rooms(source: str, root: Path) -> list[Path]:
    """The rooms from which a file opens plug-ins: named in an import string, or in a call of masr.plugins."""
    names = set(_ROOM_BY_NAME.findall(source)) | set(_ROOM_IN_CALL.findall(source))
    rooms = (root.joinpath("masr", *name.split(".")) for name in sorted(names))
    return [room for room in rooms if (room / "__init__.py").is_file()]


def _plugins(room: Path, words: set[str]) -> list[Path]:
    """The files of a room that were asked for by name; all of them where none was."""
    files = sorted(room.glob("*.py"))
    named = [file for file in files if file.stem in words]
    return named or files


def _names_in_configs(inputs: Iterable[Path]) -> Iterator[str]:
    """`name: x` lines of the YAML files among the inputs: the plug-ins they choose."""
    for path in inputs:
        if path.suffix in (".yaml", ".yml") and path.is_file():
            yield from _NAME_IN_CONFIG.findall(path.read_text(encoding="utf-8", errors="replace"))
