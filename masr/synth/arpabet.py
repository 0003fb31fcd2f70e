"""eSpeak NG's English phones as ARPAbet with stress digits, as aligners of English write them.

The map goes by sound: each accent keeps its own vowels, and a vowel that ends in a glide or an r becomes two phones
where ARPAbet has no single one.
"""

from __future__ import annotations

from collections.abc import Mapping

STRESS = {"ˈ": "1", "ˌ": "2"}
"""IPA's marks; a vowel without either is 0."""

VOWELS = frozenset(("AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW"))
"""The vowels of ARPAbet, without stress."""

_CONSONANTS = {
    **{"b": "B", "tʃ": "CH", "d": "D", "ð": "DH", "f": "F", "ɡ": "G", "h": "HH", "dʒ": "JH", "k": "K", "l": "L"},
    **{"m": "M", "n": "N", "ŋ": "NG", "p": "P", "ɹ": "R", "r": "R", "s": "S", "ʃ": "SH", "t": "T", "θ": "TH"},
    **{"v": "V", "w": "W", "j": "Y", "z": "Z", "ʒ": "ZH"},
    # Scottish what; Caribbean thin; the middle of butter, its glottal stop; the glide in piano; a dark l.
    **{"ʍ": "W", "t̪": "TH", "ɾ": "T", "ʔ": "T", "ʲ": "Y", "ɫ": "L", "x": "K"},
    **{"n̩": "AH N", "əl": "AH L", "m̩": "AH M", "l̩": "AH L"},
}
_VOWELS = {
    **{"a": "AE", "æ": "AE", "aa": "AE", "a:": "AE", "ɛə": "AE", "aː": "AA", "ɑː": "AA", "ɒ": "AA", "ɑə": "AA"},
    **{"ɔ": "AO", "ɔː": "AO", "ɔə": "AO", "oə": "AO", "ɐ": "AH", "ə": "AH", "ʌ": "AH", "ɜ": "AH"},
    **{"aɪ": "AY", "aʊ": "AW", "æʊ": "AW", "ʌʉ": "AW", "ɔɪ": "OY", "oɪ": "OY", "ɛ": "EH"},
    **{"e": "EY", "eː": "EY", "eɪ": "EY", "i": "IY", "iː": "IY", "ei": "IY", "ɪ": "IH", "ᵻ": "IH"},
    **{"o": "OW", "oː": "OW", "oʊ": "OW", "əʊ": "OW", "ʌʊ": "OW"},
    **{"ʊ": "UH", "uː": "UW", "ʉ": "UW", "ʉː": "UW", "əu": "UW"},
    **{"ɚ": "ER", "ɜː": "ER", "əɹ": "ER", "ʌɹ": "ER", "əɪ": "ER"},
    **{"aɪə": "AY AH", "aɪɚ": "AY ER", "iə": "IY AH", "ʊə": "UH AH", "eə": "EH AH"},
    **{"ɑːɹ": "AA R", "ɔːɹ": "AO R", "ɛɹ": "EH R", "ɪɹ": "IH R", "ʊɹ": "UH R", "ʉɹ": "UH R"},
}
PHONES: Mapping[str, tuple[str, ...]] = {ipa: tuple(arpa.split()) for ipa, arpa in (_CONSONANTS | _VOWELS).items()}
"""IPA without stress -> ARPAbet without stress."""

ACCENTS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    # `time` sounds in the West Midlands as `toime` does elsewhere.
    "en-gb-x-gbcwmd": {"ɔɪ": ("AY",)},
}
"""eSpeak's voice -> phones that stand for another vowel there."""


def arpabet(ipa: str, accent: str) -> tuple[str, ...]:
    """One phone of eSpeak NG in ARPAbet; KeyError where the map does not have it."""
    bare = ipa.translate(_NO_STRESS)
    phones = ACCENTS.get(accent, {}).get(bare) or PHONES[bare]
    digit = next((STRESS[mark] for mark in ipa if mark in STRESS), "0")
    # Stress is carried by the first vowel.
    digits = [digit if phone in VOWELS else "" for phone in phones]
    first = next((i for i, d in enumerate(digits) if d), 0)
    return tuple(p + (d and (d if i == first else "0")) for i, (p, d) in enumerate(zip(phones, digits, strict=True)))


_NO_STRESS = str.maketrans("", "", "".join(STRESS))
