from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from masr.synth import numbers
from masr.synth.espeak import Voice, speak
from masr.synth.seeding import generator_of


@given(st.integers(0, 10**6), st.integers(3, 12))
def test_a_sentence_is_digits_and_punctuation(seed: int, num_digits: int) -> None:
    text = numbers.sentence(generator_of(seed), num_digits, 3)
    assert re.fullmatch(r"[0-9 ,.:?!–]+", text)
    assert 3 <= sum(letter.isdigit() for letter in text) <= num_digits


@given(st.integers(0, 10**6))
def test_phrases_cost_what_the_table_says(seed: int) -> None:
    for name, (cost, phrase) in numbers._PHRASES.items():
        digits = sum(letter.isdigit() for letter in phrase(generator_of(seed)))
        assert digits <= cost + (name == "date"), name


@given(st.integers(0, 10**6))
def test_the_words_of_digits_are_the_digits(seed: int) -> None:
    text = numbers.sentence(generator_of(seed))
    assert numbers.words(text) == " ".join(re.findall(r"[0-9]+", text))


def test_no_two_sentences_have_the_same_words() -> None:
    found = numbers.sentences(3000, seed=1)
    assert len({numbers.words(text) for text in found}) == 3000


def test_more_sentences_begin_with_the_same_ones() -> None:
    assert numbers.sentences(300, seed=4)[:50] == numbers.sentences(50, seed=4)
    assert numbers.sentences(50, seed=4) != numbers.sentences(50, seed=5)


def test_every_kind_of_phrase_is_told() -> None:
    told = " ".join(numbers.sentences(400, seed=0))
    for pattern in (r"\d+:\d\d", r"\d+\.\d\d", r"\d+ – \d+", r"\b\d \d \d \d", r"\b[12]\d{3}\b", r"\?", "!"):
        assert re.search(pattern, told), pattern


def test_words_and_letters() -> None:
    assert numbers.words("12:30, 7 – 9, 4.50!") == "12 30 7 9 4 50"
    assert numbers.words("12 kupe, ärla 7.50 मिम?") == "12 kupe ärla 7 50 मिम"
    assert numbers.spaced("12 7") == "1 2 | 7 |"
    assert numbers.spaced("") == ""


def test_nepali_digits_are_its_own() -> None:
    assert numbers.as_spoken("10, 9.", "ne") == "१०, ९."
    assert numbers.as_spoken("10, 9.", "hi") == "10, 9."


@pytest.mark.parametrize("text", ["12:30", "12.50", "7 – 9", "0 1 2 3 4 5 6 7 8 9", "31 12 1999", "457?"])
def test_nepali_is_not_read_in_english(text: str) -> None:
    def phones(spoken: str) -> str:
        return "".join(span.label for span in speak(spoken, Voice("ne")).phones)

    assert "(en)" in phones(text), "eSpeak NG reads ASCII digits itself now: the native ones are not needed any more"
    assert "(" not in phones(numbers.as_spoken(text, "ne"))
