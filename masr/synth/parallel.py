"""Sentences without a language: somebody does something with so many things somewhere, in each language's own words.

A meaning is concepts and a number. It is the same in all languages, as FLEURS's sentences are; words and their order
are the language's: the verb comes last in some families, the adjective follows its noun in others, and where the verb
is last, particles follow their nouns too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from masr.synth.fleurs_languages import Language
from masr.synth.lexicon import KINDS, lexicon
from masr.synth.seeding import generator_of

VERB_LAST = frozenset({"indo-aryan", "dravidian", "turkic", "semitic", "cushitic", "japonic", "koreanic"})
ADJECTIVE_AFTER = frozenset({"romance", "cushitic", "bantu", "austronesian", "austroasiatic"})


MAX_LENGTH = 9
"""Most words and digits of a sentence: the slowest speaker of the longest words needs 6 s for so many."""


@dataclass(frozen=True, slots=True)
class Thing:
    """A noun and what goes with it: numbers of concepts, -1 for none; digits, empty for none."""

    noun: int
    particle: int = -1
    adjective: int = -1
    amount: str = ""


@dataclass(frozen=True, slots=True)
class Meaning:
    """Who does what where."""

    subject: Thing
    verb: int
    object: Thing
    place: Thing | None
    end: str
    """The last character: a full stop, a question mark or an exclamation mark."""


def meanings(count: int, seed: int) -> list[Meaning]:
    """`count` meanings, no two of the same words; the first n do not depend on `count`."""
    rng = generator_of(seed, "meanings")
    drawn: dict[Meaning, Meaning] = {}
    while len(drawn) < count:
        meaning = _meaning(rng)
        if length_of(meaning) <= MAX_LENGTH:
            drawn.setdefault(replace(meaning, end=""), meaning)
    return list(drawn.values())


def length_of(meaning: Meaning) -> int:
    """How many concepts and digits a meaning has."""
    things = [thing for thing in (meaning.subject, meaning.object, meaning.place) if thing]
    return 1 + sum(1 + (t.particle >= 0) + (t.adjective >= 0) + len(t.amount) for t in things)


def say(meaning: Meaning, language: Language, seed: int) -> str:
    """The sentence in `language`, words with blanks between: 'mu nelamo trufeva 12 poso.'"""
    subject, thing = (_thing(part, language, seed) for part in (meaning.subject, meaning.object))
    place = _thing(meaning.place, language, seed) if meaning.place else []
    verb = [lexicon(language.code, seed)["verb", meaning.verb]]
    words = [*place, *subject, *thing, *verb] if language.family in VERB_LAST else [*subject, *verb, *thing, *place]
    return " ".join(words) + meaning.end


def _thing(thing: Thing, language: Language, seed: int) -> list[str]:
    words = lexicon(language.code, seed)
    particle = [words["particle", thing.particle]] if thing.particle >= 0 else []
    adjective = [words["adjective", thing.adjective]] if thing.adjective >= 0 else []
    noun = [words["noun", thing.noun]]
    named = [*noun, *adjective] if language.family in ADJECTIVE_AFTER else [*adjective, *noun]
    # A number never ends a sentence: with the full stop it would be an ordinal in some languages.
    counted = [thing.amount, *named] if thing.amount else named
    return [*counted, *particle] if language.family in VERB_LAST else [*particle, *counted]


def _meaning(rng: np.random.Generator) -> Meaning:
    below = (10, 100, 1000)[int(rng.choice(3, p=(0.5, 0.45, 0.05)))]
    return Meaning(
        subject=_draw(rng, particle=0.6, adjective=0.35),
        verb=_concept("verb", rng),
        object=_draw(
            rng, particle=0.5, adjective=0.35, amount=str(rng.integers(1, below)) if rng.random() < 0.8 else ""
        ),
        place=_draw(rng, particle=1.0, adjective=0.0) if rng.random() < 0.75 else None,
        end=".?!"[int(rng.choice(3, p=(0.8, 0.12, 0.08)))],
    )


def _draw(rng: np.random.Generator, particle: float, adjective: float, amount: str = "") -> Thing:
    """A thing with as much beside its noun as the chances say."""
    noun = _concept("noun", rng)
    return Thing(noun, _maybe("particle", particle, rng), _maybe("adjective", adjective, rng), amount)


def _concept(kind: str, rng: np.random.Generator) -> int:
    """A concept's number, drawn; low ones come more often."""
    return int(KINDS[kind] * rng.random() ** 2)


def _maybe(kind: str, chance: float, rng: np.random.Generator) -> int:
    return _concept(kind, rng) if rng.random() < chance else -1
