"""Sentences of digits and punctuation, which eSpeak NG reads aloud in every language by its own rules.

Numbers, years, dates, times, prices, telephone numbers, ranges and lists. The same sentence is a translation of
itself, so corpora in many languages are parallel without a word of anybody's text.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np

from masr.synth.seeding import generator_of

_NATIVE_DIGITS = {"ne": "०१२३४५६७८९"}
"""eSpeak NG reads ASCII digits in English here, and the language's own ones right."""


def sentences(count: int, seed: int, num_digits: int = 8, min_digits: int = 5) -> list[str]:
    """`count` sentences of which no two have the same words; the first n of them do not depend on `count`."""
    rng = generator_of(seed, "sentences", num_digits, min_digits)
    texts: dict[str, str] = {}
    while len(texts) < count:
        text = sentence(rng, num_digits, min_digits)
        texts.setdefault(words(text), text)
    return list(texts.values())


def sentence(rng: np.random.Generator, num_digits: int = 8, min_digits: int = 5) -> str:
    """One sentence of `min_digits` to about `num_digits` digits: phrases until the budget is spent."""
    budget = int(rng.integers(min_digits, num_digits + 1))
    phrases: list[str] = []
    while (spent := sum(map(_num_digits, phrases))) < budget:
        fitting = [name for name, (cost, _) in _PHRASES.items() if cost <= max(budget - spent, 1)]
        phrase = _PHRASES[fitting[int(rng.integers(len(fitting)))]][1](rng)
        phrases.append(phrase)
    return ", ".join(phrases) + ".?!"[int(rng.choice(3, p=(0.8, 0.12, 0.08)))]


def words(text: str) -> str:
    """A text as its transcript: words and digits without punctuation. '12:30 – 7 kupe.' -> '12 30 7 kupe'."""
    return " ".join(re.findall(r"[^\s,.:?!–]+", text))


def spaced(transcript: str) -> str:
    """A transcript with its characters apart and `|` after each word: '12 7' -> '1 2 | 7 |'."""
    return "".join("".join(f"{letter} " for letter in word) + "| " for word in transcript.split()).strip()


def as_spoken(text: str, language: str) -> str:
    """What to hand to eSpeak NG so that it speaks its own language."""
    digits = _NATIVE_DIGITS.get(language)
    return text.translate({ord("0") + i: digit for i, digit in enumerate(digits)}) if digits else text


def _num_digits(phrase: str) -> int:
    return sum(letter.isdigit() for letter in phrase)


def _digit(rng: np.random.Generator) -> str:
    return str(rng.integers(0, 10))


def _count(rng: np.random.Generator) -> str:
    return str(rng.integers(10, 100))


def _hundreds(rng: np.random.Generator) -> str:
    return str(rng.integers(100, 1000))


def _year(rng: np.random.Generator) -> str:
    return str(rng.integers(1700, 2100))


def _time(rng: np.random.Generator) -> str:
    return f"{rng.integers(1, 24)}:{rng.integers(10, 60)}"


def _price(rng: np.random.Generator) -> str:
    return f"{rng.integers(1, 100)}.{rng.integers(10, 100)}"


def _date(rng: np.random.Generator) -> str:
    return f"{rng.integers(1, 32)} {rng.integers(1, 13)} {rng.integers(1900, 2100)}"


def _range(rng: np.random.Generator) -> str:
    low = int(rng.integers(1, 90))
    return f"{low} – {low + int(rng.integers(1, 10))}"


def _countdown(rng: np.random.Generator) -> str:
    first = int(rng.integers(2, 8))
    step = 1 if rng.integers(2) else -1
    return " ".join(str(first + step * i) for i in range(3))


def _phone(rng: np.random.Generator) -> str:
    """A telephone number, told digit by digit."""
    return " ".join(_digit(rng) for _ in range(int(rng.integers(4, 6))))


_PHRASES: dict[str, tuple[int, Callable[[np.random.Generator], str]]] = {
    "digit": (1, _digit),
    "count": (2, _count),
    "hundreds": (3, _hundreds),
    "countdown": (3, _countdown),
    "year": (4, _year),
    "time": (4, _time),
    "price": (4, _price),
    "range": (4, _range),
    "phone": (5, _phone),
    "date": (7, _date),
}
"""Each kind of phrase with the digits that it costs at most (a date or a phone number may cost one less)."""
