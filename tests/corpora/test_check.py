from __future__ import annotations

import pytest

from masr.corpora.check import check
from masr.corpora.columns import aligned
from masr.errors import CorpusError
from reference import corpus_layouts as layouts


def test_fleurs_counts_rows_and_names_what_is_missing(open_corpus, tmp_path) -> None:
    source = layouts.build("fleurs", tmp_path)
    (source / "data/hi_in/audio/dev.tar.gz").unlink()
    lines = check(open_corpus("fleurs"), source).splitlines()
    assert lines[1].split() == ["hi_in", "hin", "3", "3", "3", "audio/dev.tar.gz"]
    assert lines[2].split()[:5] == ["ur_pk", "urd", "0", "2", "0"]


def test_the_others_count_utterances(open_corpus, tmp_path) -> None:
    source = layouts.build("librispeech", tmp_path)
    (source / "LibriSpeech/dev-clean/84/121123/84-121123-0001.flac").unlink()
    lines = check(open_corpus("librispeech"), source).splitlines()
    assert lines[1].split() == ["dev_clean", "2", "3", "1", "1", "x", "transcript", "without", "audio"]


def test_nothing_usable_is_an_error(open_corpus, tmp_path) -> None:
    source = layouts.build("librispeech", tmp_path)
    for path in source.rglob("*.flac"):
        path.unlink()
    with pytest.raises(CorpusError, match="no utterance"):
        check(open_corpus("librispeech"), source)


def test_columns() -> None:
    assert aligned([("a", "n"), ("long", "5"), ("x", "10.5")]) == "a        n\nlong     5\nx     10.5"
