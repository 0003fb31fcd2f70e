"""One input: the files of a folder and the things in it that are no files; as JSON where it is kept."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any


class Odd(Enum):
    """What lies in a folder where a file is expected."""

    PIPE = "a pipe that nobody writes to"
    FOLDER = "a folder"
    LOOP = "a link to itself"
    ZEROS = "a link to /dev/zero"
    NOWHERE = "a link to nothing"


Content = bytes | Odd
Files = Mapping[str, Content]
"""Path below the folder -> what lies there."""


def lay(path: Path, content: Content) -> None:
    """Puts it where nothing is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is Odd.PIPE:
        os.mkfifo(path)
    elif content is Odd.FOLDER:
        path.mkdir()
    else:
        targets = {Odd.LOOP: path.name, Odd.ZEROS: "/dev/zero", Odd.NOWHERE: "not-there"}
        path.symlink_to(targets[content])


def read_folder(folder: Path) -> dict[str, Content]:
    """The files of a folder, in order of their names."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def size_of(files: Files) -> int:
    """Bytes of all files."""
    return sum(len(content) for content in files.values() if isinstance(content, bytes))


def as_json(files: Files) -> dict[str, Any]:
    """Text as text, other bytes as base64, so that a kept input can be read."""
    return {name: _content_as_json(content) for name, content in files.items()}


def from_json(values: Mapping[str, Any]) -> dict[str, Content]:
    """What `as_json` was given."""
    return {name: _content_from_json(value) for name, value in values.items()}


def _content_as_json(content: Content) -> dict[str, str]:
    if isinstance(content, Odd):
        return {"odd": content.name}
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(content).decode("ascii")}
    return {"text": text}


def _content_from_json(value: Mapping[str, str]) -> Content:
    if "odd" in value:
        return Odd[value["odd"]]
    return value["text"].encode("utf-8") if "text" in value else base64.b64decode(value["base64"])
