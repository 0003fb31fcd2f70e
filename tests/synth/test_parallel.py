from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from masr.synth import numbers
from masr.synth.fleurs_languages import LANGUAGES, Language
from masr.synth.lexicon import KINDS, lexicon
from masr.synth.parallel import ADJECTIVE_AFTER, MAX_LENGTH, VERB_LAST, Meaning, Thing, length_of, meanings, say

BY_CODE = {language.code: language for language in LANGUAGES}
EVERYTHING = Meaning(Thing(1, 2, 3), 4, Thing(5, 6, 7, "18"), Thing(8, 9), "?")


def told(text: str, language: Language, seed: int = 0) -> list[str]:
    """The words as `noun1`, `verb4`, ... in the text's order."""
    concept_of = {word: f"{kind}{number}" for (kind, number), word in lexicon(language.code, seed).items()}
    return [concept_of.get(word, word) for word in text[:-1].split(" ")]


@pytest.mark.parametrize(
    ("code", "order"),
    [
        ("ru_ru", "particle2 adjective3 noun1 verb4 particle6 18 adjective7 noun5 particle9 noun8"),
        ("it_it", "particle2 noun1 adjective3 verb4 particle6 18 noun5 adjective7 particle9 noun8"),
        ("ta_in", "noun8 particle9 adjective3 noun1 particle2 18 adjective7 noun5 particle6 verb4"),
        ("om_et", "noun8 particle9 noun1 adjective3 particle2 18 noun5 adjective7 particle6 verb4"),
    ],
)
def test_the_order_is_the_languages(code: str, order: str) -> None:
    text = say(EVERYTHING, BY_CODE[code], 0)
    assert text.endswith("?")
    assert told(text, BY_CODE[code]) == order.split()


def test_every_language_says_the_same_concepts() -> None:
    for meaning in meanings(40, 0):
        sets = {
            tuple(sorted(told(say(meaning, language, 0), language)))
            for language in LANGUAGES
            if language.code != "vi_vn"  # whose words have blanks in them
        }
        assert len(sets) == 1


def test_families_of_the_orders_are_spoken() -> None:
    assert {language.family for language in LANGUAGES} >= VERB_LAST | ADJECTIVE_AFTER


@given(st.integers(0, 10**6))
def test_a_sentence_has_concepts_that_are_there(seed: int) -> None:
    (meaning,) = meanings(1, seed)
    assert 0 <= meaning.verb < KINDS["verb"]
    for thing in (meaning.subject, meaning.object, meaning.place):
        if thing is not None:
            assert 0 <= thing.noun < KINDS["noun"]
            assert -1 <= thing.particle < KINDS["particle"]
            assert -1 <= thing.adjective < KINDS["adjective"]
            assert thing.amount == "" or 1 <= int(thing.amount) <= 999


def test_no_two_sentences_say_the_same_and_more_begin_with_the_same_ones() -> None:
    found = meanings(2000, 1)
    for code in ("ru_ru", "ta_in", "cmn_hans_cn"):
        assert len({numbers.words(say(meaning, BY_CODE[code], 1)) for meaning in found}) == 2000
    assert found[:50] == meanings(50, 1)
    assert found[:50] != meanings(50, 2)


def test_most_sentences_hold_a_number_and_common_words_are_common() -> None:
    found = meanings(2000, 0)
    assert 0.7 < sum(bool(meaning.object.amount) for meaning in found) / 2000 < 0.85
    words = [len(numbers.words(say(meaning, BY_CODE["ru_ru"], 0)).split()) for meaning in found]
    assert 4 <= min(words) + 1 < max(words) <= MAX_LENGTH
    assert length_of(EVERYTHING) == 11
    nouns = [meaning.subject.noun for meaning in found]
    assert nouns.count(0) > 8 * nouns.count(KINDS["noun"] - 1) > 0
