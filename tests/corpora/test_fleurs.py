from __future__ import annotations

from pathlib import Path

import pytest

from masr.corpora.languages import FLEURS, to_iso
from masr.corpora.prepare import prepare
from masr.errors import ArchiveError, ConfigError, CorpusError
from masr.io.datadir import DataDir
from reference import corpus_layouts as layouts


def test_a_row_and_a_member_meet(open_corpus, read_all, tmp_path) -> None:
    layouts.fleurs(tmp_path, "hi_in", "train", {"123.wav": layouts.wav(layouts.samples())})
    utterances, problems = read_all(open_corpus("fleurs"), tmp_path)
    assert problems == []
    found = utterances["hi_in-123"]
    assert found.speaker == "hi_in-123"
    assert found.text == "ein satz"
    assert found.labels == {"lang": "hin", "group": "south_asian_sa", "gender": "female", "sentence": "7"}
    raw, _ = read_all(open_corpus("fleurs", "text=raw"), tmp_path)
    assert raw["hi_in-123"].text == 'Ein "Satz".'


def test_packed_and_unpacked_are_the_same(open_corpus, tmp_path) -> None:
    files = {f"{i}.wav": layouts.wav(layouts.samples(i)) for i in range(3)}
    for packed in (True, False):
        root = layouts.fleurs(tmp_path / str(packed), "hi_in", "dev", files, packed=packed)
        prepare(open_corpus("fleurs"), root, tmp_path / f"data{packed}", max_bad=0)
    tables = [DataDir.open(tmp_path / f"data{packed}" / "dev") for packed in (True, False)]
    assert tables[0].tables() == tables[1].tables()
    for name in set(tables[0].tables()) - {"wav.scp"}:
        assert dict(tables[0].table(name)) == dict(tables[1].table(name))


ROWS = {
    "wrong number of columns": "7\ta.wav\traw\ttext\tt e x t\t8000",
    "wrong number of columns ": "7\ta.wav\traw\ttext\tt e x t\t8000\tMALE\textra",
    "bad sentence id": "x\ta.wav\traw\ttext\tt\t8000\tMALE",
    "bad file name": "7\t../a.wav\traw\ttext\tt\t8000\tMALE",
    "bad file name ": "7\ta.mp3\traw\ttext\tt\t8000\tMALE",
    "bad number of samples": "7\ta.wav\traw\ttext\tt\tmany\tMALE",
    "bad number of samples ": "7\ta.wav\traw\ttext\tt\t0\tMALE",
    "bad number of samples  ": "7\ta.wav\traw\ttext\tt\t-8000\tMALE",
    "bad gender": "7\ta.wav\traw\ttext\tt\t8000\t?",
}


@pytest.mark.parametrize("reason", ROWS)
def test_a_bad_row_is_left_out_and_so_is_its_audio(open_corpus, read_all, tmp_path, reason) -> None:
    files = {"a.wav": layouts.wav(layouts.samples()), "b.wav": layouts.wav(layouts.samples(1))}
    layouts.fleurs(tmp_path, "hi_in", "train", files, [ROWS[reason], layouts.fleurs_row("b.wav")])
    utterances, problems = read_all(open_corpus("fleurs"), tmp_path)
    assert list(utterances) == ["hi_in-b"]
    assert [p.reason.partition(":")[0] for p in problems] == [reason.strip(), "audio without row"]
    assert problems[0].where == "hi_in/train.tsv:1"


def test_both_kinds_of_orphans_and_of_duplicates(open_corpus, read_all, tmp_path) -> None:
    data = layouts.wav(layouts.samples())
    rows = [layouts.fleurs_row(name) for name in ("a.wav", "a.wav", "missing.wav")]
    layouts.fleurs(tmp_path, "hi_in", "train", {}, rows)
    members = [("train/a.wav", data), ("train/a.wav", data), ("train/norow.wav", data)]
    layouts.tar_gz(tmp_path / "data/hi_in/audio/train.tar.gz", members)
    utterances, problems = read_all(open_corpus("fleurs"), tmp_path)
    assert list(utterances) == ["hi_in-a"]
    reasons = sorted(p.reason for p in problems)
    assert reasons == [
        "audio without row",
        "duplicate file name: a.wav",
        "duplicate member",
        "row without audio: missing.wav",
    ]


def test_windows_line_ends_and_a_byte_order_mark_change_nothing(open_corpus, read_all, tmp_path) -> None:
    files = {f"{i}.wav": layouts.wav(layouts.samples(i)) for i in range(2)}
    layouts.fleurs(tmp_path, "hi_in", "train", files)
    plain = read_all(open_corpus("fleurs"), tmp_path)
    tsv = tmp_path / "data/hi_in/train.tsv"
    tsv.write_bytes(b"\xef\xbb\xbf" + tsv.read_bytes().replace(b"\n", b"\r\n"))
    assert read_all(open_corpus("fleurs"), tmp_path) == plain


def test_a_quote_does_not_swallow_lines(open_corpus, read_all, tmp_path) -> None:
    files = {f"{i}.wav": layouts.wav(layouts.samples(i)) for i in range(3)}
    rows = [layouts.fleurs_row(name, text='"he said') for name in files]
    layouts.fleurs(tmp_path, "hi_in", "train", files, rows)
    utterances, problems = read_all(open_corpus("fleurs"), tmp_path)
    assert [u.text for u in utterances.values()] == ['"he said'] * 3
    assert problems == []


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf"])
def test_an_empty_tsv(open_corpus, read_all, tmp_path, content) -> None:
    layouts.fleurs(tmp_path, "hi_in", "train", {"a.wav": layouts.wav(layouts.samples())})
    (tmp_path / "data/hi_in/train.tsv").write_bytes(content)
    utterances, problems = read_all(open_corpus("fleurs"), tmp_path)
    assert not utterances
    assert [p.reason for p in problems] == ["empty TSV", "audio without row"]
    with pytest.raises(CorpusError, match="nothing usable"):
        prepare(open_corpus("fleurs"), tmp_path, tmp_path / "out", max_bad=1)


def test_a_line_in_another_encoding(open_corpus, read_all, tmp_path) -> None:
    layouts.fleurs(tmp_path, "hi_in", "train", {"a.wav": layouts.wav(layouts.samples())})
    with (tmp_path / "data/hi_in/train.tsv").open("ab") as stream:
        stream.write("7\tb.wav\tü\tü\tü\t8000\tMALE\n".encode("latin-1"))
    utterances, problems = read_all(open_corpus("fleurs"), tmp_path)
    assert list(utterances) == ["hi_in-a"]
    assert problems[0].reason.startswith("not UTF-8")


def test_a_length_other_than_the_rows_is_refused_unless_asked(open_corpus, read_all, tmp_path) -> None:
    layouts.fleurs(
        tmp_path, "hi_in", "train", {"a.wav": layouts.wav(layouts.samples())}, [layouts.fleurs_row("a.wav", 8001)]
    )
    utterances, problems = read_all(open_corpus("fleurs"), tmp_path)
    assert not utterances
    assert problems[0].reason == "wrong number of samples: 8000, its row says 8001"
    assert read_all(open_corpus("fleurs", "check_num_samples=false"), tmp_path)[0]


def test_missing_pieces_are_named(open_corpus, read_all, tmp_path) -> None:
    for split in ("train", "dev"):
        layouts.fleurs(tmp_path, "hi_in", split, {"a.wav": layouts.wav(layouts.samples())})
    (tmp_path / "data/hi_in/train.tsv").unlink()
    (tmp_path / "data/hi_in/audio/dev.tar.gz").unlink()
    _, problems = read_all(open_corpus("fleurs"), tmp_path)
    assert [p.reason.partition(":")[0] for p in problems] == ["missing TSV", "missing archive", "row without audio"]


def test_an_archive_that_would_write_elsewhere_stops_the_run(open_corpus, tmp_path) -> None:
    layouts.fleurs(tmp_path, "hi_in", "train", {"a.wav": layouts.wav(layouts.samples())})
    members = [("../../a.wav", layouts.wav(layouts.samples()))]
    layouts.tar_gz(tmp_path / "data/hi_in/audio/train.tar.gz", members)
    with pytest.raises(ArchiveError, match="leave the folder"):
        prepare(open_corpus("fleurs"), tmp_path, tmp_path / "out", max_bad=1)
    assert not (tmp_path / "out" / "train").exists()


def test_wrong_codes_get_the_near_ones(open_corpus, tmp_path) -> None:
    with pytest.raises(ConfigError, match="did you mean") as caught:
        open_corpus("fleurs", "languages=[hi_inn]")
    assert "hi_in" in caught.value.what
    layouts.fleurs(tmp_path, "hi_in", "train", {"a.wav": layouts.wav(layouts.samples())})
    with pytest.raises(CorpusError, match="has no ur_pk"):
        open_corpus("fleurs", "languages=[ur_pk]").parts(tmp_path)
    (tmp_path / "data/hi_in").rename(tmp_path / "data/hi_im")
    with pytest.raises(CorpusError, match="hi_im") as caught:
        open_corpus("fleurs").parts(tmp_path)
    assert "hi_in" in caught.value.fix


def test_a_subset_of_languages_and_splits(open_corpus, tmp_path) -> None:
    for code in ("hi_in", "ur_pk"):
        for split in ("train", "test"):
            layouts.fleurs(tmp_path, code, split, {"a.wav": layouts.wav(layouts.samples())})
    parts = open_corpus("fleurs", "languages=[ur_pk]", "splits=[test]").parts(tmp_path)
    assert [(part.split, part.name) for part in parts] == [("test", "ur_pk")]
    assert len(open_corpus("fleurs").parts(tmp_path / "data")) == 4


def test_the_tables_of_languages() -> None:
    assert len(FLEURS) == 102
    assert len({language.iso for language in FLEURS.values()}) == 102
    counts: dict[str, int] = {}
    for language in FLEURS.values():
        counts[language.group] = counts.get(language.group, 0) + 1
    assert counts == {
        "western_european_we": 25,
        "eastern_european_ee": 16,
        "central_asia_middle_north_african_cmn": 12,
        "sub_saharan_african_ssa": 20,
        "south_asian_sa": 14,
        "south_east_asian_sea": 11,
        "chinese_japanase_korean_cjk": 4,
    }
    assert [FLEURS[code].iso for code in ("nb_no", "sw_ke", "cmn_hans_cn", "ckb_iq")] == ["nob", "swa", "cmn", "ckb"]


@pytest.mark.parametrize(
    ("said", "iso"),
    [("English", "eng"), ("en", "eng"), ("en-US", "eng"), ("eng", "eng"), ("Hindi", "hin"), ("Klingon", "klingon")],
)
def test_languages_by_any_name(said, iso) -> None:
    assert to_iso(said) == iso


def test_a_tsv_that_cannot_be_read_is_a_problem_and_the_other_languages_are_prepared(
    open_corpus, monkeypatch, tmp_path
) -> None:
    for code in ("hi_in", "ur_pk"):
        layouts.fleurs(tmp_path / "c", code, "train", {"1.wav": layouts.wav(layouts.samples())})
    whole = Path.read_bytes

    def refuses(path: Path) -> bytes:
        if path.parent.name == "hi_in" and path.suffix == ".tsv":
            raise PermissionError(13, "Permission denied", str(path))
        return whole(path)

    monkeypatch.setattr(Path, "read_bytes", refuses)  # the tests may run as root, who may read all
    (summary,) = prepare(open_corpus("fleurs"), tmp_path / "c", tmp_path / "data")
    assert summary.problems["unreadable TSV"] == 1 and summary.problems["audio without row"] == 1
    assert summary.num_utterances == 1
