"""The answers to every utterance of a test, as `masr analyse probe --answers` writes them: who spoke, what is right,
what was said. A header, then a line for each utterance, with tabs between the columns."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from masr.errors import ScoresError
from masr.files import ordinary
from masr.io.atomic import atomic_open

HEADER = ("utt", "speaker", "label", "answer")


@dataclass(frozen=True)
class AnswerTable:
    """The columns of such a file; no utterance is there twice."""

    utts: tuple[str, ...]
    speakers: tuple[str, ...]
    labels: tuple[str, ...]
    answers: tuple[str, ...]


def write_answer_table(path: Path, table: AnswerTable) -> None:
    """Writes a line for each utterance, in the table's order; ScoresError where a cell holds a tab."""
    columns = (table.utts, table.speakers, table.labels, table.answers)
    if broken := next((cell for column in columns for cell in column if "\t" in cell), None):
        raise ScoresError(f"{broken!r} holds a tab, which separates the columns of {path}")
    with atomic_open(path) as stream:
        stream.write("\t".join(HEADER) + "\n")
        stream.writelines("\t".join(row) + "\n" for row in zip(*columns, strict=True))


def read_answer_table(path: Path) -> AnswerTable:
    """The columns of a file; ScoresError, with the line, where it is no such table."""
    fix = "masr analyse probe --answers writes such a file"
    try:
        lines = ordinary(path).read_text(encoding="utf-8").removesuffix("\n").split("\n")
    except FileNotFoundError:
        raise ScoresError(f"{path} is not there", fix=fix) from None
    except (OSError, ValueError) as error:
        raise ScoresError(f"{path} cannot be read: {error}") from None
    if tuple(lines[0].split("\t")) != HEADER:
        raise ScoresError(f"{path} does not begin with the line {' '.join(HEADER)}, with tabs", fix=fix)
    seen: set[str] = set()
    rows = []
    for number, line in enumerate(lines[1:], start=2):
        fields = line.split("\t")
        if len(fields) != len(HEADER) or not all(fields[:3]):
            raise ScoresError(f"{path}:{number}: not {', '.join(HEADER)} with tabs between them", fix=fix)
        if fields[0] in seen:
            raise ScoresError(f"{path}:{number}: utterance {fields[0]} is there twice", fix=fix)
        seen.add(fields[0])
        rows.append(fields)
    if not rows:
        raise ScoresError(f"{path} has no answers", fix=fix)
    utts, speakers, labels, answers = zip(*rows, strict=True)
    return AnswerTable(utts, speakers, labels, answers)
