"""The audio files of a folder that anybody made: found by their extension, at any depth, in a fixed order."""

from __future__ import annotations

import os
from pathlib import Path

EXTENSIONS = frozenset(
    (".wav", ".flac", ".mp3", ".ogg", ".oga", ".opus", ".aiff", ".aif", ".au", ".snd", ".caf", ".w64", ".rf64", ".voc")
)
"""Of what libsndfile reads, in small letters."""


def is_audio(path: Path) -> bool:
    """Whether the name is that of an audio file."""
    return path.suffix.lower() in EXTENSIONS


def audio_files(folder: Path) -> list[Path]:
    """Every audio file below a folder, sorted by path; hidden files and folders are passed over."""
    found: list[Path] = []
    for place, folders, names in os.walk(folder, followlinks=False):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(place, name) for name in names if not name.startswith(".") and is_audio(Path(name))]
    return sorted(found)
