"""ISO 639-3 macrolanguages and their individual languages, where URIEL keeps what it knows under the former.

A corpus often says `ekk` (Standard Estonian) where URIEL's observations stand under `est`; the vector of the
individual code is then empty, or a guess from its neighbours.
"""

from __future__ import annotations

_MEMBERS = {
    "aka": "fat twi",
    "ara": "arb ary arz apc ajp acm afb ars aeb arq ayl ayn apd acw",
    "aym": "ayr ayc",
    "aze": "azj azb",
    "bal": "bgn bgp bcc",
    "doi": "dgo xnr",
    "est": "ekk vro",
    "fas": "pes prs",
    "ful": "fuc fuv fub fuf fuh fui fuq ffm fue",
    "gon": "gno esg wsg",
    "grn": "gug gui gun gnw nhd",
    "kok": "gom knn",
    "kom": "koi kpv",
    "kur": "ckb kmr sdh",
    "lah": "pnb skr hnd hno jat phr",
    "lav": "lvs ltg",
    "mlg": "plt bhr msh skg tdx txy xmv xmw",
    "mon": "khk mvf",
    "msa": "zsm zlm mfa meo max",
    "nep": "npi dty",
    "nor": "nob nno",
    "oji": "ojb ojc ojg ojs ojw ciw",
    "ori": "ory spv",
    "orm": "gaz gax hae orc",
    "pus": "pbt pbu pst",
    "que": "quz quy qub qug quh qul qup qvi",
    "san": "cls vsn",
    "sqi": "aln aat aae als",  # codespell:ignore als
    "swa": "swh swc",
    "uzb": "uzn uzs",
    "yid": "ydd yih",
    "zho": "cmn yue nan wuu hak gan hsn cdo",
}

MACRO: dict[str, str] = {member: macro for macro, members in _MEMBERS.items() for member in members.split()}
"""Individual code -> macro code."""
