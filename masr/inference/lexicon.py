"""The words that a decoder may write, and how they are spelled in units.

A line is a word, which the units spell themselves, or `word<TAB>unit unit ...`, as flashlight and Fairseq have it; a
word may have several lines.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from masr.errors import DecodingError
from masr.files import ordinary
from masr.types import Units
from masr.units.vocabulary import BLANK_ID, UNKNOWN_ID

Unspellable = Literal["error", "drop"]
_LISTED = 5
_MOST_ALIKE = 6
"""Words of one spelling that flashlight's tree keeps; it drops the others without stopping."""


@dataclass(frozen=True)
class Lexicon:
    """Words and their spellings."""

    words: tuple[str, ...]
    spellings: tuple[tuple[tuple[int, ...], ...], ...]
    """Spellings of each word in units, without the unit that ends a word."""
    dropped: tuple[str, ...]
    """Words that the units cannot spell."""


def read_lexicon(path: Path, units: Units, unspellable: Unspellable = "error") -> Lexicon:
    """The lexicon of a file; DecodingError where it is none, or where units are not known and may not be dropped."""
    found: dict[str, dict[tuple[int, ...], None]] = {}
    bad: dict[str, str] = {}
    ids = {token: i for i, token in enumerate(units.tokens)}
    for number, line in enumerate(_lines(path), start=1):
        word, tab, spelled = line.partition("\t")
        word = word.strip(" ")
        if not word or " " in word:
            raise DecodingError(
                f"{path}:{number}: {line!r} is not a word, or a word, a tab and its units",
                fix="write one word a line; spellings stand behind a tab",
            )
        spelling, unknown = _listed(spelled, ids) if tab and spelled.strip() else _spelled(word, units)
        if unknown:
            bad.setdefault(word, f"{path}:{number}: {word} needs {unknown}")
        else:
            found.setdefault(word, {})[spelling] = None
    _refuse(path, found, bad, unspellable)
    _refuse_too_many_alike(path, found)
    return Lexicon(tuple(found), tuple(tuple(spellings) for spellings in found.values()), tuple(bad))


def _lines(path: Path) -> list[str]:
    try:
        text = ordinary(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise DecodingError(
            f"{path}: no such lexicon", fix="write the words one a line, or leave lexicon empty"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise DecodingError(f"{path}: cannot be read: {error}", fix="a lexicon is UTF-8 text") from None
    return [line.rstrip("\r") for line in text.split("\n") if line.strip()]


def _listed(spelled: str, ids: dict[str, int]) -> tuple[tuple[int, ...], str]:
    tokens = spelled.split()
    unknown = [token for token in tokens if ids.get(token, BLANK_ID) <= UNKNOWN_ID]
    return tuple(ids.get(token, UNKNOWN_ID) for token in tokens), f"the unit {unknown[0]!r}" if unknown else ""


def _spelled(word: str, units: Units) -> tuple[tuple[int, ...], str]:
    encode: Callable[[str], list[int]] = units.encode
    ids = encode(word)
    whole = UNKNOWN_ID not in ids and units.decode(ids).strip() == word
    return tuple(ids), "" if whole else "characters that are no units"


def _refuse(path: Path, found: dict[str, dict[tuple[int, ...], None]], bad: dict[str, str], rule: Unspellable) -> None:
    if bad and rule == "error":
        first = "; ".join(list(bad.values())[:_LISTED])
        raise DecodingError(
            f"{len(bad)} of {len(bad | found)} words cannot be spelled in units: {first}",
            why="the text that the units were made from has no such characters, or the spellings are of other units",
            fix="take these words out, or set unspellable=drop, which counts them",
        )
    if not found:
        raise DecodingError(f"{path}: has no word that the units can spell")


def _refuse_too_many_alike(path: Path, found: dict[str, dict[tuple[int, ...], None]]) -> None:
    alike: dict[tuple[int, ...], list[str]] = {}
    for word, spellings in found.items():
        for spelling in spellings:
            alike.setdefault(spelling, []).append(word)
    largest = max(alike.values(), key=len)
    if len(largest) > _MOST_ALIKE:
        raise DecodingError(
            f"{path}: {len(largest)} words are spelled alike: {', '.join(largest[:_LISTED])}, ...",
            why=f"the search keeps {_MOST_ALIKE} words of one spelling",
            fix="keep the most frequent of them",
        )
