"""What every kind of units shares: the token list on disk, the first two ids, and the tags of languages.

units.txt is one `token id` a line, as Kaldi and ESPnet read it. A token never holds a blank there: a space is
written <space>, any other character that is not seen or would break a line <U+0009>.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Literal

from masr.errors import UnitsError, near
from masr.files import ordinary
from masr.io.atomic import atomic_write
from masr.io.layout import UNITS_TXT

BLANK_ID, UNKNOWN_ID = 0, 1
BLANK, UNKNOWN = "<blank>", "<unk>"
SURFACE = "\u2047"
"""What an unknown unit reads as: a double question mark."""

Policy = Literal["unk", "drop", "error"]

_SPACE = "<space>"
_UNSEEN = {"Cc", "Cf", "Cs", "Zs", "Zl", "Zp"}
_CHUNK = 2**32


def tag(language: str) -> str:
    """The token that stands before text of a language."""
    return f"<lang:{language}>"


def spell(token: str) -> str:
    """A token as units.txt writes it."""
    if token == " ":
        return _SPACE
    spelled = []
    for i, c in enumerate(token):
        # text that looks like one of the names above is not one
        ambiguous = c == "<" and (token[i + 1 : i + 3] == "U+" or (i == 0 and len(token) > 1 and token[-1] == ">"))
        spelled.append(f"<U+{ord(c):04X}>" if ambiguous or unicodedata.category(c) in _UNSEEN else c)
    return "".join(spelled)


def unspell(spelled: str) -> str:
    """The character that `spell` wrote."""
    if spelled == _SPACE:
        return " "
    if len(spelled) > 1 and spelled.startswith("<U+") and spelled.endswith(">"):
        try:
            return chr(int(spelled[3:-1], 16))
        except (ValueError, OverflowError):
            return spelled
    return spelled


def write_list(folder: Path, tokens: Sequence[str]) -> None:
    """Writes units.txt in `folder`."""
    atomic_write(folder / UNITS_TXT, "".join(f"{token} {i}\n" for i, token in enumerate(tokens)))


def read_list(folder: Path) -> tuple[str, ...]:
    """The tokens of units.txt, as they are spelled there; UnitsError where it is no such list."""
    path = folder / UNITS_TXT
    try:
        lines = ordinary(path).read_text(encoding="utf-8").split("\n")
    except FileNotFoundError:
        raise missing(path) from None
    except (OSError, UnicodeDecodeError) as error:
        raise broken(path, str(error)) from None
    tokens = []
    for number, line in enumerate(lines[:-1]):
        token, _, written = line.rpartition(" ")
        if not token or " " in token or written != str(number):
            raise broken(path, f"line {number + 1} is {line!r}, not a token and the id {number}")
        tokens.append(token)
    if tokens[:2] != [BLANK, UNKNOWN] or lines[-1]:
        raise broken(path, f"ids 0 and 1 are {BLANK} and {UNKNOWN}, and the last line ends")
    if len(set(tokens)) != len(tokens):
        raise broken(path, "a token stands there twice")
    return tuple(tokens)


def split_tags(tokens: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The tokens without the tags at the end, and the languages of those tags."""
    end = len(tokens)
    while end > 2 and tokens[end - 1].startswith("<lang:") and tokens[end - 1].endswith(">"):
        end -= 1
    return tuple(tokens[:end]), tuple(token[len("<lang:") : -1] for token in tokens[end:])


def tag_id(languages: Sequence[str], language: str, first: int) -> int:
    """The id of a language's tag, where the first tag has the id `first`."""
    if language in languages:
        return first + languages.index(language)
    if not languages:
        raise UnitsError(
            f"there is no tag for {language!r}", why="these units have no tags", fix="set units.language_tags=true"
        )
    raise UnitsError(f"there is no tag for {language!r}", fix=near(language, languages))


def check_id(unit: int, size: int) -> None:
    """UnitsError for an id that does not exist."""
    if not 0 <= unit < size:
        raise UnitsError(
            f"there is no unit {unit}", why=f"ids are 0 to {size - 1}", fix="decode with the units a model had"
        )


def unknown_characters(text: str, unknown: Collection[str]) -> UnitsError:
    """The error for unknown characters, where the config says `unknown: error`."""
    names = ", ".join(f"{c!r} (U+{ord(c):04X})" for c in sorted(unknown)[:10])
    return UnitsError(
        f"no unit for {names} in {text[:80]!r}",
        why="the text these units were made from has no such character",
        fix="make the units from this text too, or set unknown: unk (one id for all of them) or drop",
    )


def sample(lines: Collection[str], limit: int, seed: int) -> Iterator[str]:
    """About `limit` of the lines, in order, the same for a seed; all of them where they are fewer."""
    if len(lines) <= limit:
        yield from lines
        return
    threshold = int(limit / len(lines) * _CHUNK)
    state = seed & (_CHUNK - 1)
    for i, line in enumerate(lines):
        if _mixed(i ^ _mixed(state)) < threshold:
            yield line


def no_text() -> UnitsError:
    """The error for text without a single character."""
    return UnitsError(
        "there is no text to make units from", why="every line is empty", fix="give a data directory with transcripts"
    )


def missing(path: Path) -> UnitsError:
    """The error for a file of units that is not there."""
    return UnitsError(
        f"{path}: no such file", why="units are made once, in stage 3", fix="run masr units DATA OUT first"
    )


def broken(path: Path, reason: str) -> UnitsError:
    """The error for a file of units that cannot be trusted."""
    return UnitsError(f"{path}: is not a file of units: {reason}", fix="run masr units DATA OUT again")


def _mixed(value: int) -> int:
    """A hash of 32 bits, of which each depends on all 32 bits of `value`."""
    value &= _CHUNK - 1
    value = ((value ^ (value >> 16)) * 0x7FEB352D) & (_CHUNK - 1)
    value = ((value ^ (value >> 15)) * 0x846CA68B) & (_CHUNK - 1)
    return value ^ (value >> 16)
