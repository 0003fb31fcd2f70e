from __future__ import annotations

import unicodedata

import pytest

from masr.synth import scripts
from masr.synth.scripts import Spell, Syllable


@pytest.mark.parametrize(
    ("spell", "syllables", "word"),
    [
        (scripts.letters, [("k", "a", "n"), ("", "o", "")], "kano"),
        (scripts.apart, [("k", "a", "n"), ("b", "o", "")], "kan bo"),
        (scripts.urdu, [("", "و", ""), ("ک", "ے", ""), ("ر", "ے", "")], "اوکیرے"),
        (scripts.urdu, [("", "ا", ""), ("ب", "ا", "")], "ابا"),
        (scripts.devanagari, [("n", "a", ""), ("m", "a", "s"), ("t", "e", "")], "नमस्ते"),
        (scripts.devanagari, [("m", "a", ""), ("k", "aa", "n")], "मकान"),
        (scripts.tamil, [("t", "a", ""), ("m", "i", "zh")], "தமிழ்"),
        (scripts.telugu, [("t", "e", ""), ("l", "u", ""), ("g", "u", "")], "తెలుగు"),
        (scripts.kannada, [("k", "a", "n"), ("n", "a", ""), ("D", "a", "")], "ಕನ್ನಡ"),
        (scripts.malayalam, [("m", "a", ""), ("l", "a", ""), ("y", "aa", ""), ("L", "a", "m")], "മലയാളമ്"),
        (scripts.ethiopic, [("", "3", ""), ("መ", "3", "ረ"), ("ኘ", "3", "")], "ኣማርኛ"),
        (scripts.hangul, [("ㅎ", "ㅏ", "ㄴ"), ("ㄱ", "ㅡ", "ㄹ")], "한글"),
        (scripts.hangul, [("", "ㅏ", ""), ("ㄱ", "ㅣ", "")], "아기"),
    ],
)
def test_words_are_written_as_their_readers_write_them(spell: Spell, syllables: list[Syllable], word: str) -> None:
    assert spell(syllables) == word


@pytest.mark.parametrize("name", ["k", "ny", "N", "n", "p", "L", "zh", "v", "h"])
@pytest.mark.parametrize("block", ["devanagari", "malayalam"])
def test_consonants_of_the_blocks_are_the_ones_meant(name: str, block: str) -> None:
    letter = getattr(scripts, block)([(name, "a", "")])
    meant = {"N": "NNA", "L": "LLA", "zh": "LLLA"}.get(name, f"{name}A".upper())
    assert unicodedata.name(letter).endswith(f"LETTER {meant}")


def test_simplified_and_traditional_characters_are_the_same_ones() -> None:
    assert len(scripts.SIMPLIFIED) == len(scripts.TRADITIONAL) == len(set(scripts.SIMPLIFIED))
    assert len(set(scripts.TRADITIONAL)) == len(scripts.TRADITIONAL)
    differ = [pair for pair in zip(scripts.SIMPLIFIED, scripts.TRADITIONAL, strict=True) if pair[0] != pair[1]]
    assert ("马", "馬") in differ
    assert 10 < len(differ) < len(scripts.SIMPLIFIED) / 2
