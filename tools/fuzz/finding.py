"""What may not happen, and did."""

from __future__ import annotations

import re
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import masr
from fuzz.case import Files

Kind = Literal["traceback", "hang", "memory", "crash", "stray", "not finite"]
_FRAME = re.compile(r'File "([^"]+)", line (\d+),? in (\S+)')
_NUMBERS = re.compile(r"\d+")
_ROOT = f"{Path(masr.__file__).parent.parent}/"


@dataclass
class Finding:
    """One input that broke a rule."""

    kind: Kind
    where: str
    """The innermost line of masr that was at work, as file:line function."""
    what: str
    trace: str = ""
    index: int = -1
    files: Files = field(default_factory=dict)
    times: int = 1
    """How many inputs did the same."""

    @property
    def signature(self) -> str:
        """The same for inputs that break the same thing."""
        word = self.what.split(":")[0] if self.kind in ("traceback", "stray", "crash") else ""
        place = "" if self.kind in ("stray", "not finite") else self.where
        detail = _NUMBERS.sub("0", self.what) if self.kind == "not finite" else ""
        return f"{self.kind} {word} {place} {detail}"

    def line(self) -> str:
        """For the screen."""
        return f"{self.kind}: {self.what[:160]!r} at {self.where or 'no line of masr'}"

    def as_message(self) -> dict[str, Any]:
        """All but the files, which the parent can make again."""
        return {"kind": self.kind, "where": self.where, "what": self.what[:2000], "trace": self.trace[-6000:]}


def of_error(error: BaseException) -> Finding:
    """What an error that is no refusal comes to."""
    text = "".join(traceback.format_exception(error, limit=-30))
    kind: Kind = "memory" if isinstance(error, MemoryError) else "traceback"
    return Finding(kind, innermost(text), f"{type(error).__name__}: {error}"[:2000], text)


def innermost(trace: str, is_reversed: bool = False) -> str:
    """The last line of masr in a traceback, whose innermost line comes last, or first where faulthandler wrote it."""
    frames = [(path.removeprefix(_ROOT), line, name) for path, line, name in _FRAME.findall(trace)]
    ours = [frame for frame in frames if frame[0].startswith("masr/")]
    if not ours:
        return ""
    path, line, name = ours[0] if is_reversed else ours[-1]
    return f"{path}:{line} {name}"
