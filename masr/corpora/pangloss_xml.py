"""A Pangloss annotation: TEXT or WORDLIST, its sentences or words with their times, forms and nothing else.

The XML comes from anywhere, so declared entities are refused: they can swallow memory or read other files.
"""

from __future__ import annotations

import math
import xml.parsers.expat as expat
from dataclasses import dataclass
from pathlib import Path

from masr.errors import CorpusError
from masr.files import ordinary

ROOTS = {"TEXT": "S", "WORDLIST": "W"}
"""Root element -> the element that is a segment of it."""
_MAX_DEPTH = 200


@dataclass(frozen=True, slots=True)
class Segment:
    """A sentence of a text, or an entry of a word list."""

    id: str
    start_sec: float | None
    end_sec: float | None
    forms: tuple[tuple[str, str], ...]
    """(kindOf, text) of each FORM that is the segment's own, in order."""


@dataclass(frozen=True, slots=True)
class Annotation:
    """What one XML file says."""

    id: str
    language: str
    segments: tuple[Segment, ...]


def read_annotation(path: Path) -> Annotation:
    """The file's annotation; CorpusError where it is none, or cannot be trusted."""
    reader = _Reader()
    parser = expat.ParserCreate()
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.characters
    parser.EntityDeclHandler = _refuse
    parser.buffer_text = True
    try:
        parser.Parse(ordinary(path).read_bytes(), True)
    except OSError as error:
        raise CorpusError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (
        LookupError,
        ValueError,
    ) as error:  # an encoding that expat has to ask Python for, which has none, or not so
        raise CorpusError(f"{path}: not XML: its encoding: {error}") from None
    except expat.ExpatError as error:
        raise CorpusError(f"{path}: not XML: {error}") from None
    except _RefusedError as error:
        raise CorpusError(f"{path}: {error}") from None
    return reader.annotation()


class _RefusedError(Exception):
    """The file is XML, but declares entities, or is of another kind."""


def _refuse(*_: object) -> None:
    raise _RefusedError("declares an entity, which no annotation needs: it can read other files or fill the memory")


class _Reader:
    """Reads the annotation as the elements go by."""

    def __init__(self) -> None:
        self.path: list[str] = []
        self.id = self.language = ""
        self.segments: list[Segment] = []
        self.open: dict[str, str] = {}
        self.times: dict[str, str] = {}
        self.forms: list[tuple[str, list[str]]] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if not self.path:
            if name not in ROOTS:
                raise _RefusedError(f"its root is {name}, not TEXT or WORDLIST")
            self.id, self.language = attributes.get("id", ""), attributes.get("xml:lang", "")
        self.path.append(name)
        if len(self.path) > _MAX_DEPTH:
            raise _RefusedError("its elements are nested too deeply")
        if self.path[1:] == [self.unit]:
            self.open, self.times, self.forms = attributes, {}, []
        elif self.path[1:] == [self.unit, "AUDIO"]:
            self.times = attributes
        elif self.path[1:] == [self.unit, "FORM"]:
            self.forms.append((attributes.get("kindOf", ""), []))

    def characters(self, text: str) -> None:
        if self.path[1:3] == [self.unit, "FORM"]:
            self.forms[-1][1].append(text)

    def end(self, name: str) -> None:
        if self.path[1:] == [self.unit]:
            forms = tuple((kind, " ".join("".join(text).split())) for kind, text in self.forms)
            number = len(self.segments) + 1
            times = (_seconds(self.times.get("start")), _seconds(self.times.get("end")))
            self.segments.append(Segment(self.open.get("id") or f"{name}{number}", *times, forms))
        self.path.pop()

    @property
    def unit(self) -> str:
        return ROOTS[self.path[0]]

    def annotation(self) -> Annotation:
        return Annotation(self.id, self.language, tuple(self.segments))


def _seconds(text: str | None) -> float | None:
    try:
        value = float(text) if text else None
    except ValueError:
        return None
    return value if value is not None and math.isfinite(value) else None
