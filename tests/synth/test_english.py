"""The grammar: enough words, enough sentences, and sides that never meet."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from masr.synth import english
from masr.synth.english_words import SPOKEN


def test_over_500_words_and_thousands_of_sentences() -> None:
    rng = np.random.default_rng(0)
    sentences = {english.sentence(english.TOPICS[i % len(english.TOPICS)], rng) for i in range(6000)}
    used = {word for sentence in sentences for word in english.normalise(sentence).split()}
    assert len(sentences) > 5500
    assert len(used) > 500
    assert used <= set(english.vocabulary())
    assert len(english.vocabulary()) > 700


@pytest.mark.parametrize("topic", english.TOPICS + tuple(SPOKEN))
def test_text_is_whole_english(topic: str) -> None:
    rng = np.random.default_rng(1)
    for _ in range(200):
        text = english.sentence(topic, rng)
        assert text.endswith(".")
        assert "{" not in text
        assert set(english.normalise(text)) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ' ")
        words = english.normalise(text).split()
        for word, following in itertools.pairwise(words):
            if word == "A":
                assert following[0] not in "AEIOU" or following.startswith(("ONE", "USE", "UNI", "EU")), text
            if word == "AN":
                assert following[0] in "AEIOU" or following.startswith("HO"), text


def test_mostly_the_words_of_the_books_elsewhere() -> None:
    """A word list learnt on the books covers most of what the mismatched sets say, but not all of it."""
    rng = np.random.default_rng(2)
    books = {
        w for _ in range(4000) for w in english.normalise(english.sentence(_any(english.TOPICS, rng), rng)).split()
    }
    said = [w for _ in range(1000) for w in english.normalise(english.sentence(_any(tuple(SPOKEN), rng), rng)).split()]
    known = np.mean([word in books for word in said])
    assert 0.7 < known < 0.95


def _any(choices: tuple[str, ...], rng: np.random.Generator) -> str:
    return choices[int(rng.integers(len(choices)))]


def test_topics_can_be_told_apart_by_their_words() -> None:
    rng = np.random.default_rng(3)
    spoken = {topic: {w for _ in range(300) for w in english.sentence(topic, rng).split()} for topic in english.TOPICS}
    for topic, own in spoken.items():
        others = set.union(*(words for other, words in spoken.items() if other != topic))
        assert len(own - others) > 15


def test_the_same_generator_says_the_same() -> None:
    assert english.paragraph("sea", np.random.default_rng(7), 30) == english.paragraph(
        "sea", np.random.default_rng(7), 30
    )


def test_a_paragraph_has_about_the_words_asked_for() -> None:
    rng = np.random.default_rng(4)
    counts = [len(english.paragraph("home", rng, 25).split()) for _ in range(200)]
    assert np.mean(counts) == pytest.approx(25, abs=4)


def test_sides_never_meet() -> None:
    rng = np.random.default_rng(5)
    train = {english.side(lambda: english.sentence("farm", rng), test=False) for _ in range(800)}
    test = {english.side(lambda: english.sentence("farm", rng), test=True) for _ in range(800)}
    assert not train & test
    assert not any(map(english.held_out, train))


def test_normalise() -> None:
    assert english.normalise("well, that's it; isn't it?  no.") == "WELL THAT'S IT ISN'T IT NO"
