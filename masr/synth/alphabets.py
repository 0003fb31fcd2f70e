"""Letters and syllables of the 42 languages: what `lexicon` draws words from, each in its language's own script.

Not the languages' words: which beginnings, vowels and ends of syllables are common in them, written down here by hand
so that eSpeak NG reads every word that is made of them by that language's own rules.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from masr.synth import scripts
from masr.synth.scripts import Spell

SHARED = ("ptkbdgmnslr", "aeiou")
"""Consonants and vowels of the stems that close relatives have in common; every script of theirs can write them."""


@dataclass(frozen=True, slots=True)
class Alphabet:
    """One language's syllables. A piece is a string that `spell` knows to write."""

    onsets: Sequence[str]
    vowels: Sequence[str]
    codas: Sequence[str]
    endings: Sequence[Sequence[str]]
    """Vowels (and codas, after a dot) that a noun, a verb and an adjective may end in; empty for any."""
    spell: Spell
    shared: Mapping[str, str] = field(default_factory=dict)
    """The pieces of `SHARED` that have another name here."""
    syllables: tuple[int, int] = (2, 3)
    """Fewest and most syllables of a noun, a verb or an adjective."""
    closed: float = 0.25
    """Share of inner syllables with a coda."""


def _alphabet(
    onsets: str, vowels: str, codas: str, endings: str, spell: Spell = scripts.letters, **more: object
) -> Alphabet:
    """An alphabet from pieces with blanks between them; the three kinds of endings have slashes between."""
    kinds = tuple(tuple(kind.split()) for kind in endings.split("/"))
    return Alphabet(tuple(onsets.split()), tuple(vowels.split()), tuple(codas.split()), kinds, spell, **more)  # type: ignore[arg-type]


def _pairs(text: str) -> dict[str, str]:
    return {pair[0]: pair[2:] for pair in text.split()}


_CYRILLIC = _pairs("p:п t:т k:к b:б d:д g:г m:м n:н s:с l:л r:р a:а e:е i:и o:о u:у")
_UKRAINIAN = {**_CYRILLIC, "i": "і"}
_URDU = _pairs("p:پ t:ت k:ک b:ب d:د g:گ m:م n:ن s:س l:ل r:ر a:ا e:ے i:ی o:و u:و")
_INDIC = _pairs("a:aa e:e i:i o:o u:u")
_TAMIL = {**_INDIC, "b": "p", "d": "t", "g": "k", "s": "c"}

_BOSNIAN = "b d g h j k l m n p r s t v z č š ž đ lj nj pr kr tr sl st"
_TURKIC_CYRILLIC = "б д ж к л м н п р с т ш з й ч"

ALPHABETS: dict[str, Alphabet] = {
    # Western Europe
    "bs_ba": _alphabet(_BOSNIAN + " ć dž", "a e i o u", "n r k š l", "a o e/ati iti im/an na ski"),
    "ca_es": _alphabet(
        "b c d f g l ll m n p r s t v x ny qu br tr pl", "a e i o u à é ò", "n r s l", "a at ell/ar ir em/ós al"
    ),
    "da_dk": _alphabet(
        "b d f g h j k l m n p r s t v bl br kr sk st", "a e i o u y æ ø å", "n r l g d s", "e er en/er ede/ig et som"
    ),
    "en_us": _alphabet(
        "b bl br ch cl d dr f fl g gr h j l m n p pl r s sh sl st t tr v w",
        "a e i o u ee oa ai",
        "b d g k l m n p r t nd st sh",
        "er on et/ed en ish/ful y al",
    ),
    "es_419": _alphabet(
        "b c ch d f g l ll m n p r s t v z ñ qu br tr pl",
        "a e i o u á é ó",
        "n r s l",
        "o a ón/ar er ir/oso al ado",
        shared={"k": "qu"},
    ),
    "fr_fr": _alphabet(
        "b c d f g j l m n p r s t v ch br tr pl gn",
        "a e i o u é ou an on oi eu",
        "r l",
        "eau ine age/er ir ait/eux ique el",
    ),
    "hr_hr": _alphabet(_BOSNIAN + " c zl", "a e i o u", "n r k š t", "a ak ost/ati uje im/an na av"),
    "it_it": _alphabet(
        "b c d f g l m n p r s t v z gl gn ch br tr st", "a e i o u", "n r l s", "o a e/are ire eva/oso ale ato"
    ),
    "nb_no": _alphabet(
        "b d f g h j k l m n p r s t v bl br kr sk st skj",
        "a e i o u y ø å",
        "n r l k t s",
        "e en a/er et te/ig lig som",
    ),
    "pt_br": _alphabet(
        "b c d f g l m n p r s t v z lh nh ch br tr pl", "a e i o u á ê ó ei ou", "r s l", "o a ão/ar er ou/oso al ado"
    ),
    "sv_se": _alphabet(
        "b d f g h j k l m n p r s t v bl br kr sk st sj",
        "a e i o u y ä ö å",
        "n r l k t s",
        "a en ar/ar er ade/ig ad sam",
    ),
    # Eastern Europe
    "be_by": _alphabet(
        "б в г д ж з к л м н п р с т х ц ч ш дз",
        "а е і о у ы э я",
        "н р л ў к м",
        "а ы ак/аць іць уе/ы ая ны",
        shared=_UKRAINIAN,
    ),
    "bg_bg": _alphabet(
        "б в г д ж з к л м н п р с т ф х ц ч ш щ",
        "а е и о у ъ я",
        "н р л к м",
        "а о ът/ам ува ят/ен на ов",
        shared=_CYRILLIC,
    ),
    "cs_cz": _alphabet(
        "b c d h ch j k l m n p r s t v z č ď ň ř š ť ž st pr",
        "a e i o u á é í ů ě y",
        "n k l š t",
        "a o ek/at uje it/ý ní ová",
    ),
    "hy_am": _alphabet(
        "բ գ դ զ թ ժ լ խ կ հ ձ ղ ճ մ ն շ չ պ ջ ս վ տ ր ց փ ք",
        "ա ե ի ո ու է օ",
        "ն ր լ ս կ մ",
        "ակ ություն ան/ել ում անալ/ային ավոր եղ",
    ),
    "pl_pl": _alphabet(
        "b c d g h k l m n p r s t w z ł ż cz sz rz dz ch prz",
        "a e i o u y ó ą ę",
        "n k l m sz",
        "a o ek/ać uje ić/y owa ny",
    ),
    "ro_ro": _alphabet(
        "b c d f g j l m n p r s t v z ș ț ch br tr st",
        "a e i o u ă â î",
        "n r l s",
        "ă ul a/a ește ea/os esc at",
        shared={"k": "c"},
    ),
    "ru_ru": _alphabet(
        "б в г д ж з к л м н п р с т ф х ц ч ш щ",
        "а е и о у ы я ё ю",
        "н р л к м й",
        "а о ость/ать ить ует/ый ная ов",
        shared=_CYRILLIC,
    ),
    "sk_sk": _alphabet(
        "b c d h ch j k l m n p r s t v z č ď ľ ň š ť ž st pr",
        "a e i o u á é í ú ä ô y",
        "n k l š t",
        "a o ok/ať uje iť/ý ná ový",
    ),
    "sr_rs": _alphabet(
        "б д г х ј к л м н п р с т в з ч ш ж ћ ђ љ њ џ",
        "а е и о у",
        "н р к ш л",
        "а о ост/ати ује им/ан на ски",
        shared=_CYRILLIC,
    ),
    "uk_ua": _alphabet(
        "б в г д ж з к л м н п р с т х ц ч ш щ",
        "а е і о у и я ї є",
        "н р л к м в",
        "а о ість/ати ити ує/ий ова на",
        shared=_UKRAINIAN,
    ),
    # Central Asia, Middle East, North Africa
    "az_az": _alphabet(
        "b c ç d f g h x j k q l m n p r s ş t v y z",
        "a e ə i ı o ö u ü",
        "n r l m t k",
        "lıq ar aq/ir dı maq/lı siz ki",
    ),
    "kk_kz": _alphabet(
        _TURKIC_CYRILLIC + " ғ қ ң",
        "а е и о ө ұ ү ы і ә",
        "н р л м т қ",
        "лық ар ақ/ды еді у/лы сыз ғы",
        shared=_CYRILLIC,
    ),
    "ky_kg": _alphabet(
        _TURKIC_CYRILLIC + " г",
        "а е и о ө у ү ы э оо уу",
        "н р л м т к",
        "лык ар оо/ды ган уу/луу сыз кы",
        shared=_CYRILLIC,
    ),
    "tr_tr": _alphabet(
        "b c ç d f g h j k l m n p r s ş t v y z", "a e i ı o ö u ü", "n r l m t k", "lık ar ak/iyor dı mek/lı siz ki"
    ),
    # Sub-Saharan Africa
    "af_za": _alphabet(
        "b d f g h j k l m n p r s t v w br st", "a e i o u oe ie y", "n r l k t s", "er ing ies/el er af/ig lik loos"
    ),
    "am_et": _alphabet(
        "ሀ ለ መ ረ ሰ ሸ ቀ በ ተ ቸ ነ ከ ወ ዘ የ ደ ጀ ገ ጠ ጨ ፈ",
        "0 1 2 3 4 6",
        "ለ መ ረ ሰ በ ነ ደ ገ",
        "3 0.ት 6.ች/0.ለ 3.ል 1/2 0.ኛ 0.ዊ",
        scripts.ethiopic,
        closed=0.3,
    ),
    "om_et": _alphabet(
        "b c d f g h j k l m n q r s t w x y dh sh ch",
        "a e i o u aa ee ii oo uu",
        "n r l m",
        "a oota ee/uu e tti/aa ina oo",
        syllables=(2, 2),
    ),
    "sw_ke": _alphabet(
        "b ch d f g h j k l m n p r s sh t v w y z mb nd ng ny", "a e i o u", "", "a o i/a ia wa/u e ni", closed=0.0
    ),
    # South Asia
    "hi_in": _alphabet(
        "k kh g c j T D t d n p b bh m y r l v sh s h",
        "a aa i ii u uu e o ai",
        "n r l m s",
        "aa ii a/aa e ii/ii a uu",
        scripts.devanagari,
        shared=_INDIC,
    ),
    "kn_in": _alphabet(
        "k g c j T D N t d n p b m y r l v sh s h L",
        "a aa i ii u uu e ee o oo",
        "n r l m",
        "u e i/u i aa/a u e",
        scripts.kannada,
        shared=_INDIC,
    ),
    "ml_in": _alphabet(
        "k c T N t n p m y r l v sh s L zh",
        "a aa i ii u uu e ee o oo",
        "n r l m",
        "a i a.m/u aa ii/a i u",
        scripts.malayalam,
        shared=_INDIC | {"b": "p", "d": "t", "g": "k"},
        syllables=(2, 2),
    ),
    "ta_in": _alphabet(
        "k c T N t n p m y r l v R L zh",
        "a aa i ii u uu e ee o oo",
        "n r l m",
        "ai u a.m/u aa.n i/a ii u",
        scripts.tamil,
        shared=_TAMIL,
        syllables=(2, 2),
    ),
    "te_in": _alphabet(
        "k g c j T D N t d n p b m y r l v sh s h L",
        "a aa i ii u uu e ee o oo",
        "n r l m",
        "u i a.m/u aa i/a ii u",
        scripts.telugu,
        shared=_INDIC,
    ),
    "ur_pk": _alphabet(
        "ب پ ت ٹ ج چ خ د ڈ ر ز س ش ف ک گ ل م ن ہ", "ا ی و ے", "ن ر ل م س", "ا ی/ا ے ی/ی ا", scripts.urdu, shared=_URDU
    ),
    # South-East Asia
    "id_id": _alphabet(
        "b c d f g h j k l m n p r s t w y ng ny", "a e i o u", "n r l ng k t s", "a an i/kan ang ar/ah ik u"
    ),
    "ms_my": _alphabet(
        "b c d g h j k l m n p r s t w y ng ny sy", "a e i o u", "n r l ng k t s", "a an u/kan i ar/ah at il"
    ),
    "vi_vn": _alphabet(
        "b c ch d đ h kh l m n nh ph qu r s t th tr v x",
        "a à á ả ạ ê ề i ì í o ò ó ô ố ộ ơ ờ ớ u ù ú ư ừ",
        "m n ng nh",
        "",
        scripts.apart,
        syllables=(1, 2),
        closed=0.5,
    ),
    # China, Japan, Korea
    "cmn_hans_cn": _alphabet("", " ".join(scripts.SIMPLIFIED), "", "", syllables=(1, 2), closed=0.0),
    "ja_jp": _alphabet("", " ".join(scripts.KANA), "ん", "", syllables=(2, 3), closed=0.1),
    "ko_kr": _alphabet(
        "ㄱ ㄴ ㄷ ㄹ ㅁ ㅂ ㅅ ㅇ ㅈ ㅊ ㅋ ㅌ ㅍ ㅎ",
        "ㅏ ㅓ ㅗ ㅜ ㅡ ㅣ ㅐ ㅕ",
        "ㄴ ㄹ ㅁ ㅇ ㄱ",
        "ㅣ ㅏ.ㅇ ㅡ.ㅁ/ㅏ ㅡ.ㄴ ㅓ/ㅣ.ㄴ ㅡ.ㄹ ㅗ",
        scripts.hangul,
    ),
    "yue_hant_hk": _alphabet("", " ".join(scripts.TRADITIONAL), "", "", syllables=(1, 2), closed=0.0),
}
