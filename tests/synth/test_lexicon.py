from __future__ import annotations

import itertools
import unicodedata

import pytest

from masr.synth.espeak import Voice, speak
from masr.synth.fleurs_languages import CLOSE_RELATIVES, LANGUAGES
from masr.synth.lexicon import COGNATES, KINDS, is_cognate, lexicon

CODES = [language.code for language in LANGUAGES]
CONTENT = [(kind, number) for kind in ("noun", "verb", "adjective") for number in range(KINDS[kind])]
VOICES = [(language.code, dialect.voice) for language in LANGUAGES for dialect in language.dialects]
PER_LETTER = {
    **dict.fromkeys(("am_et", "cmn_hans_cn", "ja_jp", "ko_kr", "yue_hant_hk"), 4),
    **dict.fromkeys(("hi_in", "kn_in", "ml_in", "ta_in", "te_in"), 2),
}
"""Sounds that a letter can stand for, where it is more than one."""
SCRIPTS = {
    "hy_am": "ARMENIAN",
    "am_et": "ETHIOPIC",
    "hi_in": "DEVANAGARI",
    "kn_in": "KANNADA",
    "ml_in": "MALAYALAM",
    "ta_in": "TAMIL",
    "te_in": "TELUGU",
    "ur_pk": "ARABIC",
    "cmn_hans_cn": "CJK",
    "yue_hant_hk": "CJK",
    "ja_jp": "HIRAGANA",
    "ko_kr": "HANGUL",
    **dict.fromkeys(("be_by", "bg_bg", "kk_kz", "ky_kg", "ru_ru", "sr_rs", "uk_ua"), "CYRILLIC"),
}


def phones(text: str, voice: str) -> list[str]:
    return [span.label for span in speak(text, Voice(voice, words_per_min=450)).phones if span.label]


def is_read(text: str, voice: str, per_letter: int = 1) -> bool:
    """By the language's own rules, as words: no other language's, and not letter by letter."""
    told = phones(text, voice)
    letters = sum(letter.isalpha() or unicodedata.category(letter) == "Mc" for letter in text)
    sounds = sum(any(unicodedata.category(c)[0] == "L" and c not in "ʲʰh" for c in label) for label in told)
    return not any("(" in label for label in told) and sounds <= per_letter * letters * 1.2


@pytest.mark.parametrize(("code", "voice"), VOICES)
def test_every_word_is_read_in_its_own_language(code: str, voice: str) -> None:
    words = list(lexicon(code, 0).values())
    for first in range(0, len(words), 29):
        some = ", ".join(words[first : first + 29])
        assert is_read(some, voice, PER_LETTER.get(code, 1)), (some, phones(some, voice))


@pytest.mark.parametrize(
    ("text", "voice"), [("bcdfg, bzdgt", "it"), ("дом", "am"), ("пвкт, дбгтп", "ru"), ("steeve", "af"), ("дом", "hi")]
)
def test_what_is_spelled_out_or_read_in_english_is_found(text: str, voice: str) -> None:
    assert not is_read(text, voice)


@pytest.mark.parametrize("code", CODES)
def test_words_are_distinct_and_of_one_script(code: str) -> None:
    words = lexicon(code, 0)
    assert len(words) == sum(KINDS.values()) == len(set(words.values()))
    names = {unicodedata.name(letter) for letter in "".join(words.values()) if letter != " "}
    assert all(name.startswith(SCRIPTS.get(code, "LATIN")) for name in names)
    # the units of a recogniser are letters, and each needs to be heard often
    assert len(names) <= 450


def test_words_differ_between_languages() -> None:
    """Half of the concepts and more, even between the closest of relatives."""
    for one, other in itertools.combinations(CODES, 2):
        first, second = lexicon(one, 0), lexicon(other, 0)
        same = sum(first[concept] == second[concept] for concept in first) / len(first)
        assert same < (COGNATES + 0.05 if any({one, other} <= set(f) for f in CLOSE_RELATIVES) else 0.05), (one, other)


def test_relatives_share_stems_and_others_do_not() -> None:
    def starts_alike(one: str, other: str, concepts: list[tuple[str, int]]) -> float:
        first, second = lexicon(one, 0), lexicon(other, 0)
        return sum(first[concept][:3] == second[concept][:3] for concept in concepts) / len(concepts)

    cognates = [concept for concept in CONTENT if is_cognate(concept, 0)]
    others = [concept for concept in CONTENT if not is_cognate(concept, 0)]
    assert len(cognates) / len(CONTENT) == pytest.approx(COGNATES, abs=0.06)
    for one, other in (("hr_hr", "bs_ba"), ("da_dk", "sv_se"), ("tr_tr", "az_az"), ("ru_ru", "bg_bg")):
        assert starts_alike(one, other, cognates) > 0.9
        assert starts_alike(one, other, others) < 0.1
    assert starts_alike("hr_hr", "cs_cz", cognates) < 0.1
    assert starts_alike("it_it", "fr_fr", cognates) < 0.1


def test_particles_are_the_shortest_words() -> None:
    for code in CODES:
        words = lexicon(code, 0)
        longest = max(len(word) for (kind, _), word in words.items() if kind == "particle")
        assert longest <= 4
        assert longest <= sum(len(words[concept]) for concept in CONTENT) / len(CONTENT)


def test_the_seed_alone_decides() -> None:
    lexicon.cache_clear()
    first = dict(lexicon("pl_pl", 3))
    lexicon.cache_clear()
    assert lexicon("pl_pl", 3) == first
    assert lexicon("pl_pl", 4) != first


def test_no_word_reads_as_a_roman_numeral() -> None:
    assert not [w for code in CODES for w in lexicon(code, 0).values() if set(w) <= set("ivxlcdm")]
    assert phones("mil", "it") != phones("mela", "it")
