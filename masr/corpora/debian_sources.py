"""What each of Debian's packages with speech calls its files, and what those names say: language, voice, sentence."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from masr.corpora.languages import to_iso

_MORE_LANGUAGES = {"wa": "wln", "nn": "nno", "tn": "tsn", "nds": "nds", "ml": "mal", "zh": "cmn"}
"""Two-letter codes that FLEURS has not, as ISO 639-3."""
_NO_SPEECH = re.compile(r"silence/.*|beep.*|.*-2tone|tt-monkeys|tt-(somethingwrong|weasels)-.*|.*dtmf.*")
"""Asterisk's prompts that hold none; `beep` and its kin are tones."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a file's name says of it."""

    language: str
    speaker: str
    sentence: str
    """The same in two recordings of the same sentence, in whatever language."""
    key: str
    """With speaker and language, one recording's own."""
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PackageSource:
    """Some packages of one kind; becomes one data directory."""

    name: str
    packages: str
    """Pattern of their names."""
    root: str
    """Where their files lie."""
    audio: str
    """Pattern of a recording's name below the root."""
    said: Callable[[re.Match[str]], Said | str]
    """What the name says, or in a few words why this is no speech."""
    texts: str = ""
    """Pattern of files, below `usr`, that hold transcripts or labels."""
    texts_in: str = ""
    """Pattern of the name of another package that holds them."""
    is_listened_to: bool = False
    """Whether a recording may be a sound effect that its name does not give away."""


def iso(code: str) -> str:
    """The ISO 639-3 code of a locale: pt_BR, sr@latin, nn."""
    plain = re.split("[_@.]", code)[0]
    return _MORE_LANGUAGES.get(plain, to_iso(plain))


def _tuxpaint(match: re.Match[str]) -> Said | str:
    stem, code = match["stem"], match["code"] or "en"
    if not match["desc"]:
        return "a sound by its name: no _desc in it"
    return Said(iso(code), f"tuxpaint_{code}", f"tuxpaint:{stem}", stem, {})


def _asterisk(match: re.Match[str]) -> Said | str:
    if _NO_SPEECH.fullmatch(match["prompt"]):
        return "a tone, silence or noise by its name"
    parts = match["voice"].split("_")
    people = {"es": "colombia", "fr": "armelle"}
    speaker = parts[-1].lower() if len(parts) > 2 else people.get(match["voice"], match["voice"])
    gender = {"f": "female", "m": "male"}.get(parts[2] if len(parts) > 3 else "", "")
    folder, _, _ = match["prompt"].rpartition("/")
    labels = {"category": folder.partition("/")[0] or "prompt"} | ({"gender": gender} if gender else {})
    if speaker == "armelle":
        labels["gender"] = "female"
    return Said(iso(parts[0]), f"asterisk_{speaker}", f"asterisk:{match['prompt']}", match["prompt"], labels)


def _festvox(match: re.Match[str]) -> Said | str:
    return Said("rus", "festvox_nsh", f"festvox:{match['name']}", match["name"], {"gender": "male"})


def _fillets(match: re.Match[str]) -> Said | str:
    code, key = match["code"], f"{match['level']}/{match['name']}"
    words = match["name"].split("-")
    character = {"m": "small", "v": "big"}.get(words[1] if len(words) > 1 else "", "other")
    return Said(iso(code), f"fillets_{code}_{character}", f"fillets:{key}", key, {"category": character})


def _ktuberling(match: re.Match[str]) -> Said | str:
    code = match["code"]
    if "@" in code:
        return f"another spelling of a language that is there, the same recordings: {code}"
    return Said(iso(code), f"ktuberling_{code}", f"ktuberling:{match['name']}", match["name"], {})


def _klettres(match: re.Match[str]) -> Said | str:
    code, key = match["code"], f"{match['kind']}/{match['name']}"
    category = {"alpha": "letter", "syllab": "syllable"}[match["kind"]]
    return Said(iso(code), f"klettres_{code}", f"klettres:{key}", key, {"category": category})


def _gcin(match: re.Match[str]) -> Said | str:
    syllable = match["syllable"]
    return Said("cmn", f"gcin_{match['take']}", f"gcin:{syllable}", syllable, {"category": "syllable"})


def _pocketsphinx(match: re.Match[str]) -> Said | str:
    return Said("eng", f"pocketsphinx_{match['set']}", f"pocketsphinx:{match['name']}", match["name"], {})


_PROMPTS, _VOICE = "usr/share/asterisk/sounds", "(?P<voice>[a-z]{2}(?:_[A-Z]{2}_[fm]_[A-Za-z]+)?)"
_FINEST = r".*\.g722$|(?:es|fr)/.*\.gsm$|it_IT_f_Menardi/.*\.wav$"
"""The best recording of each voice; those by other codecs hold the same words again."""

SOURCES = (
    PackageSource(
        "tuxpaint",
        "tuxpaint-stamps-default",
        "usr/share/tuxpaint/stamps",
        r"(?P<stem>.+?)(?P<desc>_desc(?:_(?P<code>[A-Za-z_@]+))?)?\.(?:ogg|wav)",
        _tuxpaint,
        texts=r"share/tuxpaint/stamps/.+\.txt",
        is_listened_to=True,
    ),
    PackageSource(
        "asterisk",
        r"asterisk-core-sounds-[a-z]+-g722|asterisk-prompt-(es-co|fr-armelle|it-menardi-wav)",
        _PROMPTS,
        rf"(?={_FINEST}){_VOICE}/(?P<prompt>.+)\.(?:g722|gsm|wav)",
        _asterisk,
    ),
    PackageSource(
        "asterisk_codecs",
        r"asterisk-core-sounds-[a-z]+-(gsm|wav|alaw)|asterisk-prompt-it-menardi-(gsm|alaw)",
        _PROMPTS,
        rf"(?!{_FINEST}){_VOICE}/(?P<prompt>.+)\.(?:gsm|wav|alaw)",
        _asterisk,
    ),
    PackageSource(
        "festvox_ru",
        "festvox-ru",
        "usr/share/festival/voices/russian/msu_ru_nsh_clunits",
        r"wav/(?P<name>ru_[0-9]+)\.wav",
        _festvox,
        texts=r"share/festival/voices/russian/msu_ru_nsh_clunits/(etc/txt\.done\.data|lab/ru_[0-9]+\.lab)",
    ),
    PackageSource(
        "fillets",
        "fillets-ng-data-(cs|nl)",
        "usr/share/games/fillets-ng/sound",
        r"(?P<level>.+)/(?P<code>cs|nl)/(?P<name>[^/]+)\.ogg",
        _fillets,
        texts=r"share/games/fillets-ng/script/.+/dialogs_(cs|nl)\.lua",
        texts_in="fillets-ng-data",
        is_listened_to=True,
    ),
    PackageSource(
        "ktuberling",
        "ktuberling-data",
        "usr/share/ktuberling/sounds",
        r"(?P<code>[^/]+)/(?P<name>.+)\.(?:ogg|wav)",
        _ktuberling,
        is_listened_to=True,
    ),
    PackageSource(
        "klettres",
        "klettres-data",
        "usr/share/klettres",
        r"(?P<code>[^/]+)/(?P<kind>alpha|syllab)/(?P<name>.+)\.ogg",
        _klettres,
    ),
    PackageSource("gcin", "gcin-voice", "usr/share/gcin-voice/ogg", r"(?P<syllable>[^/]+)/(?P<take>[35])\.ogg", _gcin),
    PackageSource(
        "pocketsphinx",
        "pocketsphinx-testdata",
        "usr/share/pocketsphinx/test/data",
        r"(?P<set>cards|librivox)/(?P<name>.+)\.wav",
        _pocketsphinx,
        texts=r"share/pocketsphinx/test/data/(cards/cards\.transcription|librivox/transcription)",
    ),
)
