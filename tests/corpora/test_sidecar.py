from __future__ import annotations

import pytest

from masr.corpora.ids import safe_id, safe_kind, speaker_first
from masr.corpora.sidecar import read_sidecar
from masr.errors import CorpusError


def write(folder, text: str | bytes) -> None:
    data = text.encode() if isinstance(text, str) else text
    (folder / "metadata.tsv").write_bytes(data)


def test_columns_become_kinds(tmp_path) -> None:
    assert read_sidecar(tmp_path) == {}
    write(tmp_path, '\ufefffile\tSpeaker\tLoc\r\na b\tanna\t52.5  13.4\r\n"q\tbob\t\r\n\r\n')
    assert read_sidecar(tmp_path) == {"a b": {"speaker": "anna", "loc": "52.5 13.4"}, '"q': {"speaker": "bob"}}


BAD = {
    "is empty": "",
    "first column": "name\tloc\nx\t1 2\n",
    "given twice": "file\tloc\tLoc\nx\t1\t2\n",
    "without a name": "file\t\nx\t1\n",
    "written by the program": "file\tdur\nx\t1\n",
    "columns, the header": "file\tloc\nx\t1\t2\n",
    "named twice": "file\tloc\nx\t1\nx\t2\n",
    "not named": "file\tloc\n\t1\n",
    "not valid UTF-8": "file\tloc\nü\t1\n".encode("latin-1"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_broken_one_stops_the_run_and_names_the_line(tmp_path, what) -> None:
    write(tmp_path, BAD[what])
    with pytest.raises(CorpusError, match=what):
        read_sidecar(tmp_path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a b", "a_b"), ("a/b\tc", "a_b_c"), ("हिन्दी", "हिन्दी"), ("a+b*c", "a_b_c"), ("  ", "_"), ("x-1.2_y", "x-1.2_y")],
)
def test_ids_hold_nothing_that_breaks_a_table(text, expected) -> None:
    assert safe_id(text) == expected
    assert safe_id(safe_id(text)) == expected


def test_speakers_go_before_utterances() -> None:
    assert speaker_first("84-1-2", "84-1") == "84-1-2"
    assert speaker_first("u1", "u1") == "u1"
    assert speaker_first("84x", "84") == "84-84x"
    assert safe_kind("Place Name!") == "place_name"


def test_a_column_whose_name_no_file_can_have_is_refused(tmp_path) -> None:
    name = "a-" * 30000
    (tmp_path / "metadata.tsv").write_text(f"file\t{name}\nx.wav\t1\n", encoding="utf-8")
    with pytest.raises(CorpusError, match="has a name of 59999 letters"):
        read_sidecar(tmp_path)
