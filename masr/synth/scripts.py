"""Syllables written in a script: (onset, vowel, coda) -> the word's letters.

An alphabet puts letters side by side; an Indic script hangs the vowel on the consonant; Ethiopic has one letter and
Hangul one block for a syllable.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

Syllable = tuple[str, str, str]
"""Onset, vowel, coda; onset and coda may be empty."""
Spell = Callable[[Sequence[Syllable]], str]

SIMPLIFIED = (
    "山水火木土日月人口手足目耳心马牛羊鱼鸟虫花草树林田石金玉衣食米茶酒车船门家国城市路桥河海江湖天地风云雨雪"
    "春夏秋冬东西南北上中下大小多少长高低远近新老好美红黄蓝白黑绿光明书画纸笔字文学生友父母儿女王民工商兵医师"
    "看听说走来去坐立吃喝买卖开关问写读唱飞游想爱知用打拿放送找带给做住回进出"
)
TRADITIONAL = (
    "山水火木土日月人口手足目耳心馬牛羊魚鳥蟲花草樹林田石金玉衣食米茶酒車船門家國城市路橋河海江湖天地風雲雨雪"
    "春夏秋冬東西南北上中下大小多少長高低遠近新老好美紅黃藍白黑綠光明書畫紙筆字文學生友父母兒女王民工商兵醫師"
    "看聽說走來去坐立吃喝買賣開關問寫讀唱飛游想愛知用打拿放送找帶給做住回進出"
)
KANA = (
    *"あいうえおかきくけこさしすせそたちつてとなにぬねのはひふへほまみむめもやゆよらりるれろわ",
    *"がぎぐげござじずぜぞだでどばびぶべぼ",
    *("きゃ", "きょ", "しゃ", "しゅ", "しょ", "ちょ", "りょ"),
)


def letters(syllables: Sequence[Syllable]) -> str:
    """Letters side by side."""
    return "".join(onset + vowel + coda for onset, vowel, coda in syllables)


def apart(syllables: Sequence[Syllable]) -> str:
    """Letters with a blank between syllables, as Vietnamese writes."""
    return " ".join(letters([syllable]) for syllable in syllables)


def urdu(syllables: Sequence[Syllable]) -> str:
    """Urdu in Arabic letters: ye has another shape inside a word, and a vowel at the start leans on an alef."""
    word = "".join(("ا" if not onset and vowel != "ا" else onset) + vowel + coda for onset, vowel, coda in syllables)
    return word[:-1].replace("ے", "ی") + word[-1]


_NAMES = "k kh g gh ng c ch j jh ny T Th D Dh N t th d dh n nn p ph b bh m y r R l L zh v sh S s h"
_CONSONANTS = {name: 0x15 + place for place, name in enumerate(_NAMES.split())}
"""Offsets, which are the same in every Indic block of Unicode, as are those of the vowels."""
_VOWELS = {
    "a": (0x05, None),
    "aa": (0x06, 0x3E),
    "i": (0x07, 0x3F),
    "ii": (0x08, 0x40),
    "u": (0x09, 0x41),
    "uu": (0x0A, 0x42),
    "e": (0x0E, 0x46),
    "ee": (0x0F, 0x47),
    "ai": (0x10, 0x48),
    "o": (0x12, 0x4A),
    "oo": (0x13, 0x4B),
}
"""Vowel -> offsets of its letter and of its sign on a consonant; a is what a consonant has without a sign."""
_VIRAMA = 0x4D
"""The sign that takes a consonant's vowel away."""


def _indic(syllables: Sequence[Syllable], block: int, long_only: bool = False) -> str:
    """A word in an Indic script. With `long_only`, e and o are never short and a last letter goes bare: Devanagari."""
    written: list[int] = []
    for number, (onset, vowel, coda) in enumerate(syllables):
        letter, sign = _VOWELS[{"e": "ee", "o": "oo"}.get(vowel, vowel) if long_only else vowel]
        if not onset:
            written.append(letter)
        else:
            written += [_CONSONANTS[onset]] + ([sign] if sign else [])
        if coda:
            silent = long_only and number == len(syllables) - 1
            written += [_CONSONANTS[coda]] + ([] if silent else [_VIRAMA])
    return "".join(chr(block + offset) for offset in written)


devanagari: Spell = partial(_indic, block=0x0900, long_only=True)
tamil: Spell = partial(_indic, block=0x0B80)
telugu: Spell = partial(_indic, block=0x0C00)
kannada: Spell = partial(_indic, block=0x0C80)
malayalam: Spell = partial(_indic, block=0x0D00)


def ethiopic(syllables: Sequence[Syllable]) -> str:
    """A word in Ethiopic: onsets are letters of the first order, vowels numbers of orders, codas of the sixth order."""
    return "".join(
        chr(ord(onset or "አ") + int(vowel)) + (chr(ord(coda) // 8 * 8 + 5) if coda else "")
        for onset, vowel, coda in syllables
    )


_LEADS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
_MIDDLES = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
_TAILS = " ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ"


def hangul(syllables: Sequence[Syllable]) -> str:
    """A word in Hangul: a block of two or three letters for each syllable."""
    return "".join(
        chr(0xAC00 + (_LEADS.index(onset or "ㅇ") * 21 + _MIDDLES.index(vowel)) * 28 + _TAILS.index(coda or " "))
        for onset, vowel, coda in syllables
    )
