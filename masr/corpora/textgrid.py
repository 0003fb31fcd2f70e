"""Praat's TextGrid: the interval tiers of a file, in its long and its short form."""

from __future__ import annotations

import codecs
import math
import re
from collections.abc import Iterator
from pathlib import Path

from masr.errors import CorpusError
from masr.files import ordinary
from masr.types import Span

_TOKEN = re.compile(r'"((?:[^"]|"")*)"|<(exists|absent)>|(?<![\w\[.])(-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)(?![\w\]:])')
"""The tokens that carry meaning in either form: quoted text, flags, and numbers that are no list indices."""


def read_textgrid(path: Path) -> dict[str, tuple[Span, ...]]:
    """Tier name -> its intervals, unnamed ones included; CorpusError where the file is no TextGrid."""
    try:
        tokens = _tokens(_text(path))
        if next(tokens) != "ooTextFile" or next(tokens) != "TextGrid":
            raise ValueError("it does not begin as a TextGrid does")
        for _ in range(2):
            float(next(tokens))
        if next(tokens) != "<exists>":
            return {}
        return dict(_tier(tokens) for _ in range(_count(tokens)))
    except (StopIteration, RuntimeError, ValueError, OSError) as error:
        raise CorpusError(f"{path}: not a TextGrid: {error or 'it ends too early'}") from None


def _text(path: Path) -> str:
    data = ordinary(path).read_bytes()
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16")
    return data.decode("utf-8-sig")


def _tokens(text: str) -> Iterator[str]:
    for token in _TOKEN.finditer(text):
        if token[2]:
            yield f"<{token[2]}>"
        else:
            yield token[3] if token[3] is not None else token[1].replace('""', '"')


def _count(tokens: Iterator[str]) -> int:
    return int(next(tokens))


def _seconds(token: str) -> float:
    seconds = float(token)
    if not math.isfinite(seconds):
        raise ValueError(f"{token[:20]} is no time")
    return seconds


def _tier(tokens: Iterator[str]) -> tuple[str, tuple[Span, ...]]:
    kind, name = next(tokens), next(tokens)
    next(tokens), next(tokens)  # the tier's own times
    spans = []
    for _ in range(_count(tokens)):
        start_sec = _seconds(next(tokens))
        if kind == "TextTier":
            next(tokens)
            continue
        end_sec = _seconds(next(tokens))
        spans.append(Span(next(tokens), start_sec, end_sec))
    return name, tuple(spans)
