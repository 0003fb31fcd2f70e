"""What is known of the utterances that a system scored: language, speaker, group, duration."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from masr.errors import DataError, ScoresError, near
from masr.files import ordinary
from masr.io.datadir.lines import Lines
from masr.io.datadir.rows import table_rows
from masr.io.language_scores import LanguageScores
from masr.io.layout import UTT2DUR, UTT2LANG, label_table
from masr.types import IntArray

MISSING = ("", "unknown")
"""Labels that say nothing; `unknown` is what prepare writes where others have one."""
BUCKETS_SEC = (3.0, 10.0, 30.0)
"""Nominal lengths of the test segments in the evaluations of NIST."""
_NOTHING = (None, *MISSING)
_LISTED = 10
_MOST_GROUPS = 500


@dataclass(frozen=True, eq=False)
class Labels:
    """A label for each utterance, as places in the sorted names of all labels."""

    names: tuple[str, ...]
    codes: IntArray


def encode(labels: Sequence[str]) -> Labels:
    """Labels as places in their sorted names."""
    names = sorted(set(labels))
    place = {name: i for i, name in enumerate(names)}
    return Labels(tuple(names), np.fromiter(map(place.__getitem__, labels), np.int64, len(labels)))


def renamed(labels: Labels, names: Sequence[str]) -> Labels:
    """The same labels under other names, each replaced by the one in its place."""
    kept = sorted(set(names))
    return Labels(tuple(kept), np.array([kept.index(name) for name in names], dtype=np.int64)[labels.codes])


@dataclass(frozen=True, eq=False)
class MatchedRows:
    """The rows of a file of scores that can be scored, and what had to be left out."""

    rows: IntArray
    utts: tuple[str, ...]
    labels: Labels
    num_unlabelled: int
    """Rows whose reference has no label."""
    extra: tuple[str, ...]
    """Utterances with scores that the reference does not have."""
    missing: tuple[str, ...]
    """Utterances of the reference without scores."""


def read_labels(path: Path) -> dict[str, str]:
    """Id -> value, of a whole table."""
    return dict(zip(*_columns(path)))


def _columns(path: Path) -> tuple[list[str], list[str]]:
    """The ids of a table and their values, in the order of the file."""
    try:
        data = ordinary(path).read_bytes()
        table_rows(path, data)  # refuses what is no table, with the line
        text = data.decode()
    except FileNotFoundError:
        siblings = [sibling.name for sibling in path.parent.glob("*")]
        raise DataError(f"{path}: no such file", fix=near(path.name, siblings)) from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise DataError(f"{path}: is not UTF-8") from None
    text = text.replace("\t", " ").removesuffix("\n")
    if not text:
        return [], []
    if (Lines(data).id_lengths()[1] == 1).all():  # an id and a word in every line
        words = text.replace("\n", " ").split(" ")
        return words[::2], words[1::2]
    rows = [line.partition(" ") for line in text.split("\n")]
    return [row[0] for row in rows], [row[2].strip(" ") for row in rows]


def table_of(place: Path, name: str) -> Path:
    """The path of a table, which is `place` itself or lies in the data directory `place`."""
    if not place.is_dir():
        return place
    if not (place / name).is_file():
        known = [path.name for path in place.glob("utt2*")]
        raise DataError(f"{place} has no {name}", fix=near(name, known))
    return place / name


def match(path: Path, scores: LanguageScores, labels: Mapping[str, str], partial: bool = False) -> MatchedRows:
    """The rows with a label. Utterances without scores are refused unless `partial`: they may be the hard ones."""
    utts = scores.utts
    same = len(utts) == len(labels) and all(map(str.__eq__, utts, labels))
    found = list(labels.values()) if same else list(map(labels.get, utts))
    extra = tuple(utt for utt, label in zip(utts, found) if label is None) if None in found else ()
    rows = [row for row, label in enumerate(found) if label not in _NOTHING]
    scored = set(utts) if len(utts) - len(extra) < len(labels) else labels.keys()
    lacking = () if same else labels.items()
    missing = tuple(utt for utt, label in lacking if utt not in scored and label not in MISSING)
    if not rows:
        raise ScoresError(
            f"{path}: none of its {len(utts)} utterances has a label in the reference",
            why=f"scores begin with {utts[0]}, the reference with {next(iter(labels), 'nothing')}",
            fix="give the utt2lang of the utterances that were scored",
        )
    if missing and not partial:
        raise ScoresError(
            f"{path}: has no scores for {len(missing)} of {len(labels)} utterances of the reference: {listed(missing)}",
            why="the system failed on them, or they were not given to it; without them the figures flatter",
            fix="score them, or --partial scores what is there and counts them",
        )
    names = tuple(utts) if len(rows) == len(utts) else tuple(utts[row] for row in rows)
    kept = encode([label for label in found if label is not None and label not in MISSING])
    return MatchedRows(np.array(rows, dtype=np.int64), names, kept, len(utts) - len(extra) - len(rows), extra, missing)


def listed(names: Sequence[str]) -> str:
    """The first names as text, and how many more there are."""
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more


def speakers_of(path: Path, utts: Sequence[str]) -> list[str]:
    """The speaker of each utterance; DataError where one is not known."""
    return _values(path, utts, "speaker")


def groups_of(place: str, folder: Path, utts: Sequence[str]) -> tuple[str, Labels]:
    """(name, labels) of a kind in the reference's folder, of a table, or of a data directory's only kind."""
    path = Path(place)
    if not path.is_file():
        if "/" in place:
            raise DataError(f"{path}: no such file", fix="--by takes a kind, such as group, or a table utt2group")
        path = table_of(folder, label_table(place))
    table = read_labels(path)
    labels = encode([table.get(utt) or MISSING[1] for utt in utts])
    if len(labels.names) > _MOST_GROUPS:
        raise DataError(
            f"{path}: {len(labels.names)} different labels are too many to score one by one",
            fix=f"at most {_MOST_GROUPS}; choose a coarser kind",
        )
    return path.name.removeprefix("utt2"), labels


def buckets_of(place: Path, utts: Sequence[str], edges: Sequence[float] = BUCKETS_SEC) -> Labels:
    """Each utterance's duration as the span between two edges that it is in: `3-10 s`."""
    path = table_of(place, UTT2DUR)
    try:
        seconds = np.array(_values(path, utts, "duration"), dtype=np.float64)
    except ValueError as error:
        raise DataError(f"{path}: {error}", fix=f"its values are seconds; `masr data validate {path.parent}`") from None
    bounds = [0.0, *edges, math.inf]
    names = [f"{low:g}-{high:g} s" if high < math.inf else f"{low:g} s and more" for low, high in pairwise(bounds)]
    return encode([names[i] for i in np.searchsorted(edges, seconds, side="right").tolist()])


def seen_languages(place: str) -> frozenset[str]:
    """Languages of pre-training: of a data directory, of a file's first words or of its utt2lang, or a,b,c."""
    path = Path(place)
    if path.is_dir() or path.name == UTT2LANG:
        return frozenset(read_labels(table_of(path, UTT2LANG)).values()) - set(MISSING)
    if path.is_file():
        lines = path.read_text(encoding="utf-8").splitlines()
        return frozenset(line.split()[0] for line in lines if line.strip())
    if "/" in place:
        raise DataError(f"{path}: no such file or directory")
    return frozenset(filter(None, (name.strip() for name in place.split(","))))


def seen_or_not(place: str, folder: Path, utts: Sequence[str]) -> Labels:
    """Whether pre-training heard each utterance's language, which the reference's utt2lang names."""
    seen, table = seen_languages(place), read_labels(table_of(folder, UTT2LANG))
    languages = encode([table.get(utt) or MISSING[1] for utt in utts])
    return renamed(languages, [_heard(name, seen) for name in languages.names])


def _heard(language: str, seen: frozenset[str]) -> str:
    return language if language in MISSING else "seen" if language in seen else "unseen"


def _values(path: Path, utts: Sequence[str], what: str) -> list[str]:
    ids, values = _columns(path)
    if ids == list(utts):
        return values
    table = dict(zip(ids, values))
    try:
        return list(map(table.__getitem__, utts))
    except KeyError as error:
        raise DataError(f"{path}: has no {what} for {error.args[0]}", fix="give a table of all utterances") from None
