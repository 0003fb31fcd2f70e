"""The mistakes a user can fix, one class each. The command line prints them in one block and exits 2; in
Python they are exceptions, with why and fix below.

Anything that is not a `MasrError` is a bug of ours and keeps its traceback (exit 1).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class MasrError(Exception):
    """What is wrong, why it usually happens, and what to do about it."""

    title = "error"

    def __init__(self, what: str, *, why: str = "", fix: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.fix = fix
        for note in self._notes():  # Python shows them below its traceback
            self.add_note(note)

    def __reduce__(self) -> tuple[object, ...]:
        """Keep all three parts when the error crosses from a worker process."""
        return (_rebuild, (type(self), self.what, self.why, self.fix))

    def block(self) -> str:
        """The whole message as the screen shows it."""
        return "\n".join([f"masr: {self.title}: {self.what}", *self._notes()])

    def _notes(self) -> list[str]:
        """The lines behind the first."""
        return [f"  {name}: {text}" for name, text in (("why", self.why), ("fix", self.fix)) if text]


class UsageError(MasrError):
    """The command line, or a call from Python, asks for something that does not exist."""

    title = "usage"


class ConfigError(MasrError):
    """A configuration file, or an override of one, does not fit its schema."""

    title = "config"


class DataError(MasrError):
    """A data directory breaks the rules of Kaldi's format."""

    title = "data directory"


class CorpusError(MasrError):
    """A corpus is not where it was said to be, or not in its real layout."""

    title = "corpus"


class AudioError(MasrError):
    """An audio file, or a waveform, cannot be read as speech."""

    title = "audio"


class ArchiveError(MasrError):
    """A feature archive, tar file or cache cannot be trusted."""

    title = "archive"


class MetadataError(MasrError):
    """A label has no place in the metadata it is looked up in."""

    title = "metadata"


class UnitsError(MasrError):
    """Text cannot be turned into units, or units cannot be trained."""

    title = "units"


class CheckpointError(MasrError):
    """A checkpoint cannot be saved, is damaged, or belongs to another run."""

    title = "checkpoint"


class TrainingError(MasrError):
    """Training cannot start, or cannot go on."""

    title = "training"


class FigureError(MasrError):
    """A figure cannot be drawn from what it is given."""

    title = "figure"


class ScoresError(MasrError):
    """A file of scores, or what it is scored against, cannot be used."""

    title = "scores"


class AnalysisError(MasrError):
    """Representations, or what they are compared with, do not allow the figure that was asked for."""

    title = "analysis"


class DecodingError(MasrError):
    """Emissions cannot be turned into text with this lexicon, language model or these units."""

    title = "decoding"


class TableError(MasrError):
    """A task of a table cannot run, or what it left cannot be read."""

    title = "table"


class BusyError(MasrError):
    """Another process has what this one needs for itself."""

    title = "busy"


class MissingPackageError(MasrError):
    """An optional package is needed for this and is not installed."""

    title = "missing package"


def _rebuild(cls: type[MasrError], what: str, why: str, fix: str) -> MasrError:
    return cls(what, why=why, fix=fix)


def near(name: str, known: Iterable[str], count: int = 3) -> str:
    """What was probably meant: 'did you mean a or b?'; where nothing is near, what there is."""
    names = sorted(set(known))
    close = difflib.get_close_matches(name, names, n=count, cutoff=0.6)
    if close:
        return "did you mean " + " or ".join(close) + "?"
    if not names:
        return "there are none to choose from"
    if len(names) <= 20:
        return "choose from: " + ", ".join(names)
    return f"choose from {len(names)} names, such as: " + ", ".join(names[:10])
