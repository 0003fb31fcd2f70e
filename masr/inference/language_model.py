"""An n-gram language model for the beam search: ARPA text or KenLM's binary, read by the KenLM that flashlight holds.

KenLM speaks of base-10 logarithms; all scores here are natural ones.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from masr.errors import DecodingError
from masr.files import ordinary

if TYPE_CHECKING:
    from flashlight.lib.text.dictionary import Dictionary

LN10 = math.log(10.0)
"""What a weight on KenLM's scores is multiplied by."""
_BINARY = b"mmap lm http://kheafield.com/code"
_ORDER = re.compile(rb"ngram\s+(\d{1,9})\s*=\s*(\d{1,18})\s*$")
_MOST_ORDER = 6
_HEAD_BYTES = 1 << 16
_NEVER = "\u0001"
"""No word of any model."""


def flashlight() -> Any:
    """The decoder's module; MissingPackageError where it is not installed."""
    from masr.errors import MissingPackageError

    try:
        from flashlight.lib.text import decoder
    except ImportError:
        raise MissingPackageError(
            "beam search needs flashlight-text", fix="pip install flashlight-text, or set search=greedy"
        ) from None
    return decoder


def dictionary_of(words: Sequence[str]) -> Dictionary:
    """Words at their places."""
    from flashlight.lib.text.dictionary import Dictionary

    found = Dictionary()
    for place, word in enumerate(words):
        found.add_entry(word, place)
    return found


def open_language_model(path: Path, words: Sequence[str]) -> Any:
    """flashlight's KenLM over `words`; DecodingError, before KenLM reads it, for what is no language model."""
    check_language_model(path)
    flashlight()
    from flashlight.lib.text.decoder.kenlm import KenLM

    try:
        return KenLM(str(path), dictionary_of([*words, _NEVER]))
    except (RuntimeError, ValueError, OSError) as error:
        raise _broken(path, str(error).splitlines()[0] if str(error) else "KenLM cannot read it") from None


def unknown_words(model: Any, words: Sequence[str]) -> list[str]:
    """Which of the words a model from `open_language_model` knows no better than one that nobody says."""
    start = model.start(False)
    never = model.score(start, len(words))[1]
    return [word for place, word in enumerate(words) if model.score(start, place)[1] == never]


def check_language_model(path: Path) -> None:
    """DecodingError where a file is missing, or begins as no language model does."""
    try:
        with ordinary(path).open("rb") as stream:
            head = stream.read(_HEAD_BYTES)
    except FileNotFoundError:
        raise DecodingError(
            f"{path}: no such language model",
            why="it is downloaded or trained apart (masr words, lmplz of KenLM, ngram-count of SRILM)",
            fix="give the path of an ARPA or KenLM file, or leave language_model empty",
        ) from None
    except OSError as error:
        raise _broken(path, error.strerror or str(error)) from None
    if head.startswith(_BINARY):
        return
    if head[:2] in (b"\x1f\x8b", b"BZ") or head[:6] == b"\xfd7zXZ\x00":
        raise DecodingError(f"{path}: is compressed", fix=f"unpack it first: gunzip -k {path}")
    _check_arpa(path, head)


def _check_arpa(path: Path, head: bytes) -> None:
    lines = [line.strip() for line in head.split(b"\n")]
    if b"\\data\\" not in lines:
        raise _broken(path, "it has neither ARPA's \\data\\ nor KenLM's own first bytes")
    orders = []
    for line in lines[lines.index(b"\\data\\") + 1 :]:
        found = _ORDER.fullmatch(line)
        if found is None:
            break
        orders.append(int(found[1]))
    if not orders or orders != list(range(1, len(orders) + 1)):
        raise _broken(path, "no counts `ngram N=COUNT` from 1 on follow its \\data\\")
    if len(orders) > _MOST_ORDER:
        raise DecodingError(
            f"{path}: is of order {len(orders)}", why=f"KenLM is built for {_MOST_ORDER} at most here", fix="prune it"
        )


def _broken(path: Path, reason: str) -> DecodingError:
    return DecodingError(f"{path}: is not a language model: {reason}", fix="give an ARPA or KenLM file")
