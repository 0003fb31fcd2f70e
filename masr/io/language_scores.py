"""Scores of languages: a log-probability of each language for each utterance, as text or as an array.

NAME.tsv has a header `utt` and the languages, then a row for each utterance, separated by tabs. NAME.npy is a float32
array of the same rows and columns with NAME.utts and NAME.languages beside it, one name a line; it is mapped, not read,
so that a million utterances open at once. What the numbers mean is not looked at here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NoReturn

import numpy as np

from masr.errors import ScoresError
from masr.files import ordinary
from masr.io.arrays import map_array
from masr.io.atomic import atomic_open, atomic_path
from masr.io.layout import SCORES_LANGUAGES, SCORES_UTTS
from masr.types import FloatArray

BINARY = ".npy"
_BLOCK_CHARS = 1 << 24


@dataclass(frozen=True, eq=False)
class LanguageScores:
    """A system's scores: a row for each utterance, a column for each language."""

    utts: Sequence[str]
    languages: tuple[str, ...]
    values: FloatArray
    """(utterances, languages)."""


def read_language_scores(path: Path) -> LanguageScores:
    """The scores of a file in either form; ScoresError, with the line, where it holds none."""
    scores = _read_array(path) if path.suffix == BINARY else _read_text(path)
    _check_names(path, "language", scores.languages)
    _check_names(path, "utterance", scores.utts)
    if len(scores.languages) < 2:
        raise ScoresError(f"{path}: has {len(scores.languages)} languages: there is nothing to choose between")
    if not scores.utts:
        raise ScoresError(f"{path}: has no utterance", why="the run that writes it may have ended early")
    return scores


def write_language_scores(path: Path, utts: Sequence[str], languages: Sequence[str], values: FloatArray) -> None:
    """Writes the form that the name asks for, .npy or text; the array's name appears last, when all is there."""
    if values.shape != (len(utts), len(languages)):
        raise ValueError(f"values are {values.shape} for {len(utts)} utterances and {len(languages)} languages")
    if path.suffix != BINARY:
        with atomic_open(path) as stream:
            stream.write("\t".join(("utt", *languages)) + "\n")
            for utt, row in zip(utts, values):
                stream.write("\t".join((utt, *(f"{value:.6g}" for value in row.tolist()))) + "\n")
        return
    path.unlink(missing_ok=True)
    for suffix, names in ((SCORES_UTTS, utts), (SCORES_LANGUAGES, languages)):
        with atomic_open(path.with_suffix(suffix)) as stream:
            stream.writelines(f"{name}\n" for name in names)
    with atomic_path(path) as temporary, temporary.open("wb") as out:
        np.save(out, np.asarray(values, dtype=np.float32), allow_pickle=False)


def _read_array(path: Path) -> LanguageScores:
    try:
        values = map_array(path)
    except FileNotFoundError:
        raise ScoresError(f"{path}: no such file") from None
    except (OSError, ValueError) as error:
        raise ScoresError(f"{path}: is no array: {error}", why="cut short, or another file") from None
    if values.ndim != 2 or values.dtype.kind != "f":
        raise ScoresError(
            f"{path}: holds {values.dtype} of shape {values.shape}", fix="save float32 of (utterances, languages)"
        )
    utts, languages = (_names(path.with_suffix(suffix)) for suffix in (SCORES_UTTS, SCORES_LANGUAGES))
    if values.shape != (len(utts), len(languages)):
        raise ScoresError(
            f"{path} has the shape {values.shape} for {len(utts)} utterances and {len(languages)} languages",
            why="the three files were not written together",
        )
    return LanguageScores(utts, tuple(languages), values)


def _names(path: Path) -> list[str]:
    try:
        return ordinary(path).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise ScoresError(
            f"{path}: no such file",
            why=f"an array of scores needs names: {SCORES_UTTS} for its rows and {SCORES_LANGUAGES} for its columns",
            fix="write one name a line, in the array's order",
        ) from None
    except UnicodeDecodeError:
        raise ScoresError(f"{path}: is not UTF-8") from None
    except OSError as error:
        raise ScoresError(f"{path}: cannot be read: {error.strerror}") from None


def _read_text(path: Path) -> LanguageScores:
    utts: list[str] = []
    blocks: list[FloatArray] = []
    try:
        with ordinary(path).open(encoding="utf-8", newline="\n") as stream:
            languages = _header(path, stream.readline())
            for first, lines in _blocks(stream):
                names, values = _parse(path, first, lines, len(languages))
                utts += names
                blocks.append(values)
    except FileNotFoundError:
        raise ScoresError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise ScoresError(f"{path}: is a directory", fix="give the file of scores in it") from None
    except OSError as error:
        raise ScoresError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ScoresError(f"{path}: is not UTF-8", fix=f"an array of scores has a name that ends in {BINARY}") from None
    empty = np.empty((0, len(languages)), np.float32)
    return LanguageScores(utts, languages, np.concatenate(blocks) if blocks else empty)


def _blocks(stream: Iterator[str]) -> Iterator[tuple[int, list[str]]]:
    """(number of the first line, lines) of some megabytes at a time."""
    first, size, lines = 2, 0, []
    for line in stream:
        lines.append(line)
        size += len(line)
        if size > _BLOCK_CHARS:
            yield first, lines
            first, size, lines = first + len(lines), 0, []
    if lines:
        yield first, lines


def _header(path: Path, line: str) -> tuple[str, ...]:
    name, *languages = line.rstrip("\r\n").split("\t")
    if name.lstrip("\ufeff") != "utt" or not languages:
        raise ScoresError(
            f"{path}: line 1: begins with {name[:60]!r}",
            why="the header is `utt` and then the languages, separated by tabs",
            fix="masr identify MODEL DATA --scores FILE writes such a file",
        )
    return tuple(languages)


def _parse(path: Path, first: int, lines: list[str], num_languages: int) -> tuple[list[str], FloatArray]:
    """The names and the numbers of some lines; numpy's own parser sees the numbers."""
    names, cells = [], []
    for number, line in enumerate(lines, first):
        name, _, rest = line.rstrip("\r\n").partition("\t")
        if rest.count("\t") != num_languages - 1 or not name:
            count = rest.count("\t") + 1 if rest else 0
            raise ScoresError(
                f"{path}: line {number}: has {count} scores for {num_languages} languages"
                if name
                else f"{path}: line {number}: has no utterance",
                why="the file may be cut short, or its columns not separated by tabs",
            )
        names.append(name)
        cells.append(rest)
    try:
        values: FloatArray = np.loadtxt(cells, np.float32, comments=None, delimiter="\t", ndmin=2)
    except ValueError:
        _blame(path, first, cells)
    return names, values


def _blame(path: Path, first: int, cells: list[str]) -> NoReturn:
    for number, row in enumerate(cells, first):
        for cell in row.split("\t"):
            try:
                float(cell)
            except ValueError:
                raise ScoresError(f"{path}: line {number}: {cell[:60]!r} is no number") from None
    raise ScoresError(f"{path}: lines {first} to {first + len(cells) - 1}: are not numbers separated by tabs")


def _check_names(path: Path, what: str, names: Sequence[str]) -> None:
    """ScoresError where a name is empty or is there twice."""
    if len(set(names)) < len(names):
        twice = [name for name, count in islice(Counter(names).most_common(), 3) if count > 1]
        raise ScoresError(f"{path}: has the {what} {', '.join(map(repr, twice))} more than once")
    if "" in names:
        raise ScoresError(f"{path}: has a {what} without a name")
