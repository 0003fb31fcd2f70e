"""ML-SUPERB in its folders: which lines a training may see, and the text as it is scored."""

from __future__ import annotations

import pytest

from masr.corpora.ml_superb import FEW_SHOT, normalised
from masr.errors import CorpusError
from reference import corpus_layouts as layouts

ROWS = {
    "10min_train": ["mls_eng_000001 4.5 It's 'me' [noise] ok.", "mls_eng_000002 25.0 too long", "mls_eng_000003 3.0"],
    "1h_train": ["mls_eng_000004 25.0 a long one"],
    "10min_dev": ["mls_eng_000005 25.0 Long, in dev"],
    "10min_test": ["mls_eng_000006 1.0 Test"],
}


@pytest.fixture
def source(tmp_path):
    files = {f"mls_eng_{k:06d}": layouts.wav(layouts.samples(k)) for k in range(1, 7)}
    root = layouts.ml_superb(tmp_path, "mls", "eng", ROWS, files)
    few = {"10min_train": [f"nchlt_tso_{k:06d} 2.0 x" for k in (35, 36, 125)]}
    return layouts.ml_superb(
        root, "nchlt", "tso", few, {f"nchlt_tso_{k:06d}": layouts.wav(layouts.samples(k)) for k in (35, 36, 125)}
    )


def test_few_shot_is_five_of_each_of_twenty() -> None:
    assert len(FEW_SHOT) == 20 and all(len(names) == 5 for names in FEW_SHOT.values())
    assert FEW_SHOT["tok"] == {f"cv_tok_{k:06d}" for k in (4, 11, 30, 84, 101)}
    assert "googlei18n-tts_tsn_000108" in FEW_SHOT["tsn"] and "voxpopuli_lit_001707" in FEW_SHOT["lit"]


def test_sets_texts_and_labels(open_corpus, read_all, source) -> None:
    utterances, problems = read_all(open_corpus("ml_superb"), source)
    assert {utt: u.text for utt, u in utterances.items()} == {
        "mls_eng_000001": "ITS ME OK",
        "mls_eng_000003": "",
        "mls_eng_000005": "LONG IN DEV",
        "mls_eng_000006": "TEST",
        "nchlt_tso_000035": "X",
        "nchlt_tso_000125": "X",
    }
    assert [problem.reason for problem in problems] == ["longer than most_train_sec: 25 s"]
    assert utterances["mls_eng_000001"].labels == {"lang": "eng", "source": "mls"}


def test_what_the_benchmark_leaves_out_can_be_had(open_corpus, read_all, source) -> None:
    asked = ("duration=1h", "most_train_sec=0", "text=raw", "few_shot=false")
    utterances, problems = read_all(open_corpus("ml_superb", *asked), source)
    assert utterances["mls_eng_000004"].text == "a long one" and not problems
    assert "mls_eng_000001" not in utterances
    assert len(read_all(open_corpus("ml_superb", "few_shot=false", "languages=[tso]"), source)[0]) == 3
    assert set(read_all(open_corpus("ml_superb", "sources=[nchlt]"), source)[0]) == {
        "nchlt_tso_000035",
        "nchlt_tso_000125",
    }


def test_bad_lines_are_counted(open_corpus, read_all, tmp_path) -> None:
    lines = ["one", "../x 1.0 a", "u1 nan a", "u2 -1 a", "u3 1.0 good"]
    root = layouts.ml_superb(tmp_path, "fleurs", "deu", {"10min_train": lines}, {"u3": b""})
    with (root / "eighth_version/fleurs/deu/transcript_10min_train.txt").open("ab") as stream:
        stream.write(b"u4 1.0 \xff\n" + b"u5 1.0 " + b"a" * (1 << 21) + b"\nu6 1.0 last\n")
    utterances, problems = read_all(open_corpus("ml_superb"), root)
    assert sorted(utterances) == ["u3", "u6"]
    assert [problem.reason.partition(":")[0] for problem in problems] == [
        "wrong number of columns",
        "bad file name",
        "bad duration",
        "bad duration",
        "not UTF-8",
        "line too long",
    ]


def test_normalising_is_the_benchmarks() -> None:
    assert normalised("[a] B-c, «d»  [e (f)] ß") == "BC «D» E F SS"


def test_other_folders_are_refused(open_corpus, tmp_path, source) -> None:
    with pytest.raises(CorpusError, match="has no engl") as caught:
        open_corpus("ml_superb", "languages=[engl]").parts(source)
    assert "eng" in caught.value.why
    with pytest.raises(CorpusError, match="no folder of a language"):
        open_corpus("ml_superb").parts(tmp_path / "eighth_version" / "mls")
