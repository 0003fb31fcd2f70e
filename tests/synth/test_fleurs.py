from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

from masr.config import loads
from masr.errors import ConfigError
from masr.synth import fleurs, numbers
from masr.synth.espeak import Voice, languages, speak
from masr.synth.fleurs_languages import CLOSE_RELATIVES, LANGUAGES
from masr.synth.speakers import SPLITS

FLEURS = """af_za am_et ar_eg as_in ast_es az_az be_by bg_bg bn_in bs_ba ca_es ceb_ph ckb_iq cmn_hans_cn cs_cz cy_gb
da_dk de_de el_gr en_us es_419 et_ee fa_ir ff_sn fi_fi fil_ph fr_fr ga_ie gl_es gu_in ha_ng he_il hi_in hr_hr hu_hu
hy_am id_id ig_ng is_is it_it ja_jp jv_id ka_ge kam_ke kea_cv kk_kz km_kh kn_in ko_kr ky_kg lb_lu lg_ug ln_cd lo_la
lt_lt luo_ke lv_lv mi_nz mk_mk ml_in mn_mn mr_in ms_my mt_mt my_mm nb_no ne_np nl_nl nso_za ny_mw oc_fr om_et or_in
pa_in pl_pl ps_af pt_br ro_ro ru_ru sd_in sk_sk sl_si sn_zw so_so sr_rs sv_se sw_ke ta_in te_in tg_tj th_th tr_tr uk_ua
umb_ao ur_pk uz_uz vi_vn wo_sn xh_za yo_ng yue_hant_hk zu_za"""

SMALL = fleurs.Config(hours=0.015, languages=("ca_es", "hi_in"))

UNSEEN = ("bs_ba", "sk_sk", "nb_no", "ca_es", "ur_pk", "ms_my", "az_az", "te_in")
"""Held out of pre-training in the recipe, to see whether close relatives carry over: the corpus holds them as it
holds the others. Relatives that stay: hr and sr; cs and pl; da and sv; es, pt and it; hi; id; tr, kk and ky; ta."""
UNSEEN_FAMILIES = ("armenian", "bantu", "austroasiatic", "koreanic")
"""Held out beside the others where the corpus is `medium`, to see what carries over where no relative helps: Armenian,
Swahili, Vietnamese and Korean. Each is its family's one language here, from four of the seven groups, so that no group
loses much, and pre-training keeps eleven families."""

Row = list[str]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("fleurs")
    made = fleurs.build(SMALL)
    for job in made.jobs():
        made.make(job, out)
    made.finish(out)
    return out


def rows(corpus: Path, code: str, split: str) -> list[Row]:
    content = (corpus / "data" / code / f"{split}.tsv").read_bytes().decode()
    assert content.endswith("\n")
    assert "\r" not in content
    return [line.split("\t") for line in content.splitlines()]


def test_languages_are_codes_of_the_real_corpus() -> None:
    codes = [language.code for language in LANGUAGES]
    assert len(codes) == len(set(codes)) >= 32
    assert set(codes) <= set(FLEURS.split())
    assert {language.group for language in LANGUAGES} == {"we", "ee", "cmn", "ssa", "sa", "sea", "cjk"}
    assert {code for family in CLOSE_RELATIVES for code in family} <= set(codes)


def test_every_unseen_language_has_a_relative_that_stays() -> None:
    for code in UNSEEN:
        assert any(code in family and set(family) - set(UNSEEN) for family in CLOSE_RELATIVES), code


def test_whole_families_are_unseen_and_most_stay() -> None:
    families = {language.family for language in LANGUAGES}
    assert len(families) == 15
    assert set(UNSEEN_FAMILIES) < families
    for language in LANGUAGES:
        related = {code for family in CLOSE_RELATIVES if language.code in family for code in family}
        assert language.family not in UNSEEN_FAMILIES or not related
        assert {other.family for other in LANGUAGES if other.code in related} <= {language.family}
    held_out = [language for language in LANGUAGES if language.family in UNSEEN_FAMILIES]
    assert len({language.group for language in held_out}) == len(held_out) == 4


def test_places_are_on_the_map_and_dialects_apart() -> None:
    dialects = [d for language in LANGUAGES for d in language.dialects]
    assert {d.voice for d in dialects} <= set(languages())
    assert len({d.loc for d in dialects}) == len(dialects)
    assert all(-60 < d.latitude < 75 and -180 <= d.longitude <= 180 for d in dialects)


@pytest.mark.parametrize("voice", [d.voice for language in LANGUAGES for d in language.dialects])
def test_a_language_reads_digits_itself(voice: str) -> None:
    """Not in English, not as silence, and every digit by another word."""

    def phones(text: str, of: str) -> str:
        return "".join(span.label for span in speak(text, Voice(of)).phones)

    for text in ("12:30, 7 – 9.", "4.50, 31 12 1999!", "5 8 0 6?", "457"):
        assert "(" not in phones(text, voice)
        assert voice.startswith("en") or phones(text, voice) != phones(text, "en-us")
    digits = [speak(str(digit), Voice(voice)) for digit in range(10)]
    assert len({"".join(span.label for span in digit.phones) for digit in digits}) == 10
    assert all(np.sqrt(np.mean(digit.samples.astype(float) ** 2)) > 300 for digit in digits)


def test_the_layout_is_that_of_the_distribution(corpus: Path) -> None:
    found = sorted(str(p.relative_to(corpus)) for p in corpus.rglob("*") if p.is_file())
    expected = ["metadata.tsv"]
    for code in ("ca_es", "hi_in"):
        expected += [f"data/{code}/{split}.tsv" for split in SPLITS]
        expected += [f"data/{code}/audio/{split}.tar.gz" for split in SPLITS]
    assert found == sorted(expected)


def test_rows_and_members_tell_the_same(corpus: Path) -> None:
    for code in ("ca_es", "hi_in"):
        for split in SPLITS:
            with tarfile.open(corpus / "data" / code / "audio" / f"{split}.tar.gz", "r|gz") as archive:
                members = {m.name: archive.extractfile(m).read() for m in archive}
            table = rows(corpus, code, split)
            assert [f"{split}/{row[1]}" for row in table] == list(members)
            for row, content in zip(table, members.values(), strict=True):
                assert len(row) == 7
                samples, rate = soundfile.read(io.BytesIO(content), dtype="int16")
                assert (rate, samples.ndim, len(samples)) == (16000, 1, int(row[5]))
                assert int(row[0]) > 0
                assert row[3] == numbers.words(row[2])
                assert row[4] == numbers.spaced(row[3])
                assert row[6] in ("MALE", "FEMALE")
                assert np.abs(samples).max() > 500


def test_sentence_ids_are_parallel(corpus: Path) -> None:
    texts = [{row[0]: row[2] for split in SPLITS for row in rows(corpus, code, split)} for code in ("ca_es", "hi_in")]
    assert texts[0] == texts[1]


def facts(corpus: Path) -> dict[str, dict[str, str]]:
    header, *lines = (corpus / "metadata.tsv").read_text().splitlines()
    assert header == "file\tspeaker\tloc\taccent\tgroup"
    return {line.split("\t")[0]: dict(zip(header.split("\t"), line.split("\t"))) for line in lines}


def test_splits_share_neither_sentences_nor_speakers(corpus: Path) -> None:
    known = facts(corpus)
    sentences: list[set[str]] = []
    speakers: list[set[str]] = []
    for split in SPLITS:
        table = [row for code in ("ca_es", "hi_in") for row in rows(corpus, code, split)]
        sentences.append({row[3] for row in table})
        speakers.append({known[row[1].removesuffix(".wav")]["speaker"] for row in table})
    for found in (sentences, speakers):
        assert not found[0] & found[1]
        assert not found[0] & found[2]
        assert not found[1] & found[2]


def test_every_file_is_in_the_metadata(corpus: Path) -> None:
    known = facts(corpus)
    files = {row[1].removesuffix(".wav") for c in ("ca_es", "hi_in") for s in SPLITS for row in rows(corpus, c, s)}
    assert set(known) == files
    catalan = {fact["accent"] for fact in known.values() if fact["speaker"].startswith("ca_es")}
    assert len(catalan) >= 3
    assert catalan <= {"central", "balearic", "northwestern", "valencian"}
    assert {fact["loc"] for fact in known.values() if fact["speaker"].startswith("hi_in")} == {"28.61 77.21"}


def test_some_sentences_are_recorded_by_two_speakers(corpus: Path) -> None:
    known = facts(corpus)
    by_sentence: dict[str, list[str]] = {}
    for row in rows(corpus, "hi_in", "train"):
        by_sentence.setdefault(row[0], []).append(known[row[1].removesuffix(".wav")]["speaker"])
    assert {len(speakers) for speakers in by_sentence.values()} == {1, 2}
    assert all(len(set(speakers)) == len(speakers) for speakers in by_sentence.values())


def test_hours_are_met() -> None:
    made = fleurs.build(fleurs.Config(hours=0.1, languages=("it_it", "pl_pl")))
    lines = [line for job in made.jobs() for line in made._lines(*job.split(".")[:2], 0, 10**6)]
    hours = sum(len(made._recorded(line)) for line in lines) / 16000 / 3600
    assert hours == pytest.approx(0.1, rel=0.15)


def test_a_large_corpus_is_many_small_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    made = fleurs.build(fleurs.Config(hours=1000))
    jobs = made.jobs()
    assert len(jobs) == len(set(jobs)) > 1500
    total = sum(made.num_utts(split) for split in SPLITS) * len(LANGUAGES)
    assert total * made.size.mean_sec / 3600 == pytest.approx(1000, rel=0.01)
    assert len(jobs) * fleurs.UTTS_PER_JOB >= total


def test_the_number_of_pieces_changes_nothing(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleurs, "UTTS_PER_JOB", 3)
    made = fleurs.build(SMALL)
    jobs = made.jobs()
    assert len(jobs) > 6
    for job in reversed(jobs):
        made.make(job, tmp_path)
    made.finish(tmp_path)
    for path in sorted(corpus.rglob("*.tsv")):
        assert (tmp_path / path.relative_to(corpus)).read_bytes() == path.read_bytes()
    for path in sorted(corpus.rglob("*.tar.gz")):
        with tarfile.open(path) as one, tarfile.open(tmp_path / path.relative_to(corpus)) as other:
            assert [(m.name, one.extractfile(m).read()) for m in one] == [
                (m.name, other.extractfile(m).read()) for m in other
            ]


def test_finishing_goes_on_where_it_was_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = fleurs.build(fleurs.Config(hours=0.004, languages=("hi_in",)))
    for job in made.jobs():
        made.make(job, tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(fleurs.shutil, "rmtree", _interrupted)
        with pytest.raises(KeyboardInterrupt):
            made.finish(tmp_path)
    made.finish(tmp_path)
    assert len(facts(tmp_path)) == sum(made.num_utts(split) for split in SPLITS)


def _interrupted(*args: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("languages=[hr_rh]", "did you mean hr_hr"),
        ("hours=0", "above 0"),
        ("min_snr_db=90", "above max_snr_db"),
        ("minutes=3", "unknown key"),
        ("size=huge", "medium"),
    ],
)
def test_what_cannot_be_spoken_is_refused(override: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loads(fleurs.Config, "", overrides=[override])
    assert told in caught.value.block()
