"""Every phone has its ARPAbet, every word its phones, and nothing is left over."""

from __future__ import annotations

import difflib
import itertools

import numpy as np
import pytest

from masr.synth import english
from masr.synth.alignment import Alignment, align
from masr.synth.arpabet import ACCENTS, PHONES, VOWELS, arpabet
from masr.synth.espeak import SAMPLE_RATE, Voice, speak
from masr.synth.readers import FAR, NEAR
from masr.types import Span

DIALECTS = [dialect.voice for dialect in NEAR + FAR]
ALL_PHONES = "AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH T TH UH UW V W Y Z ZH"
ARPABET = set(ALL_PHONES.split(" "))


@pytest.mark.parametrize("accent", DIALECTS)
def test_the_map_has_every_phone_of_every_word(accent: str) -> None:
    """All words in a row, for an unknown symbol would end a build."""
    words = [word.lower() for word in english.vocabulary()]
    for first in range(0, len(words), 40):
        for phone in speak(", ".join(words[first : first + 40]), Voice(accent, words_per_min=400)).phones:
            if phone.label:
                assert {p.rstrip("012") for p in arpabet(phone.label, accent)} <= ARPABET


def test_the_map_speaks_only_arpabet() -> None:
    targets = {
        phone for phones in (*PHONES.values(), *(p for a in ACCENTS.values() for p in a.values())) for phone in phones
    }
    assert targets == ARPABET
    assert VOWELS < ARPABET


def test_stress() -> None:
    assert arpabet("ˈæ", "en-us") == ("AE1",)
    assert arpabet("ˌoʊ", "en-us") == ("OW2",)
    assert arpabet("ə", "en-us") == ("AH0",)
    assert arpabet("tʃ", "en-us") == ("CH",)
    assert arpabet("ˈɔːɹ", "en-us") == ("AO1", "R")
    assert arpabet("ˈaɪə", "en") == ("AY1", "AH0")
    assert arpabet("əl", "en-us") == ("AH0", "L")
    assert arpabet("ˈɔɪ", "en-us") == ("OY1",)
    assert arpabet("ˈɔɪ", "en-gb-x-gbcwmd") == ("AY1",)
    with pytest.raises(KeyError):
        arpabet("ǃ", "en-us")


def aligned(text: str, accent: str = "en-us") -> tuple[Alignment, float]:
    speech = speak(text, Voice(accent))
    alignment = align(text, speech, accent)
    assert alignment is not None
    return alignment, len(speech.samples) / SAMPLE_RATE


@pytest.mark.parametrize("accent", DIALECTS)
def test_both_tiers_tile_the_utterance(accent: str) -> None:
    rng = np.random.default_rng(DIALECTS.index(accent))
    for topic in english.TOPICS[:4]:
        text = english.paragraph(topic, rng, 25)
        alignment, duration_sec = aligned(text, accent)
        assert [word.label for word in alignment.words if word.label] == english.normalise(text).split()
        for tier in (alignment.words, alignment.phones):
            assert tier[0].start_sec == 0
            assert tier[-1].end_sec == pytest.approx(duration_sec, abs=1e-9)
            assert all(a.end_sec == b.start_sec for a, b in itertools.pairwise(tier))
            assert all(span.start_sec < span.end_sec for span in tier)
        bounds = {phone.start_sec for phone in alignment.phones}
        assert {word.start_sec for word in alignment.words} <= bounds
        silent = [word.label for word in alignment.words if not word.label]
        assert len(silent) == sum(phone.label in ("sil", "sp") for phone in alignment.phones)


def test_words_that_are_run_together_come_apart() -> None:
    alignment, _ = aligned("the king of the north was in the house, and there was a letter for him.")
    spelt = {}
    for word in alignment.words:
        spelt.setdefault(word.label, phones_in(alignment, word))
    assert spelt["OF"] == ["AH", "V"]
    assert spelt["THE"] == ["DH", "AH"]
    assert spelt["KING"] == ["K", "IH", "NG"]
    assert spelt["THERE"] == ["DH", "EH", "R"]
    assert spelt["A"] == ["AH"]


def phones_in(alignment: Alignment, word: Span) -> list[str]:
    return [
        phone.label.rstrip("012")
        for phone in alignment.phones
        if word.start_sec <= phone.start_sec and phone.end_sec <= word.end_sec + 1e-9
    ]


def test_phones_in_a_sentence_are_nearly_those_of_the_words_alone() -> None:
    rng = np.random.default_rng(9)
    same = total = 0
    for index in range(12):
        accent = DIALECTS[index % len(DIALECTS)]
        alignment, _ = aligned(english.paragraph(english.TOPICS[index % 8], rng, 15), accent)
        for word in (word for word in alignment.words if word.label):
            spoken = speak(word.label.lower() + ".", Voice(accent, words_per_min=400)).phones
            alone = [p.rstrip("012") for phone in spoken if phone.label for p in arpabet(phone.label, accent)]
            found = phones_in(alignment, word)
            blocks = difflib.SequenceMatcher(None, alone, found, autojunk=False).get_matching_blocks()
            same += sum(block.size for block in blocks)
            total += max(len(alone), len(found))
    assert same / total > 0.94


def test_a_swallowed_word_is_told() -> None:
    speech = speak("she saw a ship.", Voice("en-us"))
    assert align("she saw a ship by the sea and a boat and a whale and an oar.", speech, "en-us") is None
