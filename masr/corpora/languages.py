"""The 102 languages of FLEURS and the 40 of Dhwani: the corpora's own names, ISO 639-3, and FLEURS's groups.

Macro-language codes (aze ara est fas ful lav mon msa nep ori orm pus swa uzb) are kept: what typology databases know
of their individual members is mostly nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from masr.corpora.iso_codes import ISO_639_3


@dataclass(frozen=True, slots=True)
class Language:
    """One of FLEURS's languages."""

    code: str
    """FLEURS's folder: hi_in."""
    iso: str
    """ISO 639-3: hin."""
    name: str
    """The language's name in English."""
    group: str
    """One of the seven geographic groups, spelled as in the release."""


_FLEURS = {
    "western_european_we": """
        ast_es:ast:Asturian bs_ba:bos:Bosnian ca_es:cat:Catalan hr_hr:hrv:Croatian da_dk:dan:Danish nl_nl:nld:Dutch
        en_us:eng:English fi_fi:fin:Finnish fr_fr:fra:French gl_es:glg:Galician de_de:deu:German el_gr:ell:Greek
        hu_hu:hun:Hungarian is_is:isl:Icelandic ga_ie:gle:Irish it_it:ita:Italian kea_cv:kea:Kabuverdianu
        lb_lu:ltz:Luxembourgish mt_mt:mlt:Maltese nb_no:nob:Norwegian oc_fr:oci:Occitan pt_br:por:Portuguese
        es_419:spa:Spanish sv_se:swe:Swedish cy_gb:cym:Welsh
    """,
    "eastern_european_ee": """
        hy_am:hye:Armenian be_by:bel:Belarusian bg_bg:bul:Bulgarian cs_cz:ces:Czech et_ee:est:Estonian
        ka_ge:kat:Georgian lv_lv:lav:Latvian lt_lt:lit:Lithuanian mk_mk:mkd:Macedonian pl_pl:pol:Polish
        ro_ro:ron:Romanian ru_ru:rus:Russian sr_rs:srp:Serbian sk_sk:slk:Slovak sl_si:slv:Slovenian
        uk_ua:ukr:Ukrainian
    """,
    "central_asia_middle_north_african_cmn": """
        ar_eg:ara:Arabic az_az:aze:Azerbaijani he_il:heb:Hebrew kk_kz:kaz:Kazakh ky_kg:kir:Kyrgyz mn_mn:mon:Mongolian
        ps_af:pus:Pashto fa_ir:fas:Persian ckb_iq:ckb:Sorani-Kurdish tg_tj:tgk:Tajik tr_tr:tur:Turkish uz_uz:uzb:Uzbek
    """,
    "sub_saharan_african_ssa": """
        af_za:afr:Afrikaans am_et:amh:Amharic ff_sn:ful:Fula lg_ug:lug:Ganda ha_ng:hau:Hausa ig_ng:ibo:Igbo
        kam_ke:kam:Kamba ln_cd:lin:Lingala luo_ke:luo:Luo nso_za:nso:Northern-Sotho ny_mw:nya:Nyanja om_et:orm:Oromo
        sn_zw:sna:Shona so_so:som:Somali sw_ke:swa:Swahili umb_ao:umb:Umbundu wo_sn:wol:Wolof xh_za:xho:Xhosa
        yo_ng:yor:Yoruba zu_za:zul:Zulu
    """,
    "south_asian_sa": """
        as_in:asm:Assamese bn_in:ben:Bengali gu_in:guj:Gujarati hi_in:hin:Hindi kn_in:kan:Kannada ml_in:mal:Malayalam
        mr_in:mar:Marathi ne_np:nep:Nepali or_in:ori:Oriya pa_in:pan:Punjabi sd_in:snd:Sindhi ta_in:tam:Tamil
        te_in:tel:Telugu ur_pk:urd:Urdu
    """,
    "south_east_asian_sea": """
        my_mm:mya:Burmese ceb_ph:ceb:Cebuano fil_ph:fil:Filipino id_id:ind:Indonesian jv_id:jav:Javanese
        km_kh:khm:Khmer lo_la:lao:Lao ms_my:msa:Malay mi_nz:mri:Maori th_th:tha:Thai vi_vn:vie:Vietnamese
    """,
    "chinese_japanase_korean_cjk": """
        cmn_hans_cn:cmn:Mandarin yue_hant_hk:yue:Cantonese ja_jp:jpn:Japanese ko_kr:kor:Korean
    """,
}
"""Group -> code:iso:name of its languages."""

FLEURS: dict[str, Language] = {
    code: Language(code, iso, name.replace("-", " "), group)
    for group, rows in _FLEURS.items()
    for code, iso, name in (row.split(":") for row in rows.split())
}
"""Folder name -> language."""

_DHWANI = """
    assamese:asm balti:bft bengali:ben bhojpuri:bho bhutia:sip bodo:brx chhatisgarhi:hne dogri:doi garo:grt gojri:gju
    gujarati:guj hindi:hin indian_english:eng jaintia:pbv kannada:kan karbi:mjw kashmiri:kas khasi:kha kokborok:trp
    konkani:kok ladakhi:lbj lepcha:lep maithili:mai malayalam:mal manipuri:mni marathi:mar mizo:lus nagamese:nag
    nepali:nep odia:ori pahari:phr punjabi:pan rajasthani:raj sambalpuri:spv sanskrit:san santali:sat sindhi:snd
    tamil:tam telugu:tel urdu:urd chhatisgar:hne santhali:sat oriya:ori
"""

DHWANI: dict[str, str] = dict(row.split(":") for row in _DHWANI.split())
"""Folder name -> ISO 639-3; the last three are other spellings that occur in the lists."""


def english_name(iso: str) -> str:
    """The language's name in English; the code itself where it is none of theirs."""
    return _names().get(iso, iso)


@cache
def _names() -> dict[str, str]:
    names = {iso: name.replace("_", " ").title() for name, iso in reversed(DHWANI.items())}
    return names | {language.iso: language.name for language in FLEURS.values()}


@cache
def _spellings() -> dict[str, str]:
    codes = {language.iso: language.iso for language in FLEURS.values()}
    codes |= ISO_639_3
    codes |= {iso: iso for iso in DHWANI.values()}
    codes |= dict(DHWANI)
    for language in FLEURS.values():
        codes[language.code.partition("_")[0]] = language.iso
        codes[language.name.lower()] = language.iso
    return codes | {"chinese": "cmn"}


def to_iso(text: str) -> str:
    """The ISO 639-3 code of a language as manifests call it (en, en-US, English, eng); unknown names stay as given."""
    known = _spellings()
    plain = text.strip().lower()
    dashed = plain.replace("_", "-")
    for spelling in (plain, dashed, dashed.partition("-")[0], plain.replace("_", " ")):
        if spelling in known:
            return known[spelling]
    return "_".join(plain.split())
