"""What a reader is to the fuzzer: seeds that it takes, and a function that reads one input."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fuzz.box import Box
from fuzz.case import Files
from masr.errors import MasrError


@dataclass(frozen=True)
class Reader:
    """A target that is ready: whatever it needs beside its input was made."""

    seeds: Sequence[Files]
    """Valid inputs."""
    read: Callable[[Box], Any]
    """Reads the box's input; all that comes back has to be finite."""
    refusals: tuple[type[Exception], ...] = (MasrError,)
    """How an input is refused."""
    words: Sequence[str] = ()
    """What the format is made of, for changes of text."""
    finish: Callable[[Files], Files] | None = None
    """Makes a changed input whole again, such as by new digests; done to every second input."""
    writes_input: bool = False
    """Whether the verb writes beside what it reads."""


@dataclass(frozen=True)
class Target:
    """A kind of input."""

    name: str
    about: str
    open: Callable[[Path], Reader]
    """Makes the reader, with a folder for whatever has to lie on disk."""
