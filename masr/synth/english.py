"""English sentences of our own grammar: thousands of them, over some 700 words and a dozen topics.

Read prose has long sentences with clauses; spontaneous speech is short, starts anew and fills its pauses. The same
generator gives the same text. `held_out` deals every text to one of two sides, so that splits on different sides
share no text without knowing of each other.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator
from functools import cache

import numpy as np

from masr.synth import english_words as words
from masr.synth.english_words import READ, SPOKEN, Words

TOPICS = tuple(READ)
"""The topics of books."""

_CLAUSES = (
    "{who} {deed} {object}",
    "{who} {deed} {object}",
    "{who} {deed} {object} {near}",
    "{who} {move} {near}",
    "{who} {move} {adverb} {near}",
    "{who} {adverb} {deed} {object}",
    "{pronoun} {deed} {object} {near}",
    "there was a {quality} {thing} {near}",
    "there were {number} {many} {near}",
    "{who} was {feeling}",
    "{pronoun} {mind} that {who} was {feeling}",
    "{pronoun} had never seen such a {quality} {thing}",
    "{number} {many} {move} {near}",
)
_READ_SENTENCES = (
    "{clause}",
    "{time}, {clause}",
    "{clause}, and {clause}",
    "{clause}, but {clause}",
    "{clause} {when} {clause}",
    "{when} {weather}, {clause}",
    "{clause}, for {weather}",
    "{mindful}, {clause}",
    "what {who} {deed} was a {quality} {thing}, and {clause}",
    "{who}, who {deed} {object}, {move} {near}",
    "neither {who} nor {who} {deed} {object}",
    "is it true that {clause}",
    "well, said {who}, {clause}",
    "i think {clause}",
    "no, no, {clause}",
    "do you know that {clause}",
    "so {clause}, yes",
    "let us see the {thing} {near}",
    "what about the {thing} {near}, asked {who}",
)
_SPOKEN_SENTENCES = (
    "well, {clause}",
    "um, {clause}",
    "so {clause}, yeah",
    "i mean, {clause}",
    "i think {clause}",
    "okay, so {clause}, and {clause}",
    "yeah, but {clause}",
    "and you know, {clause}",
    "did you say that {clause}",
    "right, {number} {many}, i guess",
    "that's a {quality} {thing}, isn't it",
    "no, no, {clause}",
    "what about the {thing} {near}",
    "let's see the {quality} {thing} first",
)
_WHO = (
    "the {person}",
    "the {person}",
    "the {quality} {person}",
    "a {person}",
    "my {kin}",
    "{name}",
    "{pronoun}",
    "{pronoun}",
)
_OBJECT: tuple[str, ...] = (
    "the {thing}",
    "the {thing}",
    "a {quality} {thing}",
    "the {quality} {thing}",
    "his {thing}",
    "her {thing}",
)
_OBJECT += ("{number} {many}", "some {many}", "it", "them", "the {thing} of the {person}")
_NEAR: tuple[str, ...] = (
    "in the {place}",
    "near the {place}",
    "by the {place}",
    "from the {place}",
    "towards the {place}",
)
_NEAR += ("behind the {quality} {place}", "to the {place}", "beyond the {place}", "with the {person}")
_PRONOUNS = ("he", "she", "they", "we", "i", "you")
_SLOT = re.compile(r"\{(\w+)\}")
_HOLDOUT_SHARE = 4
"""One text in so many is held out of training."""


def sentence(topic: str, rng: np.random.Generator) -> str:
    """One sentence as eSpeak NG reads it: lower case, commas and a full stop."""
    vocabulary = READ[topic] if topic in READ else SPOKEN[topic]
    frames = _READ_SENTENCES if topic in READ else _SPOKEN_SENTENCES
    text = _expand(_pick(frames, rng), vocabulary, rng)
    return _articles(text) + "."


def paragraph(topic: str, rng: np.random.Generator, num_words: int) -> str:
    """Sentences until there are about `num_words`, at least one."""
    text = sentence(topic, rng)
    while True:
        more = sentence(topic, rng)
        if len(text.split()) + len(more.split()) / 2 > num_words:
            return text
        text = f"{text} {more}"


def held_out(text: str) -> bool:
    """Whether a text belongs to the test side; the text alone decides."""
    return zlib.crc32(normalise(text).encode()) % _HOLDOUT_SHARE == 0


def side(make: Callable[[], str], test: bool) -> str:
    """The first text of `make` that lies on the wanted side."""
    while True:
        text = make()
        if held_out(text) == test:
            return text


def normalise(text: str) -> str:
    """A text as LibriSpeech writes it: upper case, no punctuation but the apostrophe."""
    return " ".join(re.sub(r"[^a-z' ]+", " ", text.lower()).split()).upper()


@cache
def vocabulary() -> tuple[str, ...]:
    """Every word that can be said, as `normalise` writes it."""
    return tuple(sorted({word for text in _all_texts() for word in normalise(_SLOT.sub(" ", text)).split()}))


def number(rng: np.random.Generator) -> str:
    """A count from two up, mostly small."""
    size = int(rng.integers(4))
    if size < 2:
        return _pick(words.UNITS[1:], rng)
    if size == 2:
        return _pick((*words.TEENS, *words.TENS), rng)
    hundreds = f"{_pick(words.UNITS, rng)} hundred"
    return hundreds if rng.random() < 0.5 else f"{hundreds} and {_pick(words.TENS, rng)} {_pick(words.UNITS, rng)}"


def _expand(frame: str, topic: Words, rng: np.random.Generator) -> str:
    """Fills the slots from left to right, until none is left."""
    while match := _SLOT.search(frame):
        frame = frame[: match.start()] + _fill(match[1], topic, rng) + frame[match.end() :]
    return frame


def _fill(slot: str, topic: Words, rng: np.random.Generator) -> str:
    if slot == "number":
        return number(rng)
    own, shared = _slots(topic)[slot]
    # Words of a topic's own tell it apart; in spontaneous speech they are fewer, for no book has taught them.
    own_share = 0.3 if topic in SPOKEN.values() else 0.67
    return _pick(own, rng) if own and rng.random() < own_share else _pick(shared, rng)


@cache
def _slots(topic: Words) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """Slot -> what the topic has for it, what all topics share."""
    return {
        "person": (topic.people, ("man", "woman", "girl", "stranger", "friend")),
        "thing": (topic.things, words.THINGS),
        "many": (topic.many, ("things", "hours", "men", "women", "times", "others")),
        "place": (topic.places, words.PLACES),
        "quality": (topic.qualities, words.QUALITIES),
        "deed": (topic.deeds, words.DEEDS),
        "move": (topic.moves, words.MOVES),
        "clause": ((), _CLAUSES),
        "who": ((), _WHO),
        "object": ((), _OBJECT),
        "near": ((), _NEAR),
        "pronoun": ((), _PRONOUNS),
        "name": ((), words.NAMES),
        "kin": ((), words.KIN),
        "time": ((), words.TIMES),
        "when": ((), words.WHEN),
        "weather": ((), words.WEATHER),
        "feeling": ((), words.FEELINGS),
        "mind": ((), words.MIND),
        "adverb": ((), words.ADVERBS),
        "mindful": ((), ("of course", "to tell the truth", "as everyone knew", "with great care", "without a word")),
    }


def _pick(choices: tuple[str, ...], rng: np.random.Generator) -> str:
    return choices[int(rng.integers(len(choices)))]


_AN = re.compile(r"\ba (?=[aeiou])(?!(?:one|use|uni|eu))")
_A_TO_AN_SILENT_H = re.compile(r"\ba (?=(?:honest|hour|honour))")
_WERE = re.compile(r"\b(they|we|you) was\b")


def _articles(text: str) -> str:
    """The text with what depends on the next word or the one before put right: an apple, an honest man, they were."""
    text = _A_TO_AN_SILENT_H.sub("an ", _AN.sub("an ", text))
    return _WERE.sub(r"\1 were", text)


def _all_texts() -> Iterator[str]:
    yield from (*_READ_SENTENCES, *_SPOKEN_SENTENCES)
    yield from (*words.UNITS, *words.TEENS, *words.TENS, "hundred and", "an", "were")
    for topic in (*READ.values(), *SPOKEN.values()):
        for own, shared in _slots(topic).values():
            yield from (*own, *shared)
