"""Words that no language has: one for each concept in each of the 42 languages, drawn from its syllables.

A concept is a meaning without a word: noun 17, verb 3, adjective 5, particle 2. Close relatives (`CLOSE_RELATIVES`)
have `COGNATES` of the nouns, verbs and adjectives in common: one stem of plain syllables for all of them, which each
writes in its own letters and ends in its own ending. All other words a language draws for itself. Particles are one
syllable long, few, and said often.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np

from masr.synth.alphabets import ALPHABETS, SHARED, Alphabet
from masr.synth.fleurs_languages import CLOSE_RELATIVES
from masr.synth.scripts import Syllable
from masr.synth.seeding import generator_of

Concept = tuple[str, int]
"""The kind and the number of a concept."""

KINDS = {"noun": 150, "verb": 70, "adjective": 60, "particle": 10}
"""How many concepts there are of each kind."""
COGNATES = 0.3
"""Share of the concepts whose stems close relatives have in common."""
_ENDED = ("noun", "verb", "adjective")
_ROMAN = frozenset("ivxlcdm")
"""A word of these letters alone would be read as a number: mil, di, vi."""


@cache
def lexicon(code: str, seed: int) -> dict[Concept, str]:
    """Concept -> the word of language `code`; no two concepts have the same one."""
    words: dict[Concept, str] = {}
    taken: set[str] = set()
    for kind, count in reversed(KINDS.items()):
        for number in range(count):
            word = _word((kind, number), code, seed, taken)
            words[kind, number] = word
            taken.add(word)
    return words


def is_cognate(concept: Concept, seed: int) -> bool:
    """Whether relatives share the concept's stem; the same answer for every family."""
    kind, number = concept
    return kind in _ENDED and generator_of(seed, "cognate", kind, number).random() < COGNATES


def _word(concept: Concept, code: str, seed: int, taken: set[str]) -> str:
    """The first word drawn that no other concept has and that reads as a word."""
    alphabet = ALPHABETS[code]
    relatives = next((family for family in CLOSE_RELATIVES if code in family), None)
    inherited = relatives is not None and is_cognate(concept, seed)
    for attempt in range(10_000):
        own = generator_of(seed, "word", code, *concept, attempt)
        # The stem of relatives gives way to one's own only where their word is taken.
        if inherited and relatives is not None and attempt < 20:
            common = generator_of(seed, "stem", *relatives, *concept)
            syllables = _ended(_shared_stem(common, alphabet), concept[0], alphabet, own)
        else:
            syllables = _own(concept[0], alphabet, own)
        word = alphabet.spell(syllables)
        if word not in taken and not set(word) <= _ROMAN:
            return word
    raise ValueError(f"{code}: its alphabet has too few syllables for {concept[0]} {concept[1]}")


def _shared_stem(rng: np.random.Generator, alphabet: Alphabet) -> list[Syllable]:
    """Two open syllables in the relatives' common sounds, as this alphabet writes them."""
    consonants, vowels = SHARED
    drawn = [(_pick(consonants, rng), _pick(vowels, rng)) for _ in range(2)]
    return [(alphabet.shared.get(c, c), alphabet.shared.get(v, v), "") for c, v in drawn]


def _own(kind: str, alphabet: Alphabet, rng: np.random.Generator) -> list[Syllable]:
    if kind == "particle":
        return [(_pick(alphabet.onsets, rng), _pick(alphabet.vowels, rng), "")]
    fewest, most = alphabet.syllables
    stem = [_syllable(alphabet, rng) for _ in range(int(rng.integers(fewest, most + 1)))]
    return _ended(stem, kind, alphabet, rng)


def _syllable(alphabet: Alphabet, rng: np.random.Generator) -> Syllable:
    coda = _pick(alphabet.codas, rng) if rng.random() < alphabet.closed else ""
    return _pick(alphabet.onsets, rng), _pick(alphabet.vowels, rng), coda


def _ended(stem: list[Syllable], kind: str, alphabet: Alphabet, rng: np.random.Generator) -> list[Syllable]:
    """The stem with one of the endings of its kind in its last syllable."""
    if not any(alphabet.endings):
        return stem
    vowel, _, coda = _pick(alphabet.endings[_ENDED.index(kind)], rng).partition(".")
    return [*stem[:-1], (stem[-1][0], vowel, coda)]


def _pick(pieces: Sequence[str], rng: np.random.Generator) -> str:
    return pieces[int(rng.integers(len(pieces)))] if pieces else ""
