"""The two kinds of embedded FLEURS: what is said in them, and how many say it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from masr.synth import numbers, parallel
from masr.synth.fleurs_languages import Language


@dataclass(frozen=True, slots=True)
class Size:
    """What differs between the kinds of corpus."""

    mean_sec: float
    """Length of a sentence on average over the languages; turns hours into utterances."""
    share: Mapping[str, float]
    """Split -> its share of a language's utterances."""
    min_speakers: Mapping[str, int]
    """Split -> fewest speakers of a language; more where one would have over `fleurs.UTTS_PER_SPEAKER` utterances."""
    meanings: Callable[[int, int], list[Any]]
    """(how many, seed) -> the meanings that are said in every language."""
    say: Callable[[Any, Language, int], str]
    """(a meaning, a language, seed) -> the text."""
    conditions: bool = False
    """Whether each recording is made in one of `conditions.CONDITIONS`, and the tables say which."""


def _digits(text: str, *_: object) -> str:
    """The text itself: digits are a translation of themselves."""
    return text


SIZES = {
    "mini": Size(
        mean_sec=2.92,
        share={"train": 30 / 52, "dev": 4 / 52, "test": 18 / 52},
        min_speakers={"train": 15, "dev": 2, "test": 8},
        meanings=numbers.sentences,
        say=_digits,
    ),
    "medium": Size(
        mean_sec=2.6,
        share={"train": 104 / 168, "dev": 16 / 168, "test": 48 / 168},
        min_speakers={"train": 32, "dev": 8, "test": 24},
        meanings=parallel.meanings,
        say=parallel.say,
        conditions=True,
    ),
}
