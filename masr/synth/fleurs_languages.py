"""The languages of the embedded FLEURS: code, group, and the dialects that eSpeak NG has a voice for.

Coordinates are of a town where people speak so: written down here by hand, two decimals are enough for a map.
"""

from __future__ import annotations

from dataclasses import dataclass

from masr.synth.speakers import Dialect


@dataclass(frozen=True, slots=True)
class Language:
    """One of FLEURS's 102."""

    code: str
    """FLEURS's folder: hr_hr."""
    group: str
    """One of FLEURS's seven groups, by its short name."""
    family: str
    """The branch that linguists put it in."""
    dialects: tuple[Dialect, ...]


def _language(code: str, group: str, family: str, *dialects: tuple[str, str, float, float]) -> Language:
    return Language(code, group, family, tuple(Dialect(*dialect) for dialect in dialects))


LANGUAGES: tuple[Language, ...] = (
    # Western Europe
    _language("bs_ba", "we", "slavic", ("bs", "bosnian", 43.86, 18.41)),
    _language(
        "ca_es",
        "we",
        "romance",
        ("ca", "central", 41.39, 2.17),
        ("ca-ba", "balearic", 39.57, 2.65),
        ("ca-nw", "northwestern", 41.62, 0.63),
        ("ca-va", "valencian", 39.47, -0.38),
    ),
    _language("da_dk", "we", "germanic", ("da", "danish", 55.68, 12.57)),
    _language(
        "en_us",
        "we",
        "germanic",
        ("en-us", "general-american", 39.96, -83.00),
        ("en-us-nyc", "new-york", 40.71, -74.01),
    ),
    _language(
        "es_419", "we", "romance", ("es-419", "latin-american", 19.43, -99.13), ("es", "castilian", 40.42, -3.70)
    ),
    _language(
        "fr_fr",
        "we",
        "romance",
        ("fr", "french", 48.86, 2.35),
        ("fr-be", "belgian", 50.85, 4.35),
        ("fr-ch", "swiss", 46.20, 6.14),
    ),
    _language("hr_hr", "we", "slavic", ("hr", "croatian", 45.81, 15.98)),
    _language("it_it", "we", "romance", ("it", "italian", 43.77, 11.26)),
    _language("nb_no", "we", "germanic", ("nb", "bokmal", 59.91, 10.75)),
    _language("pt_br", "we", "romance", ("pt-br", "brazilian", -23.55, -46.63), ("pt", "european", 38.72, -9.14)),
    _language("sv_se", "we", "germanic", ("sv", "swedish", 59.33, 18.07)),
    # Eastern Europe
    _language("be_by", "ee", "slavic", ("be", "belarusian", 53.90, 27.57)),
    _language("bg_bg", "ee", "slavic", ("bg", "bulgarian", 42.70, 23.32)),
    _language("cs_cz", "ee", "slavic", ("cs", "czech", 50.08, 14.44)),
    _language(
        "hy_am", "ee", "armenian", ("hy", "eastern-armenian", 40.18, 44.51), ("hyw", "western-armenian", 41.01, 28.98)
    ),
    _language("pl_pl", "ee", "slavic", ("pl", "polish", 52.23, 21.01)),
    _language("ro_ro", "ee", "romance", ("ro", "romanian", 44.43, 26.10)),
    _language("ru_ru", "ee", "slavic", ("ru", "russian", 55.76, 37.62), ("ru-lv", "latvian-russian", 56.95, 24.11)),
    _language("sk_sk", "ee", "slavic", ("sk", "slovak", 48.15, 17.11)),
    _language("sr_rs", "ee", "slavic", ("sr", "serbian", 44.79, 20.45)),
    _language("uk_ua", "ee", "slavic", ("uk", "ukrainian", 50.45, 30.52)),
    # Central Asia, Middle East, North Africa
    _language("az_az", "cmn", "turkic", ("az", "azerbaijani", 40.41, 49.87)),
    _language("kk_kz", "cmn", "turkic", ("kk", "kazakh", 43.24, 76.89)),
    _language("ky_kg", "cmn", "turkic", ("ky", "kyrgyz", 42.87, 74.59)),
    _language("tr_tr", "cmn", "turkic", ("tr", "turkish", 39.93, 32.86)),
    # Sub-Saharan Africa
    _language("af_za", "ssa", "germanic", ("af", "afrikaans", -25.75, 28.19)),
    _language("am_et", "ssa", "semitic", ("am", "amharic", 9.03, 38.74)),
    _language("om_et", "ssa", "cushitic", ("om", "oromo", 8.54, 39.27)),
    _language("sw_ke", "ssa", "bantu", ("sw", "swahili", -4.04, 39.67)),
    # South Asia
    _language("hi_in", "sa", "indo-aryan", ("hi", "hindi", 28.61, 77.21)),
    _language("kn_in", "sa", "dravidian", ("kn", "kannada", 12.97, 77.59)),
    _language("ml_in", "sa", "dravidian", ("ml", "malayalam", 9.93, 76.27)),
    _language("ta_in", "sa", "dravidian", ("ta", "tamil", 13.08, 80.27)),
    _language("te_in", "sa", "dravidian", ("te", "telugu", 17.39, 78.49)),
    _language("ur_pk", "sa", "indo-aryan", ("ur", "urdu", 31.55, 74.34)),
    # South-East Asia
    _language("id_id", "sea", "austronesian", ("id", "indonesian", -6.21, 106.85)),
    _language("ms_my", "sea", "austronesian", ("ms", "malay", 3.14, 101.69)),
    _language(
        "vi_vn",
        "sea",
        "austroasiatic",
        ("vi", "northern", 21.03, 105.85),
        ("vi-vn-x-central", "central", 16.46, 107.59),
        ("vi-vn-x-south", "southern", 10.82, 106.63),
    ),
    # China, Japan, Korea
    _language("cmn_hans_cn", "cjk", "sinitic", ("cmn", "mandarin", 39.90, 116.41)),
    _language("ja_jp", "cjk", "japonic", ("ja", "japanese", 35.68, 139.69)),
    _language("ko_kr", "cjk", "koreanic", ("ko", "korean", 37.57, 126.98)),
    _language("yue_hant_hk", "cjk", "sinitic", ("yue", "cantonese", 22.32, 114.17)),
)

CLOSE_RELATIVES: tuple[tuple[str, ...], ...] = (
    ("hr_hr", "bs_ba", "sr_rs"),
    ("cs_cz", "sk_sk", "pl_pl"),
    ("ru_ru", "uk_ua", "be_by", "bg_bg"),
    ("hi_in", "ur_pk"),
    ("da_dk", "nb_no", "sv_se"),
    ("es_419", "pt_br", "ca_es", "it_it", "ro_ro"),
    ("ta_in", "te_in", "kn_in", "ml_in"),
    ("id_id", "ms_my"),
    ("tr_tr", "az_az", "kk_kz", "ky_kg"),
)
"""Languages that a listener mistakes for each other; each is spoken here."""
